"""How much longer the paper's packages take when they are evaluated: as whole processes, and in steady state."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from measuring import (
    CHECKOUT,
    PROGRAMS,
    PYXHON,
    Conversation,
    Table,
    Tracer,
    parser,
    read_rows,
    remove_trace,
    require_root,
    say,
    verdict,
)

sys.path.insert(0, str(CHECKOUT / "scripts/evaluation"))

from environments import clean_environment, make_environment
from evaluated_packages import OF_THE_PAPER, Case

GOAL = 1.05
_PAPER = 1.2
_WAYS: dict[str, tuple[str, ...] | None] = {"bare": None, "default": (), "count": ("--calls", "count")}
# As in startup.py: a shell takes the time around the command, so that starting a tracer is no part of it.
_TIMER = 'TIMEFORMAT="%3R"; { time "$@" >/dev/null 2>&3; } 3>&2 2>"$BENCH_TIMES"'
_SECONDS = 2.0
_SETTLING_S = 1.5  # what ran before is read from memory meanwhile, by the tracer, beside the program


class Bench:
    """One package, and what its exercise took in each way."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.python = make_environment(case)
        self.trace = folder / "trace.pyxhon"
        self.times = folder / "times"
        self.environment = clean_environment() | {
            "BENCH_TIMES": str(self.times),
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
        }
        self.whole: dict[str, list[float]] = defaultdict(list)
        self.steady: dict[str, list[float]] = defaultdict(list)
        self.lost = 0

    def run_whole(self, way: str) -> float:
        """Run the exercise once as a process of its own; gives its seconds."""
        options = _WAYS[way]
        remove_trace(self.trace)
        tracer: list[str | Path] = []
        if options is not None:
            tracer = [PYXHON, "run", "-q", *options, "-o", self.trace, "--report", os.devnull, "--"]
        bash = shutil.which("bash") or sys.exit("no bash")
        command = [*tracer, bash, "-c", _TIMER, "timer", self.python, self.case.exercise]
        done = subprocess.run(command, env=self.environment, check=False, stdout=subprocess.DEVNULL)
        if done.returncode not in (0, 4):
            sys.exit(f"{self.case.package}: status {done.returncode}")
        self.lost += sum(row[0] or 0 for row in read_rows(self.trace, "SELECT sum(lost) FROM counter"))
        return float(self.times.read_text(encoding="ascii"))

    def measure_steady(self, rounds: int) -> None:
        """Let one process use the package all the time, and attach to it again and again."""
        with Conversation(
            [self.python, PROGRAMS / "exercising.py", self.case.exercise], env=self.environment
        ) as target:
            for number in range(rounds):
                for way in _in_turn(number):
                    options = _WAYS[way]
                    pid = target.process.pid
                    with nullcontext() if options is None else Tracer(pid, self.trace, *options):
                        target.ask(str(_SETTLING_S))
                        self.steady[way].append(float(target.ask(str(_SECONDS))))


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, rounds=5)
    options.add_argument("package", nargs="*", help="which of the paper's packages (default: all)")
    chosen = options.parse_args()
    require_root()
    cases = [case for case in OF_THE_PAPER if not chosen.package or case.package in chosen.package]
    benches = [measure(case, chosen.rounds) for case in cases]
    make_table(benches, chosen.rounds).print()


def measure(case: Case, rounds: int) -> Bench:
    """Measure one package in both manners."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(case, Path(folder))
        for number in range(-1, rounds):
            say(f"{case.package}: round {number + 1} of {rounds}")
            for way in _in_turn(number):
                seconds = bench.run_whole(way)
                if number >= 0:  # the first one warms the caches
                    bench.whole[way].append(seconds)
        say(f"{case.package}: in steady state")
        bench.measure_steady(rounds)
    return bench


def _in_turn(number: int) -> list[str]:
    ways = list(_WAYS)
    first = number % len(ways)
    return ways[first:] + ways[:first]


def make_table(benches: list[Bench], rounds: int) -> Table:
    """Give one row per package, and their medians."""
    table = Table(
        [
            "package",
            "process, bare, ms",
            "x traced",
            "x `--calls count`",
            "once more, bare, ms",
            "x traced, steady",
            "x `--calls count`, steady",
            "goal",
        ]
    )
    manners: tuple[Callable[[Bench], dict[str, list[float]]], ...] = (lambda one: one.whole, lambda one: one.steady)
    ratios: list[list[float]] = []
    for bench in benches:
        row: list[str] = []
        found = [medians(manner(bench)) for manner in manners]
        for each in found:
            row += [f"{each['bare'] * 1e3:.0f}", *(f"{each[way] / each['bare']:.2f}" for way in ("default", "count"))]
        ratios.append([each[way] / each["bare"] for each in found for way in ("default", "count")])
        table.add(f"{bench.case.package} {bench.case.version}", *row, "")
    middle = [statistics.median(column) for column in zip(*ratios, strict=True)]
    goals = f"whole {verdict(is_met=middle[0] <= GOAL)}, steady {verdict(is_met=middle[2] <= GOAL)}"
    table.add("median", "", f"{middle[0]:.2f}", f"{middle[1]:.2f}", "", f"{middle[2]:.2f}", f"{middle[3]:.2f}", goals)
    table.notes += notes(benches, rounds)
    return table


def notes(benches: list[Bench], rounds: int) -> list[str]:
    """Tell what was measured."""
    return [
        f"Medians of {rounds} runs each, taken in turn. Process: from the exercise's start to its end, by the shell "
        "that runs it, with the start of the interpreter and all imports, that is all that is new and told whole. Once "
        f"more: one run of the exercise in a process that has run it before, in the mean of {_SECONDS:g} s, after "
        f"{_SETTLING_S:g} s with the tracer attached: what repeats is only counted. Goal: traced at most {GOAL} times "
        f"bare, by the median of the packages. The paper has {_PAPER} for its own, with every call recorded, on the "
        "average of its packages, which `--calls count` comes nearest to.",
        f"Lost in all whole runs: {sum(bench.lost for bench in benches)} records.",
    ]


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Give the median of each way."""
    return {way: statistics.median(values) for way, values in seconds.items()}


if __name__ == "__main__":
    main()
