"""System call instructions, against objdump and against code that hides them."""

import os
import sysconfig
from pathlib import Path

import pytest

from pyxhon.dossier.budget import Budget
from pyxhon.dossier.system_call_code import find_system_calls
from pyxhon.target.elf import open_image
from tests.unit.dossier.builds import SIX, build, disassembled, dossier_of

_WHEELS = sorted(map(str, Path(sysconfig.get_path("purelib")).rglob("*.so")))
_PATTERN_AT_JUMP = """
void hidden(void) {
    __asm__ volatile("jmp 1f\\n .byte 0xb8\\n 1: syscall" :: "a"(39) : "rcx", "r11", "memory");
}
"""


def confirmed_in(path):
    with open_image(path) as image:
        return find_system_calls(image, image.function_starts, Budget()).confirmed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("system_call_code")


@pytest.mark.parametrize("name", ["libc.so.6", "ld-linux-x86-64.so.2", "libm.so.6"])
def test_confirmed_are_those_that_objdump_shows(name):
    path = f"/lib/x86_64-linux-gnu/{name}"

    assert set(confirmed_in(path)) == disassembled(path)


@pytest.mark.parametrize("path", _WHEELS, ids=os.path.basename)
def test_no_bytes_inside_other_instructions_of_a_wheel_are_confirmed(path):
    found = dossier_of(path)

    assert (found.raw_syscalls, found.raw_syscall_functions, found.partial) == (0, [], [])


@pytest.mark.parametrize(
    "options", [(), ("-s",), ("-fno-asynchronous-unwind-tables",), ("-fno-asynchronous-unwind-tables", "-s")], ids=str
)
def test_six_of_six_are_confirmed_with_and_without_symbols_and_unwind_tables(folder, options):
    found = dossier_of(build(folder, "six", SIX, *options))

    assert found.raw_syscalls == 6
    assert found.raw_syscall_bytes > 6


def test_functions_with_them_are_named(folder):
    found = dossier_of(build(folder, "named", SIX))

    assert found.raw_syscall_functions == ["hidden", "one", "two", "old", "fast"]


def test_functions_without_a_name_are_addresses(folder):
    found = dossier_of(build(folder, "unnamed", SIX, "-s"))

    hidden, *others = found.raw_syscall_functions
    assert others == ["one", "two", "old", "fast"]
    assert hidden.startswith("0x")


def test_one_behind_a_byte_that_only_a_jump_passes_is_confirmed(folder):
    assert dossier_of(build(folder, "jump", _PATTERN_AT_JUMP)).raw_syscall_functions == ["hidden"]


def test_one_that_unwind_tables_lie_about_is_confirmed(folder):
    path = build(folder, "plain", 'void one(void) { __asm__ volatile("' + "nop\\n" * 60 + 'syscall"); }')

    with open_image(path) as image:
        (place,) = find_system_calls(image, image.function_starts, Budget()).confirmed
        starts = type(image.function_starts)("Q", [place + 1])
        too_early = type(image.function_starts)("Q", [0])

        assert find_system_calls(image, starts, Budget()).confirmed == (place,)
        assert find_system_calls(image, too_early, Budget()).confirmed == (place,)


def test_a_prefix_hides_none(folder):
    source = 'void one(void) { __asm__ volatile(".byte 0x48\\n syscall\\n .byte 0xf3\\n syscall"); }'

    assert dossier_of(build(folder, "prefix", source)).raw_syscalls == 2


def test_tables_that_share_the_segment_of_the_code_are_none(folder):
    table = (
        "__attribute__((used)) static const unsigned char table[] = {" + "0x90, 0x90, 0x0f, 0x05, 0x90," * 200 + "0};"
    )

    found = dossier_of(build(folder, "table", table + SIX, "-Wl,-z,noseparate-code"))

    assert found.raw_syscalls == 6
    assert found.raw_syscall_bytes > 200


def test_section_headers_that_call_code_data_hide_none(folder):
    path = Path(build(folder, "lying", SIX))
    content = bytearray(path.read_bytes())
    table, count = int.from_bytes(content[40:48], "little"), int.from_bytes(content[60:62], "little")
    with open_image(str(path)) as image:
        text = next(index for index, section in enumerate(image.sections) if section.name == ".text")
    assert text < count
    content[table + 64 * text + 8] &= ~4  # SHF_EXECINSTR
    path.write_bytes(content)

    assert dossier_of(str(path)).raw_syscalls == 6
