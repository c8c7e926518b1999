"""Repeats of an act that were stored one by one (`--no-aggregate`), counted as the kernel counts them otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

# Columns of table event. What makes, loads or disturbs something is told apart each time: others refer to it by number.
_ID, _KIND, _COUNT, _FAILED, _FIRST, _LAST = 0, 3, 9, 10, 11, 12
_FOLDED: Final = frozenset({"audit", "import", "call", "syscall"})


@dataclass(frozen=True, slots=True)
class Folded:
    """Rows of table event of which no two differ in number, count and time alone; each has its first number.

    `firsts` has the number of the row that one of those asked for was counted into.
    """

    rows: tuple[tuple[Any, ...], ...]
    firsts: dict[int, int]


def fold(rows: Iterable[tuple[Any, ...]], referred: frozenset[int]) -> Folded:
    """Count repeats; the rows come by number, `referred` are numbers that others refer to."""
    found: dict[Any, list[Any]] = {}
    firsts: dict[int, int] = {}
    for row in rows:
        if row[_KIND] not in _FOLDED:
            found[row[_ID]] = list(row)
            continue
        key = (row[1:9], row[13:])  # all but number, counts and times
        known = found.get(key)
        if known is None:
            found[key] = list(row)
            continue
        known[_COUNT] += row[_COUNT]
        known[_FAILED] += row[_FAILED]
        known[_FIRST] = min(known[_FIRST], row[_FIRST])
        known[_LAST] = max(known[_LAST], row[_LAST])
        if row[_ID] in referred:
            firsts[row[_ID]] = known[_ID]
    return Folded(tuple(tuple(row) for row in found.values()), firsts)
