"""Call frame information: against pyelftools on files of this machine, by hand, and damaged."""

import contextlib
import os
import random
import shutil
import struct
import time
from pathlib import Path

import pytest
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyxhon.errors import ElfError
from pyxhon.target.cfi import CallFrameInformation, Kind, row_at
from pyxhon.target.cfi_entries import CfiError, Cie, Fde, parse_cie, parse_fde
from pyxhon.target.cfi_expressions import evaluate
from pyxhon.target.elf import image_of, open_image
from pyxhon.target.images import copy_vdso
from tests.interpreters import find_interpreters

_LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
_LOADER = "/lib64/ld-linux-x86-64.so.2"
_FILES = [_LIBC, _LOADER, *sorted({os.path.realpath(one.path) for one in find_interpreters() if one.root == "/"})]
_LIBRARIES = {Path(one.path).parent.parent / f"lib/libpython3.{one.version[1]}.so.1.0" for one in find_interpreters()}
_FILES += sorted(str(library) for library in _LIBRARIES if library.exists())
_SAMPLE = 700
_KINDS = {
    "OFFSET": Kind.OFFSET,
    "VAL_OFFSET": Kind.VALUE_OFFSET,
    "REGISTER": Kind.REGISTER,
    "EXPRESSION": Kind.EXPRESSION,
    "VAL_EXPRESSION": Kind.VALUE_EXPRESSION,
    "UNDEFINED": Kind.UNDEFINED,
}
_PLAIN_CIE = Cie(1, -8, 16, 0, has_augmentation_data=False, is_signal=False, instructions=b"\x0c\x07\x08\x90\x01")


def _expected_row(row):
    """A row of pyelftools in our words."""
    cfa = row["cfa"]
    rules = {}
    for register, rule in row.items():
        if isinstance(register, int) and register < 17 and rule.type in _KINDS:
            is_expression = rule.type.endswith("EXPRESSION")
            rules[register] = (
                _KINDS[rule.type],
                0 if is_expression else rule.arg or 0,
                bytes(rule.arg) if is_expression else b"",
            )
    if cfa.expr is not None:
        return (-1, 0, bytes(cfa.expr)), rules
    return (cfa.reg, cfa.offset, b""), rules


def _our_row(row):
    rules = {register: (rule.kind, rule.value, rule.expression) for register, rule in row.rules}
    return (row.cfa_register, row.cfa_offset, row.cfa_expression), rules


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.replace("/", "_"))
def test_every_row_is_that_of_pyelftools(path):
    with Path(path).open("rb") as file, open_image(path) as image:
        elf = ELFFile(file)
        every = elf.get_dwarf_info(relocate_dwarf_sections=False).EH_CFI_entries()
        entries = [entry for entry in every if isinstance(entry, FDE)]
        chosen = random.Random(1).sample(entries, min(_SAMPLE, len(entries)))
        frames = CallFrameInformation(image)
        wrong = []
        for entry in chosen:
            start, size = entry["initial_location"], entry["address_range"]
            for row in entry.get_decoded().table:
                found = frames.row(row["pc"]) if row["pc"] < start + size else None
                if row["pc"] < start + size and (found is None or _our_row(found) != _expected_row(row)):
                    wrong.append((hex(row["pc"]), _expected_row(row), found))

    assert wrong == []
    assert len(chosen) > 3


@pytest.mark.parametrize("path", [_LIBC, _LOADER])
def test_a_walk_over_the_section_finds_what_the_table_finds(path, tmp_path):
    copy = tmp_path / "without_header"
    content = bytearray(Path(path).read_bytes())
    (segments,) = struct.unpack_from("<Q", content, 32)
    (count,) = struct.unpack_from("<H", content, 56)
    for index in range(count):
        if struct.unpack_from("<I", content, segments + 56 * index)[0] == 0x6474E550:
            struct.pack_into("<I", content, segments + 56 * index, 0)
    copy.write_bytes(content)

    with open_image(path) as whole, open_image(str(copy)) as other:
        starts = list(whole.function_starts)
        by_table, by_walk = CallFrameInformation(whole), CallFrameInformation(other)

        assert [by_walk.row(start + 1) for start in starts] == [by_table.row(start + 1) for start in starts]


