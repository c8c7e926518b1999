"""Repeats of an act that were stored one by one (`--no-aggregate`), counted as the kernel counts them otherwise."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

# Columns of table event. What makes, loads or disturbs something is told apart each time: others refer to it by number.
_ID, _KIND, _COUNT, _FAILED, _FIRST, _LAST = 0, 3, 9, 10, 11, 12
_SHARED: Final = (3, 4, 6, 13)  # kind, name, result, signal
_FOLDED: Final = frozenset({"audit", "import", "call", "syscall"})


@dataclass(slots=True)
class Folded:
    """Rows of table event of which no two differ in number, count and time alone; each has its first number.

    `firsts` has the number of the row that one of those asked for was counted into.
    """

    firsts: dict[int, int] = field(default_factory=dict)
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _totals: dict[int, list[int]] = field(default_factory=dict)  # by place in `_rows`: count, failed, first, last

    def take_rows(self) -> Iterator[tuple[Any, ...]]:
        """Give each row once, and let go of it: there may be a million."""
        self._rows.reverse()
        for place in range(len(self._rows)):
            row = self._rows.pop()
            total = self._totals.pop(place, None)
            yield row if total is None else (*row[:_COUNT], *total, *row[_LAST + 1 :])

    def add(self, row: tuple[Any, ...], place: int) -> None:
        """Count a row into the one at a place."""
        total = self._totals.get(place)
        if total is None:
            total = self._totals[place] = list(self._rows[place][_COUNT : _LAST + 1])
        total[0] += row[_COUNT]
        total[1] += row[_FAILED]
        total[2] = min(total[2], row[_FIRST])
        total[3] = max(total[3], row[_LAST])

    def keep(self, row: tuple[Any, ...]) -> None:
        """Take up a row that none before is like."""
        self._rows.append(row)

    def number_at(self, place: int) -> int:
        """Give the number of a row."""
        return int(self._rows[place][_ID])


def fold(rows: Iterable[tuple[Any, ...]], referred: frozenset[int]) -> Folded:
    """Count repeats; the rows come by number, `referred` are numbers that others refer to."""
    folded = Folded()
    places: dict[tuple[Any, ...], int] = {}
    texts: dict[str | None, str | None] = {}
    kept = 0
    for row in rows:
        if row[_KIND] in _FOLDED:
            key = row[1:_COUNT] + row[_LAST + 1 :]  # all but number, counts and times
            place = places.get(key)
            if place is not None:
                folded.add(row, place)
                if row[_ID] in referred:
                    folded.firsts[row[_ID]] = folded.number_at(place)
                continue
            places[key] = kept
            # SQLite makes each text anew: few kinds, names, results and signals are held once.
            kind, name, result, signal = [texts.setdefault(row[column], row[column]) for column in _SHARED]
            folded.keep((*row[:_KIND], kind, name, row[5], result, *row[7:13], signal, *row[14:]))
        else:
            folded.keep(row)
        kept += 1
    return folded
