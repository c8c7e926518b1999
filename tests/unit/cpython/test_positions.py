"""Location tables that make no sense give no positions, never an error."""

import time

from hypothesis import given
from hypothesis import strategies as st

from pyxhon.cpython.disassembly import read_exceptions
from pyxhon.cpython.positions import read_positions


@given(table=st.binary(max_size=800), first_line=st.integers(-(2**31), 2**31 - 1), offset=st.integers(-10, 4000))
def test_any_bytes_make_a_bounded_table(table, first_line, offset):
    positions = read_positions((3, 12), first_line, table)

    found = positions.at(offset)
    assert list(positions.starts) == sorted(positions.starts)
    assert len(positions.starts) <= len(table) + 1
    assert found is None or -(2**31) <= found.line < 2**32


def test_before_3_11_there_are_no_columns():
    assert read_positions((3, 10), 1, b"\x02\x01") is None


def test_numbers_without_an_end_are_read_at_once():
    started = time.monotonic()

    read_positions((3, 12), 1, b"\xf0" + b"\x7f" * 500_000)
    entries = read_exceptions(b"\x7f" * 500_000)

    assert time.monotonic() - started < 5
    assert len(entries) <= 4096


@given(table=st.binary(max_size=400))
def test_any_bytes_make_exception_entries(table):
    assert all(entry.start <= entry.end for entry in read_exceptions(table))
