"""What the page shows without its script: outcome, matrix, coverage and losses, as data for the template."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from pyxhon.report.describe import count_noun, describe_arguments, describe_command, describe_pids, describe_place
from pyxhon.report.digest import Act, Cell, group_by_package, tally_cells
from pyxhon.report.html.tables import show_text
from pyxhon.report.model import Coverage, Package, Report

ROW_LIMIT: Final = 300
NAME_LIMIT: Final = 200
PROCESS_LIMIT: Final = 200
VIOLATION_LIMIT: Final = 200
PATH_COLUMNS: Final = 30
_MARKS: Final = {"off": "off", "unavailable": "missing"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on all: its kind for the look, a word and a sentence."""

    kind: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One package of the matrix."""

    package: Package
    name: str
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class SignalCoverage:
    """One signal: how it looks, a word, and by what it was taken, each with its processes."""

    name: str
    mark: str
    word: str
    sources: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the template shows besides the report's own fields."""

    title: str
    outcome: Outcome
    matrix: list[MatrixRow]
    more_rows: int
    idle: list[str]
    more_idle: int
    coverage: list[SignalCoverage]
    lost: int
    processes: list[tuple[int, int, str, str]]
    more_processes: int
    violations: list[str]


def summarise(report: Report, acts: Sequence[Act]) -> Summary:
    """Gather what the template shows."""
    groups = group_by_package(report.packages, acts)
    active = [row for row in report.packages if groups[row.name] or row.suggestion]
    active.sort(key=lambda row: (row.suggestion != "CodeReview", not groups[row.name]))
    idle = [show_text(row.name) for row in report.packages if not groups[row.name] and not row.suggestion]
    rows = [MatrixRow(row, show_text(row.name), tally_cells(groups[row.name])) for row in active[:ROW_LIMIT]]
    first = report.processes[0] if report.processes else None
    processes = [
        (row.pid, row.ppid, describe_command(row.argv, 300), _describe_end(row.exit_code))
        for row in report.processes[:PROCESS_LIMIT]
    ]
    return Summary(
        _describe_run(first.argv) if first else "no process",
        describe_outcome(report, acts),
        rows,
        len(active) - len(rows),
        idle[:NAME_LIMIT],
        max(len(idle) - NAME_LIMIT, 0),
        [_cover(report, field.name) for field in fields(Coverage)],
        sum(report.losses.values()),
        processes,
        len(report.processes) - len(processes),
        [_describe_violation(act) for act in acts if act.behaviour.verdict == "violation"][:VIOLATION_LIMIT],
    )


def describe_outcome(report: Report, acts: Sequence[Act]) -> Outcome:
    """Give the verdict in the order of the exit statuses: review, incomplete, accepted, not judged."""
    violations = sum(act.behaviour.verdict == "violation" for act in acts)
    if violations or any(package.suggestion == "CodeReview" for package in report.packages):
        return Outcome("violation", "CodeReview", count_noun(violations, "violation"))
    if not report.complete:
        return Outcome("incomplete", "Incomplete", "nothing found, but something was lost")
    if any(package.suggestion == "Accept" for package in report.packages):
        return Outcome("allowed", "Accept", "nothing against the policy")
    return Outcome("neutral", "Not judged", "no policy given")


def _cover(report: Report, signal: str) -> SignalCoverage:
    """Tell how a signal was taken; processes without Python do not count where others have it."""
    pids: dict[str, list[int]] = {}
    for process in report.processes:
        pids.setdefault(str(getattr(process.coverage, signal)), []).append(process.pid)
    python = Counter(
        str(getattr(process.coverage, signal)) for process in report.processes if process.interpreter is not None
    )
    marks = {_MARKS.get(source.partition(":")[0], "on") for source in python or pids}
    mark = "part" if len(marks) > 1 else next(iter(marks), "off")
    words = {"on": "on", "off": "off", "missing": "unavailable", "part": "in part"}
    sources = [(show_text(source), describe_pids(dict.fromkeys(each), 8)) for source, each in pids.items()]
    return SignalCoverage(signal, mark, words[mark], sources)


def _describe_run(arguments: list[str]) -> str:
    """Show a command line, of long paths only what tells them apart."""
    words = [word if len(word) <= PATH_COLUMNS or word[0] != "/" else _shorten(word) for word in arguments]
    return describe_command(words, 160)


def _shorten(path: str) -> str:
    return "…/" + "/".join(path.rsplit("/", 2)[1:])


def _describe_violation(act: Act) -> str:
    row = act.behaviour
    what = f"{show_text(row.name)} {describe_arguments(row.args, 160)}"
    return f"{show_text(row.package)}: {row.category}: {what} at {describe_place(row.location)}"


def _describe_end(exit_code: int | None) -> str:
    return "ran on, or became another program" if exit_code is None else f"exit status {exit_code}"
