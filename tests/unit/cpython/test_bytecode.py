"""Bytecode that makes no sense, and opcodes that something else stands in the place of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.cpython.bytecode import Covered, Instructions, read_instructions, restore
from pyxhon.cpython.opcode_tables import load_opcodes

VERSIONS = [(3, minor) for minor in range(8, 16)]
WITH_MONITORING = [(3, minor) for minor in range(12, 16)]


@pytest.mark.parametrize("version", VERSIONS)
@given(raw=st.binary(max_size=600), lines=st.binary(max_size=60), instructions=st.binary(max_size=60))
def test_any_bytes_are_put_back_to_as_many(version, raw, lines, instructions):
    table = load_opcodes(version)

    restored, unresolved = restore(table, raw, Covered(lines, 2, instructions, lambda index: (index, 1)))

    assert len(restored) in (len(raw), len(raw) - 1)
    assert 0 <= unresolved <= len(raw) // 2


@pytest.mark.parametrize("version", VERSIONS)
@given(bytecode=st.binary(max_size=600), offset=st.integers(-10, 700))
def test_any_bytes_are_instructions_in_their_order(version, bytecode, offset):
    instructions = Instructions(load_opcodes(version), bytecode)

    offsets = [each.offset for each in instructions.all]
    found = instructions.at(offset)

    assert offsets == sorted(set(offsets))
    assert all(each.argument is None or 0 <= each.argument < 1 << 32 for each in instructions.all)
    assert found is None or found.offset <= offset < len(bytecode)


@pytest.mark.parametrize("version", WITH_MONITORING)
def test_an_instrumented_line_is_found_under_an_instruction_on_a_specialised_opcode(version):
    table = load_opcodes(version)
    special = next(number for number, base in table.originals.items() if table.names[base] == "LOAD_ATTR")
    base = table.originals[special]
    caches = bytes(2 * table.caches[base])
    numbers = table.numbers
    raw = bytes([numbers["NOP"], 0, numbers["INSTRUMENTED_LINE"], 6]) + b"\x05" * len(caches)
    lines = bytes([0, 0, numbers["INSTRUMENTED_INSTRUCTION"], 1]) + bytes(len(caches))
    instructions = bytes([0, special]) + bytes(len(caches))

    restored, unresolved = restore(table, raw, Covered(lines, 2, instructions))

    assert restored == bytes([numbers["NOP"], 0, base, 6]) + caches
    assert unresolved == 0


@pytest.mark.parametrize("version", WITH_MONITORING)
def test_a_line_whose_table_is_gone_is_counted_and_left(version):
    table = load_opcodes(version)
    raw = bytes([table.numbers["INSTRUMENTED_LINE"], 3])

    assert restore(table, raw, Covered()) == (raw, 1)


@pytest.mark.parametrize("version", [(3, 13), (3, 14), (3, 15)])
def test_an_executor_gives_back_opcode_and_argument(version):
    table = load_opcodes(version)
    jump = table.numbers["JUMP_BACKWARD"]
    raw = bytes([table.numbers["ENTER_EXECUTOR"], 7]) + bytes(2 * table.caches[jump])

    restored, unresolved = restore(table, raw, Covered(executor=lambda index: (jump, index + 1)))

    assert restored[:2] == bytes([jump, 8])
    assert unresolved == 0


def test_extended_arguments_belong_to_the_instruction_that_follows():
    table = load_opcodes((3, 12))
    extended, load = table.numbers["EXTENDED_ARG"], table.numbers["LOAD_CONST"]

    [found] = read_instructions(table, bytes([extended, 1, extended, 2, load, 3]))

    assert (found.offset, found.name, found.argument) == (4, "LOAD_CONST", 0x010203)
    assert next(read_instructions(table, bytes([extended, 255] * 100 + [load, 1]))).argument < 1 << 32


def test_versions_that_are_not_known_have_no_table():
    assert load_opcodes((3, 7)) is None
    assert load_opcodes((3, 16)) is None
    assert load_opcodes((2, 8)) is None
