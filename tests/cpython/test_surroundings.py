"""What surrounds an import is told by its bytecode, on every interpreter."""

import json
import subprocess

from pyxhon.cpython.bytecode import Instructions
from pyxhon.cpython.disassembly import Parts, describe_argument
from pyxhon.cpython.opcode_tables import load_opcodes
from pyxhon.cpython.surroundings import surroundings_of
from tests.interpreters import every_python

_SOURCE = """
import plain
if x:
    import conditional
else:
    import otherwise
try:
    import tried
except ImportError:
    import fallback
try:
    import tried_for_all
except:
    import after_any
else:
    import afterwards
with y:
    import within
try:
    import cleaned_up
finally:
    import at_last
for i in z:
    import repeated
try:
    if q:
        import both
except (A, B) as e:
    import named
try:
    with y:
        import within_tried
except A as e:
    try:
        import tried_again
    except B:
        pass
import last
"""
_EXPECTED = {
    "plain": (), "conditional": ("branch",), "otherwise": ("branch",), "tried": ("try",), "fallback": ("except",),
    "tried_for_all": ("try",), "after_any": ("except",), "within": (), "cleaned_up": (),
    "repeated": ("branch",), "both": ("branch", "try"), "within_tried": ("try",), "named": ("except",), "last": (),
}  # fmt: skip
_COMPILING = """
import json, sys
code = compile(sys.stdin.read(), "x", "exec")
print(json.dumps([code.co_code.hex(), code.co_names, getattr(code, "co_exceptiontable", b"").hex()]))
"""


@every_python()
def test_conditions_try_blocks_and_handlers_around_imports_are_told(python):
    done = subprocess.run(python.command("-c", _COMPILING), input=_SOURCE, capture_output=True, text=True, check=True)
    code, names, exceptions = json.loads(done.stdout)
    version = python.version[:2]
    parts = Parts(version, 1, bytes.fromhex(code), [], names, [], [], [], [], b"", bytes.fromhex(exceptions))
    table = load_opcodes(version)
    instructions = Instructions(table, parts.bytecode).all

    found = {}
    for one in instructions:
        if one.name == "IMPORT_NAME":
            name = describe_argument(table, parts, one)
            found.setdefault(name, set()).update(surroundings_of(table, parts, instructions, one.offset))

    assert {name: found[name] for name in _EXPECTED} == {name: set(words) for name, words in _EXPECTED.items()}
    assert "try" in found["tried_again"]
    assert found["afterwards"] <= {"branch"}  # it depends on where the compiler puts the handlers


def test_bytecode_that_makes_no_sense_has_no_surroundings_and_no_error():
    table = load_opcodes((3, 12))
    parts = Parts((3, 12), 1, bytes(range(256)) * 4, [], [], [], [], [], [], b"", bytes(range(256)))
    instructions = Instructions(table, parts.bytecode).all

    for one in instructions:
        assert len(surroundings_of(table, parts, instructions, one.offset)) <= 3
