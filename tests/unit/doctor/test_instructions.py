"""What doctor tells of instructions and of libffi, of real files."""

import os
import re

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.doctor.instructions import examine_instructions, examine_libffi
from pyxhon.target.elf import open_image
from pyxhon.target.root import TargetRoot, open_own_root
from tests.interpreters import every_python


@every_python(is_own_root=True)
def test_bodies_of_opcodes_are_counted(python):
    runtime = find_runtime_in_file(python.path)
    layout = load_layout(".".join(map(str, runtime.version)))

    with open_image(runtime.file_path) as image:
        found = examine_instructions(image, layout)

    bodies, emulated, imports = map(int, re.findall(r"\b\d+\b", found.detail))
    assert found.is_ok
    assert 100 < emulated <= bodies  # each opcode has one
    assert 5 < imports < bodies


def test_an_interpreter_without_bodies_is_no_failure_of_the_rest():
    with open_image("/usr/bin/true") as image:
        found = examine_instructions(image, load_layout("3.11.2"))

    assert (found.is_ok, found.is_required) == (False, False)
    assert found.detail


def test_libffi_is_found_where_programs_load_it():
    with open_own_root() as root:
        assert re.fullmatch(r"ffi_call 0x[0-9a-f]+ of libffi\.so\.\*", examine_libffi(root).detail)


def test_a_root_without_libffi_is_told(tmp_path):
    with TargetRoot(os.open(tmp_path, os.O_PATH), None) as root:
        found = examine_libffi(root)

    assert (found.is_ok, found.detail) == (False, "no libffi.so.* in the usual directories")
