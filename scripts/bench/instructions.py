"""What it costs to be told of executed instructions one by one: imports, calls and loads of attributes, or all."""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
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

GOAL = 1.5  # times bare, of `imports`
_KINDS = ("functions", "methods", "documents", "patterns")
_BARE, _IMPORTS, _FILTERED, _ALL = "bare", "`imports`", "`imports` of `email`", "`all`"
_OPTIONS: dict[str, Sequence[str]] = {
    _IMPORTS: ("--instructions", "imports"),
    _FILTERED: ("--instructions", "imports", "--instructions-package", "email"),
    _ALL: ("--instructions", "all"),
}
_SECONDS, _FIRST_SECONDS = 0.5, 0.05
_LOST = "SELECT coalesce(sum(count), 0) FROM loss WHERE signal = 'instruction'"
_TAKEN = "SELECT count(*) FROM bytecode_flow"


@dataclass
class Bench:
    """One process that works on demand, and what was measured on it: by way and kind, processor ns of a mean loop."""

    python: Python
    trace: Path
    target: Conversation
    samples: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    taken: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lost: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def _beside(self, way: str) -> AbstractContextManager[object]:
        if way == _BARE:
            return nullcontext()
        options = ("--no-follow", "--calls", "off", "--syscalls", "off", *_OPTIONS[way])
        return Tracer(self.target.process.pid, self.trace, *options)

    def measure(self, way: str) -> None:
        """Measure all kinds of work one way."""
        with self._beside(way):
            for kind in _KINDS:
                self.target.ask(f"{kind} {_FIRST_SECONDS}")
                self.samples[way, kind].append(float(self.target.ask(f"mean {kind} {_SECONDS}")))
        if way != _BARE:
            [(lost,)], [(taken,)] = read_rows(self.trace, _LOST), read_rows(self.trace, _TAKEN)
            self.lost[way] += lost
            self.taken[way] += taken

    def ratio(self, way: str, kind: str) -> float:
        """Give how many times as long as bare a loop took, at best."""
        return min(self.samples[way, kind]) / min(self.samples[_BARE, kind])


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=3).parse_args()
    require_root()
    table = Table(["interpreter", "instructions", *(f"{kind}, x bare" for kind in _KINDS), "told", "lost, %", "goal"])
    for python in chosen_pythons(options.python, find_pythons):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            target = running.enter_context(Conversation([python.path, "-I", PROGRAMS / "entering.py"]))
            bench = Bench(python, Path(folder) / "trace.pyxhon", target)
            for number in range(options.rounds):
                say(f"{python.name}: round {number + 1} of {options.rounds}")
                for way in (_BARE, *_OPTIONS):
                    bench.measure(way)
        for way in _OPTIONS:
            _add_row(bench, way, table)
    table.notes.append(
        f"Times bare: of the processor time of a mean loop, the least in {options.rounds} rounds of {_SECONDS:g} s. "
        "`functions` does nothing but "
        "call empty functions, `methods` makes objects and calls their methods, `documents` is json in Python, "
        f"`patterns` compiles regular expressions. Goal: `imports` at most {GOAL} times bare in the mean of them. "
        "`imports` of `email` is of a package that is not there: what is left is the price of the stop itself. Lost: "
        "of all, where they come faster than they are written."
    )
    table.print()


def _add_row(bench: Bench, way: str, table: Table) -> None:
    ratios = [bench.ratio(way, kind) for kind in _KINDS]
    seen = bench.taken[way] + bench.lost[way]
    share = f"{100 * bench.lost[way] / seen:.1f}" if bench.taken[way] else ""
    judged = verdict(is_met=statistics.mean(ratios) <= GOAL) if way == _IMPORTS else ""
    table.add(bench.python.name, way, *(f"{ratio:.1f}" for ratio in ratios), f"{bench.taken[way]:,}", share, judged)


if __name__ == "__main__":
    main()
