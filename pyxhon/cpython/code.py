"""Code objects: from a frame's instruction to the line of source, for each line table format of CPython.

The tables come from a target's memory, so any bytes must do: what makes no sense gives no line, never an error.
"""

import bisect
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyxhon.cpython.layout import Layout

_CODE_UNIT = 2  # sizeof(_Py_CODEUNIT)
_NO_LINE = -128  # of a line delta, 3.10
_MAX_LINE = 0x7FFFFFFF  # lines are ints in CPython
_MAX_VARINT_BYTES = 6  # an int needs no more

# How an entry of 3.11 and later gives its line (enum _PyCodeLocationInfoKind of pycore_code.h).
_KIND_SHORT_LAST = 9
_KIND_ONE_LINE_LAST = 12
_KIND_NO_COLUMNS = 13
_KIND_NO_LOCATION = 15
_ENTRY = re.compile(rb".[\x00-\x7f]*", re.DOTALL)  # the first byte of each has bit 7


@dataclass(frozen=True, slots=True)
class LineTable:
    """Which line each instruction belongs to: `lines[i]` from `starts[i]` on, up to `starts[i + 1]`."""

    first_line: int
    starts: tuple[int, ...]
    lines: tuple[int | None, ...]

    def line_of(self, instruction_offset: int) -> int | None:
        """Give the line of the instruction at this offset in bytes; None where the compiler gave it none."""
        if instruction_offset < 0:
            return self.first_line  # not started yet
        index = bisect.bisect_right(self.starts, instruction_offset) - 1
        return self.lines[index] if index >= 0 else None


@functools.lru_cache(maxsize=8192)  # forked processes have the same ones
def read_line_table(version: tuple[int, int], first_line: int, table: bytes) -> LineTable:
    """Read co_linetable, up to 3.9 co_lnotab; `first_line` is co_firstlineno."""
    read = next(reader for since, reader in _READERS if version >= since)
    starts: list[int] = []
    lines: list[int | None] = []
    for start, line in read(first_line, table):
        possible = line if line is not None and 0 <= line <= _MAX_LINE else None
        if starts and starts[-1] == start:
            lines[-1] = possible  # the range before was empty
        elif not lines or lines[-1] != possible:
            starts.append(start)
            lines.append(possible)
    return LineTable(first_line, tuple(starts), tuple(lines))


def line_of(version: tuple[int, int], first_line: int, table: bytes, instruction_offset: int) -> int | None:
    """Give one line of a table; to ask for many, keep what `read_line_table` gives."""
    return read_line_table(version, first_line, table).line_of(instruction_offset)


def instruction_offset(layout: Layout, walked: int) -> int:
    """Give the offset in bytes of the instruction that a frame executes; -1 for a frame that has not started.

    `walked` is what the walk of the frames found: f_lasti up to 3.10, from 3.11 on the instruction pointer less the
    address of co_code_adaptive. Either may have been stored as 32 bits without a sign. Up to 3.12 the pointer is
    prev_instr, from 3.13 instr_ptr: both are on the instruction that executes (_PyInterpreterFrame_LASTI).
    """
    signed = walked - (1 << 32) if walked > _MAX_LINE else walked
    if signed < 0:
        return -1
    counts_units = layout.version == (3, 10)  # f_lasti counts code units there, before and after it counts bytes
    return signed * _CODE_UNIT if counts_units else signed


def is_frame_started(layout: Layout, offset: int, first_traceable: int, owner: int | None = None) -> bool:
    """Say whether Python would show this frame: from 3.11 it hides those that still set themselves up.

    As _PyFrame_IsIncomplete of pycore_frame.h: `first_traceable` is _co_firsttraceable, `owner` the frame's, if known.
    """
    if layout.code_first_traceable is None:
        return True
    if owner is not None and layout.frame_owner_skip_from is not None and owner >= layout.frame_owner_skip_from:
        return False
    if owner is not None and owner == layout.frame_owner_generator:
        return True
    return offset >= first_traceable * _CODE_UNIT


def _signed_byte(value: int) -> int:
    return value - 256 if value >= 128 else value  # noqa: PLR2004


def _read_lnotab(first_line: int, table: bytes) -> Iterator[tuple[int, int | None]]:
    """Read pairs of address and line increments (Objects/lnotab_notes.txt of 3.9)."""
    address, line = 0, first_line
    yield address, line
    for index in range(0, len(table) - 1, 2):
        address += table[index]
        line += _signed_byte(table[index + 1])
        yield address, line


def _read_line_deltas(first_line: int, table: bytes) -> Iterator[tuple[int, int | None]]:
    """Read pairs of range length and line delta (PEP 626, Objects/lnotab_notes.txt of 3.10)."""
    address, line = 0, first_line
    for index in range(0, len(table) - 1, 2):
        length, delta = table[index], _signed_byte(table[index + 1])
        line += delta if delta != _NO_LINE else 0
        if length:
            yield address, None if delta == _NO_LINE else line
        address += length
    yield address, None


def _read_locations(first_line: int, table: bytes) -> Iterator[tuple[int, int | None]]:
    """Read location entries (Objects/locations.md of 3.11), of which only the lines are wanted."""
    address, line = 0, first_line
    told: int | None = None
    for entry in _ENTRY.finditer(table):
        index = entry.start()
        head = table[index]
        kind = head >> 3 & 15
        if kind > _KIND_SHORT_LAST:
            line += _line_delta(table, index + 1, kind)
        shown = None if kind == _KIND_NO_LOCATION else line
        if shown != told or not address:
            yield address, shown
            told = shown
        address += ((head & 7) + 1) * _CODE_UNIT
    yield address, None


def _line_delta(table: bytes, index: int, kind: int) -> int:
    if kind == _KIND_NO_LOCATION:
        return 0
    if kind <= _KIND_ONE_LINE_LAST:
        return kind - _KIND_SHORT_LAST - 1
    value = 0
    for shift, byte in enumerate(table[index : index + _MAX_VARINT_BYTES]):
        value |= (byte & 63) << 6 * shift
        if not byte & 64:
            break
    return -(value >> 1) if value & 1 else value >> 1


_READERS: tuple[tuple[tuple[int, int], Callable[[int, bytes], Iterator[tuple[int, int | None]]]], ...] = (
    ((3, 11), _read_locations),
    ((3, 10), _read_line_deltas),
    ((0, 0), _read_lnotab),
)
"""The reader of each line table format with the version that brought it; each gives where ranges start, and lines."""
