"""Opcodes of our data are the interpreter's own, and each version's bodies are found in every build."""

import json
import subprocess

from pyxhon.cpython.body_sites import IMPORTS, find_body_sites
from pyxhon.cpython.instruction_set import load_instruction_set
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.machine_code import index_code
from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.target.elf import open_image
from tests.interpreters import every_python

_ASK = "import json, opcode; print(json.dumps([opcode.opmap, list(getattr(opcode, '_specialized_opmap', ()))]))"


def ask(python):
    answer = subprocess.run(python.command("-c", _ASK), check=True, capture_output=True, text=True).stdout
    return json.loads(answer)


@every_python()
def test_numbers_are_those_of_the_interpreter(python):
    numbers, _ = ask(python)
    known = load_instruction_set(python.version)

    expected = {name: number for name, number in numbers.items() if number < 256 and name not in {"CACHE", "RESERVED"}}
    assert {name: known.numbers.get(name) for name in expected} == expected


@every_python(min=(3, 13))
def test_what_the_interpreter_specialises_stands_for_another_opcode(python):
    _, specialised = ask(python)
    known = load_instruction_set(python.version)

    assert specialised
    assert {name for name in specialised if not name.startswith("INSTRUMENTED_")} <= set(known.bases)


@every_python()
def test_a_body_is_probed_of_each_opcode_that_is_wanted(python):
    if python.root != "/":
        return
    runtime = find_runtime_in_file(python.path, {})
    known, layout = load_instruction_set(runtime.version), load_layout(".".join(map(str, runtime.version)))
    with open_image(runtime.file_path) as image:
        found = find_body_sites(index_code(image), layout, known, IMPORTS)

    probed = {known.base_of(name) for site in found.sites for name in site.opcodes}
    wanted = {name for name in IMPORTS if name in known.numbers} - ({"CALL"} if "PRECALL" in known.numbers else set())
    assert probed >= wanted
    assert len({site.address for site in found.sites}) == len(found.sites)
