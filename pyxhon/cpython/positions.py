"""Lines and columns of instructions, from the location table of CPython 3.11 and later (Objects/locations.md).

The tables come from a target's memory, so any bytes must do: what makes no sense gives no position, never an error.
"""

import bisect
import functools
import re
from dataclasses import dataclass

_CODE_UNIT = 2
_FIRST_WITH_COLUMNS = (3, 11)
_MAX_NUMBER = 0x7FFFFFFF
_MAX_VARINT_BYTES = 6
_KIND_SHORT_LAST, _KIND_ONE_LINE_LAST, _KIND_NO_COLUMNS, _KIND_LONG = 9, 12, 13, 14  # of pycore_code.h
_ENTRY = re.compile(rb".[\x00-\x7f]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Position:
    """Where an instruction comes from; columns count bytes of UTF-8 from 0, as co_positions() gives them."""

    line: int
    end_line: int
    column: int | None
    end_column: int | None


@dataclass(frozen=True, slots=True)
class PositionTable:
    """Which position each instruction has: `positions[i]` from `starts[i]` on."""

    starts: tuple[int, ...]
    positions: tuple[Position | None, ...]

    def at(self, offset: int) -> Position | None:
        """Give the position of the instruction at this offset in bytes."""
        index = bisect.bisect_right(self.starts, offset) - 1
        return self.positions[index] if index >= 0 else None


@functools.lru_cache(maxsize=4096)
def read_positions(version: tuple[int, int], first_line: int, table: bytes) -> PositionTable | None:
    """Read co_linetable; None where it has no columns, as up to 3.10."""
    if version < _FIRST_WITH_COLUMNS:
        return None
    starts: list[int] = []
    positions: list[Position | None] = []
    offset, line = 0, first_line
    for entry in _ENTRY.finditer(table):
        content = entry.group()
        kind = content[0] >> 3 & 15
        position, line = _read_entry(kind, content, line)
        starts.append(offset)
        positions.append(position)
        offset += ((content[0] & 7) + 1) * _CODE_UNIT
    starts.append(offset)
    positions.append(None)
    return PositionTable(tuple(starts), tuple(positions))


def _read_entry(kind: int, content: bytes, line: int) -> tuple[Position | None, int]:
    if kind > _KIND_LONG:
        return None, line
    if kind > _KIND_ONE_LINE_LAST:
        return _read_long_entry(kind, content, line)
    if kind <= _KIND_SHORT_LAST:
        column = kind << 3 | content[1] >> 4 & 7 if len(content) > 1 else 0
        columns = [column, column + (content[1] & 15)] if len(content) > 1 else []
    else:
        line += kind - _KIND_SHORT_LAST - 1
        columns = list(content[1:3])
    return (Position(line, line, *columns) if len(columns) == 2 else None), line  # noqa: PLR2004


def _read_long_entry(kind: int, content: bytes, line: int) -> tuple[Position | None, int]:
    numbers = _read_numbers(content[1:])
    delta = numbers[0] if numbers else 0
    line += -(delta >> 1) if delta & 1 else delta >> 1
    if not 0 <= line <= _MAX_NUMBER:
        return None, line
    if kind == _KIND_NO_COLUMNS or len(numbers) < 4:  # noqa: PLR2004
        return Position(line, line, None, None), line
    column, end_column = (number - 1 if number else None for number in numbers[2:4])
    return Position(line, min(line + numbers[1], _MAX_NUMBER), column, end_column), line


def _read_numbers(content: bytes) -> list[int]:
    numbers: list[int] = []
    value = shift = 0
    for byte in content[: 4 * _MAX_VARINT_BYTES]:
        value |= (byte & 63) << shift
        shift += 6
        if not byte & 64:
            numbers.append(min(value, _MAX_NUMBER))
            value = shift = 0
        elif shift > 6 * _MAX_VARINT_BYTES:
            break
    return numbers
