"""What instructions compute, written as expressions, against the source that each interpreter compiled itself."""

import ast
import functools
import json
import random
import subprocess

import pytest

from pyxhon.cpython.bytecode import Instructions
from pyxhon.cpython.disassembly import Parts
from pyxhon.cpython.expressions import expressions_of
from pyxhon.cpython.opcode_tables import load_opcodes
from tests.interpreters import Interpreter, every_python

_COMPILING = """
import json, sys
def text_of(constant):
    return "<code %s>" % constant.co_name if hasattr(constant, "co_name") else repr(constant)
for source in json.load(sys.stdin):
    code = compile(source, "x", "exec")
    others = [name for name in code.co_cellvars if name not in code.co_varnames]
    print(json.dumps([
        code.co_code.hex(), [{"type": type(one).__name__, "text": text_of(one)} for one in code.co_consts],
        code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars,
        [*code.co_varnames, *others, *code.co_freevars]]))
"""
_SPELLED = (
    "getattr(os, 'sys' + x)('id')", "o.a.b(1)[2].c(d=3)", "exec(zlib.decompress(base64.b64decode(b'x')))",
    "f(*a, **k)", "a(-x, not y, [1, z], (w,), {'a': b})", "f(1)(2)(3)", "f(a[1:b], c[d], e < f)", "h((a + b) * c)",
    "__import__('o' + 's'.lower()).system('id')", "f(a is not b, c not in d)", "marshal.loads(x[16:])",
)  # fmt: skip


def _compile(python: Interpreter, sources: list[str]) -> list[Parts]:
    done = subprocess.run(
        python.command("-c", _COMPILING), input=json.dumps(sources), capture_output=True, text=True, check=True
    )
    return [
        Parts(python.version[:2], 1, bytes.fromhex(code), *rest, b"", b"")
        for code, *rest in map(json.loads, done.stdout.splitlines())
    ]


def _calls(parts: Parts) -> list[str | None]:
    table = load_opcodes(parts.version)
    instructions = Instructions(table, parts.bytecode).all
    calls = [one for one in instructions if one.name.startswith("CALL") and "INTRINSIC" not in one.name]
    written = expressions_of(table, parts, instructions)
    return [written.get(one.offset) for one in calls]


def _written(source: str) -> list[str]:
    """Give the calls of a source in the order in which they are made."""

    def calls(node: ast.AST) -> list[str]:
        inner = [call for child in ast.iter_child_nodes(node) for call in calls(child)]
        return [*inner, ast.unparse(node)] if isinstance(node, ast.Call) else inner

    return calls(ast.parse(source))


@functools.cache
def _random_sources() -> list[str]:
    chance = random.Random(20261127)

    def expression(depth: int) -> str:
        if not depth:
            return chance.choice(["a", "b", "c", "1", "'s'", "x.y"])
        a, b = expression(depth - 1), expression(depth - 1)
        return chance.choice([
            f"f({a}, {b})", f"g({a}, k={b})", f"q.m({a})", f"r({a})({b})", f"s({a}).t({b})", f"[v({a}), {b}]",
            f"w({a})[{b}]", f"(a + u({a}))", f"p.z({a}, j={b}, i={a})",
        ])  # fmt: skip

    return [f"zz({expression(chance.randrange(1, 3))})" for _ in range(400)]


@every_python()
def test_every_call_is_written_as_in_the_source(python):
    sources = [*_SPELLED, *_random_sources()]

    for source, parts in zip(sources, _compile(python, sources), strict=True):
        assert _calls(parts) == _written(source)


@every_python()
def test_what_depends_on_the_way_is_unknown_and_nothing_else(python):
    [either, one] = _compile(python, ["f(a and b)(c.d)", "f(g(1), a and b, h(2))"])

    assert _calls(either) == ["f(?)", "f(?)(c.d)"]
    assert _calls(one)[-1] == "f(g(1), ?, h(2))"


@every_python()
def test_code_after_jumps_and_handlers_is_read_from_there_on(python):
    source = "for i in x:\n    try:\n        f(i)\n    except E:\n        g(o.p)\n    while i: h(1)\nk(i, l=2)\n"

    [parts] = _compile(python, [source])

    assert set(_calls(parts)) - {None} == {"f(i)", "g(o.p)", "h(1)", "k(i, l=2)"}


@every_python()
def test_an_import_is_written_as_one(python):
    [parts] = _compile(python, ["from a.b import c"])
    table = load_opcodes(parts.version)
    instructions = Instructions(table, parts.bytecode).all
    by_offset = expressions_of(table, parts, instructions)
    written = {one.name: by_offset.get(one.offset) for one in instructions}

    assert (written["IMPORT_NAME"], written["IMPORT_FROM"]) == ("import a.b", "c")
    assert written["POP_TOP"] is None


@pytest.mark.parametrize("version", [(3, minor) for minor in range(8, 16)])
def test_any_bytes_come_to_an_end_with_bounded_texts(version):
    chance, table = random.Random(7), load_opcodes(version)
    names = ["n" * 100] * 10
    for _ in range(60):
        code = chance.randbytes(600)
        parts = Parts(version, 1, code, [None, {"type": "str", "text": "'" + "s" * 150}], names, names, names, names,
                      names, b"", b"")  # fmt: skip
        instructions = Instructions(table, code).all
        assert max(map(len, expressions_of(table, parts, instructions).values()), default=0) <= 160
