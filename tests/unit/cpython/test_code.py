"""Instruction offsets, hidden frames, and line tables that make no sense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.cpython.code import instruction_offset, is_frame_started, line_of, read_line_table
from pyxhon.cpython.layout import load_layout

VERSIONS = [(3, minor) for minor in range(8, 16)]


@pytest.mark.parametrize("version", VERSIONS)
@given(table=st.binary(max_size=600), first_line=st.integers(-(2**31), 2**31 - 1), offset=st.integers(-10, 4000))
def test_any_bytes_make_a_bounded_table(version, table, first_line, offset):
    lines = read_line_table(version, first_line, table)

    assert len(lines.starts) == len(lines.lines) <= len(table) + 2
    assert list(lines.starts) == sorted(lines.starts)
    assert lines.line_of(offset) is None or -(2**31) <= lines.line_of(offset) < 2**31
    assert line_of(version, first_line, table, offset) == lines.line_of(offset)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_long_table_of_the_longest_numbers_stays_quick(version):
    table = read_line_table(version, 1, b"\xf7\x7f\x7f\x7f\x7f\x7f\x7f\x7f" * 100000)

    assert all(line is None or 0 <= line < 2**31 for line in table.lines)


@pytest.mark.parametrize(
    "version, walked, offset",
    [
        ("3.8", 6, 6),
        ("3.9", 6, 6),
        ("3.9", 0xFFFFFFFF, -1),
        ("3.10", 3, 6),
        ("3.10", -1, -1),
        ("3.10", 0xFFFFFFFF, -1),
        ("3.11", 6, 6),
        ("3.12", 0xFFFFFFFE, -1),
        ("3.15", 6, 6),
    ],
)
def test_what_the_walk_finds_becomes_an_offset_in_bytes(version, walked, offset):
    assert instruction_offset(load_layout(version), walked) == offset


@pytest.mark.parametrize(
    "version, offset, owner, is_started",
    [
        ("3.10", -1, None, True),  # Python shows such frames there
        ("3.11", 2, 0, False),
        ("3.11", 4, 0, True),
        ("3.11", 2, None, False),
        ("3.11", 2, 1, True),  # a generator's
        ("3.12", 4, 3, False),  # not a Python frame
        ("3.14", 4, 4, False),
        ("3.15", 4, 3, False),
    ],
)
def test_frames_that_python_hides_are_not_started(version, offset, owner, is_started):
    assert is_frame_started(load_layout(version), offset, first_traceable=2, owner=owner) is is_started
