"""The report shortened for people: the same behaviour of several processes becomes one act."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pyxhon.categories import CATEGORIES
from pyxhon.report.model import Behaviour, Detail, Package, Report


@dataclass(frozen=True, slots=True)
class Act:
    """One behaviour over all processes that showed it; `behaviour` is the earliest."""

    behaviour: Behaviour
    detail: Detail
    count: int
    failed: int
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Acts by verdict."""

    allowed: int
    violation: int
    unjudged: int

    def __bool__(self) -> bool:
        return bool(self.allowed or self.violation or self.unjudged)


@dataclass(frozen=True, slots=True)
class Cell:
    """One category of one package: what it did in Python, and beneath it."""

    python: Tally
    native: Tally


def gather_acts(report: Report) -> list[Act]:
    """Merge the behaviours of all processes, in order of first occurrence."""
    details = {(row.id, row.pid): row for row in report.details}
    groups: dict[tuple[str, str, str | None], list[Behaviour]] = {}
    for behaviour in sorted(report.behaviours, key=lambda row: row.first_ns):
        key = (behaviour.id, behaviour.verdict, behaviour.rule)
        groups.setdefault(key, []).append(behaviour)
    return [_merge(group, details) for group in groups.values()]


def group_by_package(packages: Iterable[Package], acts: Iterable[Act]) -> dict[str, list[Act]]:
    """Give each package's acts, packages in the given order."""
    groups: dict[str, list[Act]] = {package.name: [] for package in packages}
    for act in acts:
        groups.setdefault(act.behaviour.package, []).append(act)
    return groups


def tally_cells(acts: Iterable[Act]) -> dict[str, Cell]:
    """Count one package's acts by category, level and verdict."""
    counts = Counter((act.behaviour.category, act.behaviour.level != "python", act.behaviour.verdict) for act in acts)

    def tally(category: str, *, is_native: bool) -> Tally:
        return Tally(*(counts[category, is_native, verdict] for verdict in ("allowed", "violation", "unjudged")))

    return {
        category: Cell(tally(category, is_native=False), tally(category, is_native=True)) for category in CATEGORIES
    }


def group_variants(acts: Iterable[Act]) -> list[list[Act]]:
    """Put acts together that differ only in their arguments."""
    groups: dict[tuple[object, ...], list[Act]] = {}
    for act in acts:
        row = act.behaviour
        key = (row.package, row.category, row.level, row.name, row.rule, row.location)
        groups.setdefault(key, []).append(act)
    return list(groups.values())


def group_imports(acts: Iterable[Act]) -> list[list[Act]]:
    """Put imports together by package, category and what decided them."""
    groups: dict[tuple[str, str, str | None], list[Act]] = {}
    for act in acts:
        row = act.behaviour
        groups.setdefault((row.package, row.category, row.rule), []).append(act)
    return list(groups.values())


def is_start_up(act: Act) -> bool:
    """Tell whether this is what interpreters and loaders do by themselves, put together by the join."""
    row = act.behaviour
    return row.package == "stdlib" and row.level == "detached" and row.object is None and not row.args


def _merge(group: list[Behaviour], details: dict[tuple[str, int], Detail]) -> Act:
    first = group[0]
    rows = [details[row.id, row.pid] for row in group if (row.id, row.pid) in details]
    return Act(
        first,
        rows[0] if rows else Detail(first.id, first.pid, 0, truncated=False, chain=[], reason=None, policy_reason=None),
        sum(row.count for row in group),
        sum(row.failed for row in rows),
        tuple(dict.fromkeys(row.pid for row in group)),
    )