def test_the_signal_trampoline_of_libc_is_a_signal_frame():
    with open_image(_LIBC) as image:
        frames = CallFrameInformation(image)
        signal_rows = [row for start in image.function_starts if (row := frames.row(start + 1)) and row.is_signal]

    assert len(signal_rows) == 1
    assert signal_rows[0].cfa_expression
    assert all(rule.kind == Kind.EXPRESSION for _, rule in signal_rows[0].rules)


def test_the_vdso_has_tables():
    with copy_vdso() as image:
        frames = CallFrameInformation(image)
        address = image.exported_address("__vdso_clock_gettime")

        assert frames.row(address).function_start == address


def _run(instructions, address=0, cie=_PLAIN_CIE):
    return row_at(Fde(cie, 0, 100, instructions, 0), address)


@pytest.mark.parametrize(
    "instructions, expected",
    [
        (b"\x0e\x10", (7, 16, b"")),  # def_cfa_offset
        (b"\x41\x0e\x10", (7, 8, b"")),  # not yet
        (b"\x0d\x06", (6, 8, b"")),  # def_cfa_register
        (b"\x12\x06\x7e", (6, 16, b"")),  # def_cfa_sf, factored
        (b"\x13\x7c", (7, 32, b"")),  # def_cfa_offset_sf
        (b"\x0f\x02\x77\x08", (-1, 0, b"\x77\x08")),  # def_cfa_expression
        (b"\x0a\x0e\x40\x0b", (7, 8, b"")),  # remember, restore
        (b"\x2e\x10\x0e\x20", (7, 32, b"")),  # GNU_args_size
    ],
)
def test_the_cfa_is_what_the_instructions_say(instructions, expected):
    row = _run(instructions)

    assert (row.cfa_register, row.cfa_offset, row.cfa_expression) == expected


@pytest.mark.parametrize(
    "instructions, register, expected",
    [
        (b"\x83\x02", 3, (Kind.OFFSET, -16)),
        (b"\x05\x03\x02", 3, (Kind.OFFSET, -16)),
        (b"\x11\x03\x7e", 3, (Kind.OFFSET, 16)),
        (b"\x2f\x03\x02", 3, (Kind.OFFSET, 16)),
        (b"\x14\x03\x02", 3, (Kind.VALUE_OFFSET, -16)),
        (b"\x15\x03\x7e", 3, (Kind.VALUE_OFFSET, 16)),
        (b"\x09\x10\x05", 16, (Kind.REGISTER, 5)),
        (b"\x07\x10", 16, (Kind.UNDEFINED, 0)),
        (b"\x83\x02\xc3", 3, None),  # restore to the initial state: no rule
        (b"\x07\x10\x06\x10", 16, (Kind.OFFSET, -8)),  # restore_extended
        (b"\x83\x02\x08\x03", 3, None),  # same_value
        (b"\x05\x21\x02", 33, None),  # a vector register is of no use
    ],
)
def test_a_register_has_the_rule_that_the_instructions_say(instructions, register, expected):
    rules = dict(_run(instructions).rules)

    found = rules.get(register)
    assert (None if found is None else (found.kind, found.value)) == expected


@pytest.mark.parametrize(
    "instructions",
    [
        b"\x0b",  # restore_state without remember_state
        b"\x0a" * 65,
        b"\x3f",
        b"\x0e" + b"\xff" * 20,
        b"\x0e",
        b"\x0f\xff\xff\x03",
        b"\x0c\x40\x08",  # the CFA of a register that is not copied
        b"\x0e\xff\xff\xff\xff\x7f",
        b"\x09\x10\x30",
        b"\x00" * 20000,
    ],
)
def test_damaged_instructions_are_refused(instructions):
    with pytest.raises(CfiError):
        _run(instructions)


