"""Acts that one side does through Python and the other beneath it: an audit event here, a system call there."""

from collections.abc import Mapping
from typing import Final

from pyxhon.categories import SYSTEM_KINDS, CategoryTables
from pyxhon.diff.facts import Fact, Key
from pyxhon.diff.places import Places
from pyxhon.report.model import Behaviour

_THINGS: Final = frozenset(
    {"path", "filename", "file", "src", "dst", "oldpath", "newpath", "linkpath", "target", "address", "addr", "peer"}
)
"""Arguments that name what an act is done to, by audit events and by system calls."""
_LOADS: Final = frozenset({"ctypes.dlopen"})
_LEVELS: Final = ("python", "native", "detached")


def pair_levels(
    only_a: Mapping[Key, Fact], only_b: Mapping[Key, Fact], places: tuple[Places, Places], tables: CategoryTables
) -> list[tuple[Key, Key]]:
    """Pair acts of one package that are done to the same things, one at Python level and one beneath."""
    above, beneath = _sort(only_b, places[1])
    pairs = []
    for key in sorted(only_a, key=str):
        row = only_a[key].row
        if not isinstance(row, Behaviour):
            continue
        where = (row.package, _things(row, places[0]))
        candidates = (beneath if row.level == "python" else above).get(where, [])
        for other in candidates:
            if _is_same_act(row, only_b[other].row, tables):
                candidates.remove(other)
                pairs.append((key, other))
                break
    return pairs


Sorted = dict[tuple[str, tuple[str, ...]], list[Key]]


def _sort(facts: Mapping[Key, Fact], places: Places) -> tuple[Sorted, Sorted]:
    """Give the behaviours at Python level and those beneath, by package and what they are done to."""
    above: Sorted = {}
    beneath: Sorted = {}
    for key in sorted(facts, key=str):
        row = facts[key].row
        if isinstance(row, Behaviour):
            found = above if row.level == "python" else beneath
            found.setdefault((row.package, _things(row, places)), []).append(key)
    return above, beneath


def _things(row: Behaviour, places: Places) -> tuple[str, ...]:
    return tuple(
        sorted(places.known(value) for name, value in row.args.items() if name in _THINGS and isinstance(value, str))
    )


def _is_same_act(first: Behaviour, second: object, tables: CategoryTables) -> bool:
    if not isinstance(second, Behaviour):
        return False
    upper, lower = (first, second) if first.level == "python" else (second, first)
    if upper.level != "python" or lower.level == "python" or upper.category != lower.category:
        return False
    if lower.kind in SYSTEM_KINDS:
        entry = tables.find_system_call(lower.kind, lower.name)
        return entry is not None and upper.name in entry.explained_by
    return lower.kind == "dll-load" and upper.name in _LOADS


def list_levels(levels: set[str]) -> list[str]:
    """Give levels from Python downwards."""
    return sorted(levels, key=_LEVELS.index)
