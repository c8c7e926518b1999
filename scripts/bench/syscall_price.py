"""What system calls cost a traced process, and one that is not traced, beside strace and perf."""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from measuring import (
    PROGRAMS,
    Conversation,
    Python,
    Table,
    Tracer,
    background,
    chosen_pythons,
    default_pythons,
    python_parser,
    require_root,
    say,
    verdict,
)

DEPTH = 10
_LOOPS = {"not_sensitive": 200_000, "repeated": 50_000, "open_close": 20_000, "distinct": 400}
_SLOW_LOOPS = {"not_sensitive": 2_000, "repeated": 1_000, "open_close": 500, "distinct": 200}
_BARE, _TRACED, _BESIDE = "bare", "`pyxhon record`", "beside a traced one"
_STRACE, _STRACE_STACKS = "`strace -f`", "`strace -f -k`"
# goals in microseconds beyond bare, by way and kind
GOALS_US = {
    (_TRACED, "not_sensitive"): 0.35,
    (_BESIDE, "not_sensitive"): 0.2,
    (_TRACED, "repeated"): 2.5,
    (_TRACED, "distinct"): 8.0,
}
_COLUMNS = [
    "interpreter",
    "way",
    "getppid, µs",
    "repeated unlink, µs",
    "open + close, µs",
    "first occurrence of an unlink, µs",
    "goal",
]


class Bench:
    """Processes of one interpreter that make system calls on demand."""

    def __init__(self, python: Python, folder: Path) -> None:
        self.python = python
        self.trace = folder / "trace.pyxhon"
        library = folder / "calling.so"
        build: list[str | Path] = ["gcc", "-O2", "-shared", "-fPIC", "-o", library, PROGRAMS / "calling.c"]
        subprocess.run(build, check=True)
        command: list[str | Path] = [python.path, "-I", PROGRAMS / "calling.py", library]
        self.target, self.beside = Conversation(command), Conversation(command)
        self.samples: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._start = 0

    def measure_round(self) -> None:
        """Measure everything once."""
        self._measure(_BARE, self.target, _LOOPS)
        with Tracer(self.target.process.pid, self.trace):
            self._warm()
            self._measure(_TRACED, self.target, _LOOPS)
            self._measure(_BESIDE, self.beside, _LOOPS)
        for name, tracer in self._peers().items():
            with tracer():
                self._measure(name, self.target, _SLOW_LOOPS)

    def _warm(self) -> None:
        """Let the first occurrences go by, and the place of the return address be learnt."""
        for kind in ("repeated", "open_close"):
            for _ in range(5):
                self.target.ask(f"{kind} {DEPTH} 100 0")

    def _peers(self) -> dict[str, Callable[[], AbstractContextManager[object]]]:
        pid = self.target.process.pid
        found: dict[str, Callable[[], AbstractContextManager[object]]] = {}
        if shutil.which("strace"):
            attached = re.compile(r"Process \d+ attached")
            for name, options in ((_STRACE, []), (_STRACE_STACKS, ["-k"])):
                watch = ["strace", "-f", *options, "-o", os.devnull, "-p", str(pid)]
                found[name] = partial(background, watch, lambda line: bool(attached.search(line)))
        return found

    def _measure(self, name: str, program: Conversation, loops: dict[str, int]) -> None:
        for kind, count in loops.items():
            nanoseconds = float(program.ask(f"{kind} {DEPTH} {count} {self._start}"))
            self._start += count
            self.samples[name, kind].append(nanoseconds / 1000)

    def median(self, name: str, kind: str) -> float:
        """Give the median of one call in microseconds."""
        return statistics.median(self.samples[name, kind])

    def close(self) -> None:
        """End the processes."""
        for program in (self.target, self.beside):
            program.process.communicate()


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=5).parse_args()
    require_root()
    table = Table(_COLUMNS)
    for python in chosen_pythons(options.python, default_pythons):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(python, Path(folder))
            try:
                for number in range(options.rounds):
                    say(f"{python.name}: round {number + 1} of {options.rounds}")
                    bench.measure_round()
            finally:
                bench.close()
        _add_rows(bench, table)
    goals = "; ".join(f"{way}, {kind.replace('_', ' ')} {limit:g} µs" for (way, kind), limit in GOALS_US.items())
    table.notes.append(
        f"Calls made by a DLL through ctypes below {DEPTH} Python frames, in elapsed time; medians of "
        f"{options.rounds} rounds, each with all ways in turn. Goals, beyond bare: {goals}."
    )
    table.print()


def _add_rows(bench: Bench, table: Table) -> None:
    names = list(dict.fromkeys(name for name, _ in bench.samples))
    for name in names:
        judged = [
            verdict(is_met=bench.median(name, kind) - bench.median(_BARE, kind) <= limit)
            for (way, kind), limit in GOALS_US.items()
            if way == name
        ]
        table.add(bench.python.name, name, *(f"{bench.median(name, kind):.2f}" for kind in _LOOPS), " / ".join(judged))


if __name__ == "__main__":
    main()