@pytest.mark.parametrize(
    "expression, expected",
    [
        (b"\x77\x10", 1016),  # breg7 + 16
        (b"\x92\x07\x70", 984),  # bregx
        (b"\x35\x36\x22", 11),  # lit5 lit6 plus
        (b"\x35\x36\x1c", (1 << 64) - 1),  # minus
        (b"\x77\x00\x06", 77),  # deref
        (b"\x77\x00\x94\x01", 77),  # deref_size
        (b"\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22", 1016),  # that of the PLT
        (b"\x31\x32\x16\x1c", 1),  # swap
        (b"\x31\x32\x33\x17\x1c\x1c", 4),  # rot: 3 1 2, 3 - (1 - 2)
        (b"\x31\x12\x22", 2),  # dup
        (b"\x31\x32\x14\x22\x22", 4),  # over
        (b"\x31\x32\x15\x01\x22\x22", 4),  # pick
        (b"\x31\x28\x01\x00\x3f\x32", 2),  # bra
        (b"\x2f\x01\x00\x3f\x32", 2),  # skip
        (b"\x09\xff\x1f", 1),  # const1s neg
        (b"\x0a\x00\x01\x23\x80\x01", 384),  # const2u plus_uconst
        (b"\x08\x07\x08\x02\x1b", 3),  # div
        (b"\x08\x07\x08\x02\x1d", 1),  # mod
        (b"\x09\xf8\x31\x26", (1 << 64) - 4),  # shra
        (b"\x31\x13\x35", 5),  # drop
    ],
)
def test_an_expression_gives_what_dwarf_says(expression, expected):
    registers = [0] * 17
    registers[7], registers[16] = 1000, 0x100C
    # for the PLT's: rsp + 8 + (((rip & 15) >= 11) << 3)
    assert evaluate(expression, registers, lambda _: 77) == expected


@pytest.mark.parametrize(
    "expression",
    [b"\x2f\xfd\xff", b"\x22", b"", b"\x31" * 100, b"\x31\x30\x1b", b"\x31\x30\x1d", b"\x03\x00", b"\x8f\x00", b"\xe0",
     b"\x2f\xff\x7f", b"\x31\x15\x09", b"\x31\x12" + b"\x1e\x12" * 300],
)  # fmt: skip
def test_a_damaged_expression_is_refused(expression):
    with pytest.raises(CfiError):
        evaluate(expression, [1] * 17, lambda _: 1)


def test_an_unknown_register_is_refused():
    with pytest.raises(CfiError):
        evaluate(b"\x77\x00", [None] * 17, lambda _: 1)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, (1 << 64) - 1))
def test_any_bytes_as_entries_are_parsed_or_refused(content, address):
    for parse in (lambda: parse_cie(content, address), lambda: parse_cie(content, address, is_debug=True),
                  lambda: parse_fde(content, address, _PLAIN_CIE), lambda: _run(content, 50),
                  lambda: evaluate(content, [1] * 17, lambda _: 1)):  # fmt: skip
        with contextlib.suppress(CfiError):
            parse()


def _bytes_image(content):
    descriptor = os.memfd_create("damaged")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return image_of(descriptor, "damaged")


_SMALL = Path(shutil.which("sleep")).read_bytes()
with open_image(shutil.which("sleep")) as _image:
    _STARTS = list(_image.function_starts)
    _HEADER = next(s for s in _image.segments if s.kind == 0x6474E550)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 0x3000), st.integers(0, 255)), max_size=30), st.booleans())
def test_damaged_frames_give_rows_or_errors_and_never_hang(changes, has_header):
    content = bytearray(_SMALL)
    for position, value in changes:
        content[min(_HEADER.offset + position, len(content) - 1)] = value
    if not has_header:
        content = content.replace(struct.pack("<I", 0x6474E550), bytes(4), 1)
    began = time.process_time()

    with contextlib.suppress(ElfError), _bytes_image(bytes(content)) as image:
        frames = CallFrameInformation(image)
        for start in _STARTS[:60]:
            with contextlib.suppress(CfiError):
                frames.row(start + 3)

    assert time.process_time() - began < 5
