"""How much longer a short program takes when it is traced from its first instruction."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measuring import (
    PYXHON,
    Python,
    Table,
    background,
    bpftrace_counting,
    chosen_pythons,
    default_pythons,
    python_parser,
    read_rows,
    remove_trace,
    require_root,
    say,
    verdict,
)

GOAL = 1.3
PROGRAM = "import asyncio, json, ctypes"
_HOOKED = f"import sys; sys.addaudithook(lambda event, arguments: None); {PROGRAM}"
# The same for all: a shell takes the time around the command, so that starting a tracer is no part of it.
_TIMER = 'TIMEFORMAT="%3R %3U %3S"; { time "$@" 2>&3; } 3>&2 2>"$BENCH_TIMES"'


class Bench:
    """Runs one interpreter's program in every way."""

    def __init__(self, python: Python, folder: Path) -> None:
        self.python = python
        self.path = folder / "trace.pyxhon"
        self.times = folder / "times"
        # The shell may start any interpreter on PATH, and pyxhon prepares for all of them.
        self.environment = os.environ | {"BENCH_TIMES": str(self.times), "PATH": str(python.path.parent)}
        self.environment.pop("VIRTUAL_ENV", None)

    def ways(self) -> dict[str, Callable[[], None]]:
        """Give every way to run it, the bare one first; those whose tool is missing are left out."""
        ways: dict[str, Callable[[], None]] = {
            "bare": lambda: self.run([]),
            "`pyxhon run`, live consumer": self.trace,
            "trivial audit hook in the process": lambda: self.run([], _HOOKED),
        }
        if strace := shutil.which("strace"):
            ways["`strace -f`, output discarded"] = lambda: self.run([strace, "-f", "-o", os.devnull])
        if shutil.which("bpftrace"):
            ways["`bpftrace`, counting the same events"] = self._count
        return ways

    def seconds(self, way: Callable[[], None]) -> tuple[float, float]:
        """Run it once; gives the seconds that the command itself took, and those of processor time."""
        self.times.unlink(missing_ok=True)
        way()
        wall, user, system = map(float, self.times.read_text(encoding="ascii").split())
        return wall, user + system

    def run(self, tracer: list[str], program: str = PROGRAM) -> None:
        """Run it once."""
        bash = shutil.which("bash") or sys.exit("no bash")
        command = [*tracer, bash, "-c", _TIMER, "timer", str(self.python.path), "-c", program]
        subprocess.run(command, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def trace(self, *options: str) -> None:
        """Run it once by `pyxhon run`."""
        remove_trace(self.path)
        self.run([str(PYXHON), "run", "-q", *options, "-o", str(self.path), "--report", os.devnull, "--"])

    def _count(self) -> None:
        with background(bpftrace_counting(self.python), lambda line: line.startswith("ready")):
            self.run([])

    def events(self) -> str:
        """Tell how much the last traced run raised and lost."""
        rows = read_rows(self.path, "SELECT count(*), sum(count) FROM event")
        lost = read_rows(self.path, "SELECT sum(lost) FROM counter")
        distinct, count = rows[0]
        return f"{self.python.name}: {count} events, {distinct} of them distinct, {lost[0][0]} lost"


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=15).parse_args()
    require_root()
    table = Table(
        [
            "interpreter",
            "`python -c 'import asyncio, json, ctypes'`",
            "median, ms",
            "least, ms",
            "x bare",
            "its processor time, ms",
            "goal",
        ]
    )
    for python in chosen_pythons(options.python, default_pythons):
        with tempfile.TemporaryDirectory() as folder:
            _measure(Bench(python, Path(folder)), options.rounds, table)
    table.notes.insert(
        0,
        f"Medians of {options.rounds} runs of each, in turn. "
        "The time is that of the command alone, taken by the shell that runs it. "
        f"Goal: at most {GOAL} times bare.",
    )
    table.print()


def _measure(bench: Bench, rounds: int, table: Table) -> None:
    ways = bench.ways()
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        say(f"{bench.python.name}: round {number + 1} of {rounds}")
        for name, way in ways.items():
            seconds = bench.seconds(way)
            if number >= 0:  # the first one warms the caches
                samples[name].append(seconds)
    bare = statistics.median(wall for wall, _ in samples["bare"])
    for name, seconds_each in samples.items():
        median = statistics.median(wall for wall, _ in seconds_each)
        processor = statistics.median(used for _, used in seconds_each)
        judged = verdict(is_met=median <= GOAL * bare) if "pyxhon" in name else ""
        times = (
            f"{median * 1e3:.1f}",
            f"{min(seconds_each)[0] * 1e3:.1f}",
            f"{median / bare:.2f}",
            f"{processor * 1e3:.1f}",
        )
        table.add(bench.python.name, name, *times, judged)
    table.notes.append(f"{bench.events()}.")


if __name__ == "__main__":
    main()
