"""Behaviours as joined → the rows of the report that a policy needs to judge it anew, and back."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyxhon.categories import CATEGORIES
from pyxhon.errors import ReportError
from pyxhon.join import Behaviour, Frame, Owner
from pyxhon.policy.sequence_finding import Places
from pyxhon.report import model
from pyxhon.report.judging_model import Directory, Judging, PlainAct

MOST_PLAIN_ACTS: Final = 100_000
_ORIGINS: Final = frozenset({"application", "distribution", "dll", "stdlib", "unknown"})
_NOT_CARRIED: Final = re.compile(r"\\ud[89a-f]|NaN|Infinity")  # perhaps: whole pairs of surrogates are, too
_DEEPEST: Final = 36
_REMEDY: Final = "judge the trace, or make the report from it again"


@dataclass(frozen=True, slots=True)
class Acts:
    """All acts of a report as they were joined: `behaviours` in its order, then those that have no category."""

    behaviours: tuple[Behaviour, ...]
    uncategorised: tuple[Behaviour, ...]
    places: Places

    def all(self) -> tuple[Behaviour, ...]:
        """Give both."""
        return (*self.behaviours, *self.uncategorised)


def build_judging(behaviours: Iterable[Behaviour], processes: Sequence[int]) -> list[Judging]:
    """Give a row for each act; `processes` are those of the trace in the order of the report."""
    numbers = {process: number for number, process in enumerate(processes)}
    return [_build_row(row, numbers) for row in behaviours]


def build_plain_acts(behaviours: Sequence[Behaviour], processes: Sequence[int]) -> list[PlainAct]:
    """Give a row for each act of no category."""
    numbers = {process: number for number, process in enumerate(processes)}
    places: dict[Frame | None, model.Location | None] = {None: None}  # many acts share them
    chains: dict[tuple[str, ...], list[str]] = {}
    for row in behaviours:
        if row.location is not None and row.location not in places:
            places[row.location] = model.Location(row.location.file, row.location.line, row.location.function)
        chains.setdefault(row.chain, list(row.chain))
    return [
        PlainAct(
            row.id,
            row.owner.name,
            row.level,
            row.kind,
            row.name,
            row.arguments,
            row.is_truncated,
            row.count,
            row.failed,
            row.first_ns,
            row.last_ns,
            row.tid,
            places[row.location],
            chains[row.chain],
            _build_row(row, numbers),
        )
        for row in behaviours
    ]


def build_directories(places: Places, processes: Iterable[int]) -> list[Directory]:
    """Give for each process where its relative paths start."""
    rows = []
    for process in processes:
        directory, visited = places.directories.get(process), list(places.visited.get(process, ()))
        rows.append(Directory(directory, visited, _exact([directory, visited])))
    return rows


def _build_row(row: Behaviour, numbers: Mapping[int, int]) -> Judging:
    return Judging(
        numbers.get(row.process, -1),
        row.category,
        row.owner.origin,
        row.owner.version,
        row.module,
        list(row.calls),
        _exact([row.owner.name, row.name, row.arguments, row.module, list(row.calls)]),
    )


def _exact(values: list[object]) -> str | None:
    text = json.dumps(values, default=str)
    return text if _NOT_CARRIED.search(text) else None


def read_acts(report: model.Report) -> Acts:
    """Give the acts of a report. Raises ReportError where it does not say what a policy needs."""
    rows = report.behaviours
    if not len(rows) == len(report.judging) == len(report.details):
        raise ReportError("the report does not carry what a policy needs (`judging`)", _REMEDY)
    if len(report.directories) != len(report.processes):
        raise ReportError("the report does not say where relative paths start (`directories`)", _REMEDY)
    try:
        behaviours = [
            _read_act(row, detail, judging, report)
            for row, detail, judging in zip(rows, report.details, report.judging, strict=True)
        ]
        plain = [_read_plain_act(row, report) for row in report.uncategorised]
        places = Places(*_read_directories(report.directories))
    except (ValueError, TypeError, RecursionError) as error:
        raise ReportError(f"the report is not whole: {error}", _REMEDY) from None
    ordered = sorted(plain, key=lambda row: row.first_ns)
    return Acts(tuple(behaviours), tuple(ordered), places)


def _read_act(row: model.Behaviour, detail: model.Detail, judging: Judging, report: model.Report) -> Behaviour:
    if (row.id, row.pid) != (detail.id, detail.pid):
        raise ValueError("details are not in the order of behaviours")
    return _restore(
        row,
        judging,
        report,
        is_truncated=detail.truncated,
        failed=detail.failed,
        chain=tuple(detail.chain),
        python_stack=tuple(Frame(each.file, each.line, each.function) for each in row.python_stack),
        signals=tuple(row.signals),
        result=row.result,
    )


def _read_plain_act(row: PlainAct, report: model.Report) -> Behaviour:
    if row.judging.category is not None:
        raise ValueError("an act of `uncategorised` has a category")
    return _restore(
        row,
        row.judging,
        report,
        is_truncated=row.truncated,
        failed=row.failed,
        chain=tuple(row.chain),
        python_stack=(),
        signals=(),
        result=None,
    )


def _restore(row: model.Behaviour | PlainAct, judging: Judging, report: model.Report, **given: Any) -> Behaviour:
    if not 0 <= judging.process < len(report.processes):
        raise ValueError("an act is of no process")
    if judging.origin not in _ORIGINS or (judging.category is not None and judging.category not in CATEGORIES):
        raise ValueError(f"there is no origin {judging.origin!a:.40} or no category {judging.category!a:.40}")
    if row.level not in ("python", "native", "detached"):
        raise ValueError(f"there is no level {row.level!a:.40}")
    package, name, arguments, module, calls = _read_exact(
        judging.exact, [row.package, row.name, row.args, judging.module, judging.calls]
    )
    place = row.location
    return Behaviour(
        id=row.id,
        owner=Owner(package, judging.version, judging.origin),
        category=judging.category,
        level=row.level,
        kind=row.kind,
        name=name,
        arguments=arguments,
        count=row.count,
        first_ns=row.first_ns,
        last_ns=row.last_ns,
        process=judging.process,
        pid=report.processes[judging.process].pid,
        tid=row.tid,
        location=Frame(place.file, place.line, place.function) if place else None,
        module=module,
        is_transitive=False,
        event=0,
        calls=tuple(calls),
        **given,
    )


def _read_exact(exact: str | None, values: list[Any]) -> list[Any]:
    """Give the values as the trace has them: those that are shown, unless there are exact ones, of the same types."""
    if exact is None:
        return values
    told = json.loads(exact)
    _check_depth(told, 0)
    if not isinstance(told, list) or list(map(type, told)) != list(map(type, values)):
        raise ValueError("exact values are not of the kinds of those shown")
    if list(map(type, told[-1])) != list(map(type, values[-1])):  # calls, or folders
        raise ValueError("exact values are not of the kinds of those shown")
    return told


def _check_depth(value: object, depth: int) -> None:
    if isinstance(value, dict | list):
        if depth >= _DEEPEST:
            raise ValueError("exact values are nested too deeply")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, depth + 1)


def _read_directories(rows: Iterable[Directory]) -> Iterator[dict[int, Any]]:
    directories: dict[int, str] = {}
    visited: dict[int, tuple[str, ...]] = {}
    for number, row in enumerate(rows):
        directory, folders = _read_exact(row.exact, [row.directory, row.visited])
        if directory is not None:
            directories[number] = directory
        elif folders:
            visited[number] = tuple(folders)
    yield directories
    yield visited
