"""The C library is that of the program's own loader, also where the program's file is gone."""

import dataclasses
from types import SimpleNamespace

import pytest

from pyxhon.native_roles import Roles
from pyxhon.process_images import Image
from pyxhon.target.address_space import AddressSpace, Mapped, NativeObject
from pyxhon.target.root import open_own_root

_LOADER = NativeObject("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "file")
_LIBC = NativeObject("/usr/lib/x86_64-linux-gnu/libc.so.6", "file")


_MEMFD = NativeObject("memfd:program", "memfd")
_PYTHON = NativeObject("/opt/python/bin/python3.12", "file")


def role_of(native, *mapped, program=_MEMFD):
    """Give a role in a process that was executed by a path that is gone and then mapped these, in this order."""
    space = AddressSpace()
    for number, each in enumerate((program, *mapped)):
        space.add(Mapped(0x9000 - 0x1000 * number, 0xA000 - 0x1000 * number, 0, each))
    fields = {field.name: None for field in dataclasses.fields(Image) if field.default is dataclasses.MISSING}
    image = Image(**{**fields, "executable": "/nowhere/bin/python"})
    with open_own_root() as root:
        return Roles(image, space, root).role_of(native)


def test_the_loader_that_execve_maps_tells_the_folder():
    assert role_of(_LIBC, _LOADER, _LIBC) == "c_library"
    assert role_of(_LOADER, _LOADER, _LIBC) == "c_library"


@pytest.mark.parametrize("second", [NativeObject("/tmp/evil.so", "file"), NativeObject("/tmp/ld-linux.so.2", "file")])
def test_another_file_does_not(second):
    assert role_of(_LIBC, second, _LOADER, _LIBC) == "library"


def test_a_dll_of_the_c_librarys_name_is_a_library():
    assert role_of(NativeObject("/tmp/libc.so.6", "file"), _LOADER, _LIBC) == "library"


def test_a_program_executed_by_a_link_that_is_gone_is_what_was_mapped_first():
    assert role_of(_LIBC, _LOADER, _LIBC, program=_PYTHON) == "c_library"
    assert role_of(_PYTHON, _LOADER, _LIBC, program=_PYTHON) == "program"


def test_a_process_of_which_no_mapping_is_known_has_no_c_library():
    with open_own_root() as root:
        fields = {field.name: None for field in dataclasses.fields(Image) if field.default is dataclasses.MISSING}
        roles = Roles(Image(**{**fields, "executable": "/nowhere/bin/python"}), AddressSpace(), root)

    assert roles.role_of(_LIBC) == "library"


def test_a_library_turns_out_to_be_the_interpreter_once_that_is_known():
    library = NativeObject("/opt/python/lib/libpython3.12.so.1.0", "file")
    space = AddressSpace()
    for number, each in enumerate((_PYTHON, _LOADER, _LIBC, library)):
        space.add(Mapped(0x9000 - 0x1000 * number, 0xA000 - 0x1000 * number, 0, each))
    fields = {field.name: None for field in dataclasses.fields(Image) if field.default is dataclasses.MISSING}
    image = Image(**{**fields, "executable": _PYTHON.path})
    with open_own_root() as root:
        roles = Roles(image, space, root)
        before = [roles.role_of(each) for each in (_PYTHON, library, _LIBC)]
        image.interpreter = SimpleNamespace(runtime=SimpleNamespace(path=library.path))
        after = [roles.role_of(each) for each in (_PYTHON, library, _LIBC)]

    assert before == ["program", "library", "c_library"]
    assert after == ["interpreter", "interpreter", "c_library"]
