"""How many calls a second `--calls trace` takes without loss, and whether `--calls-budget` keeps its promise."""

import statistics
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from measuring import (
    PROGRAMS,
    Conversation,
    Python,
    Table,
    Tracer,
    chosen_pythons,
    find_pythons,
    python_parser,
    read_rows,
    require_root,
    say,
    verdict,
)

BUDGET, TOLERANCE = 20, 5  # percent, points
_KINDS = ("functions", "methods", "documents", "scheduling")
_BUDGET_S, _SETTLING_S = 6.0, 2.0
_PACES = (25_000, 50_000, 100_000, 200_000, 400_000)  # entries a second, each followed by its exit
_PACED_S = 5.0
_LOST = "SELECT coalesce(sum(count), 0) FROM loss WHERE signal = 'function'"
_WINDOWS = "SELECT value FROM meta WHERE key = 'calls_observed'"
_TAKEN = "SELECT count(*) FROM call_flow"


@dataclass
class Bench:
    """One process that works on demand, and what was measured on it."""

    python: Python
    trace: Path
    target: Conversation
    slower: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # percent
    is_whole: set[str] = field(default_factory=set)  # programs that the budget left no windows for

    def _tracer(self, calls: str, *options: str) -> Tracer:
        return Tracer(self.target.process.pid, self.trace, "--calls", calls, "--syscalls", "off", *options)

    def measure_budget(self, kind: str) -> None:
        """Measure a program that is counted in windows, and as long with no calls counted."""
        with self._tracer("count", "--calls-budget", str(BUDGET)):
            self.target.ask(f"spread {kind} {_SETTLING_S}")
            mean, undisturbed = self._spread(kind)
        has_windows = bool(read_rows(self.trace, _WINDOWS))
        with self._tracer("off"):
            base_mean, base_undisturbed = self._spread(kind)
        if not has_windows:
            self.is_whole.add(kind)
            undisturbed = base_undisturbed
        self.slower[kind].append((mean / undisturbed * base_undisturbed / base_mean - 1) * 100)

    def _spread(self, kind: str) -> tuple[float, float]:
        mean, undisturbed = map(float, self.target.ask(f"spread {kind} {_BUDGET_S}").split())
        return mean, undisturbed

    def rate(self, kind: str) -> str:
        """Give how many entries a second were taken at the quickest pace at which nothing was lost."""
        entries, best = int(self.target.ask(f"count {kind}")), "none"
        for pace in _PACES:
            with self._tracer("trace"):
                done = int(self.target.ask(f"pace {kind} {pace / entries} {_PACED_S}")) * entries
            [(lost,)], [(taken,)] = read_rows(self.trace, _LOST), read_rows(self.trace, _TAKEN)
            say(f"{self.python.name}: {kind} at {done / _PACED_S:,.0f} entries/s: {taken:,} taken, {lost:,} lost")
            if lost or taken < done:
                break
            best = f"{done / _PACED_S:,.0f}"
            if done < 0.9 * pace * _PACED_S:
                return f"{best}, as fast as it goes"
        return best


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=3).parse_args()
    require_root()
    table = Table(
        ["interpreter", "program", f"slower by `--calls-budget {BUDGET}`, %", "`--calls trace`, entries/s", "goal"]
    )
    for python in chosen_pythons(options.python, lambda: find_pythons("3.10", "3.13")):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            target = running.enter_context(Conversation([python.path, "-I", PROGRAMS / "entering.py"]))
            bench = Bench(python, Path(folder) / "trace.pyxhon", target)
            for number in range(options.rounds):
                say(f"{python.name}: round {number + 1} of {options.rounds}")
                for kind in _KINDS:
                    bench.measure_budget(kind)
            for kind in _KINDS:
                _add_row(bench, kind, table)
    table.notes.append(
        "Programs of `entering.py`, which do nothing but calls. Slower: processor time of a mean loop in "
        f"{_BUDGET_S:g} s, after {_SETTLING_S:g} s, against that of a mean one of those that took less than twice the "
        "median, which are those between two windows; divided by the same with `--calls off`, so that events of other "
        "kinds (JSON's `id()`), garbage collection and the neighbours of this machine are in both. Where the budget "
        "is large enough for all entries there are no windows, and the means of both are compared. Medians of "
        f"{options.rounds} rounds, in brackets the least and the most. Goal: within {TOLERANCE} points of {BUDGET} %, "
        "or less without windows. Entries a second: the quickest pace of "
        f"{', '.join(f'{pace:,}' for pace in _PACES)}, {_PACED_S:g} s each, at which no entry and no exit was lost."
    )
    table.print()


def _add_row(bench: Bench, kind: str, table: Table) -> None:
    slower = bench.slower[kind]
    median = statistics.median(slower)
    is_enough = kind in bench.is_whole or median >= BUDGET - TOLERANCE
    judged = verdict(is_met=is_enough and median <= BUDGET + TOLERANCE)
    shown = f"{median:.1f} ({min(slower):.1f}-{max(slower):.1f}){', no windows' * (kind in bench.is_whole)}"
    table.add(bench.python.name, f"`{kind}`", shown, bench.rate(kind), judged)


if __name__ == "__main__":
    main()
