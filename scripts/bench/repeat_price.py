"""What a repeated audit event costs the process that raises it, at two depths of its stack."""

import shutil
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from measuring import (
    PROGRAMS,
    Conversation,
    Python,
    Table,
    Tracer,
    background,
    bpftrace_counting,
    chosen_pythons,
    find_pythons,
    python_parser,
    require_root,
    say,
    verdict,
)

GOALS_NS = {2: 1500.0, 31: 5000.0}
_BARE, _FOLLOWED, _BESIDE, _HOOK, _BPFTRACE = "bare", "followed", "beside", "hook", "bpftrace"
_TARGET_S = 0.15
_COLUMNS = [
    "interpreter",
    "bare loop, ns",
    *(f"repeat at depth {depth}, ns" for depth in GOALS_NS),
    "process not followed, ns",
    *(f"in-process hook at depth {depth}, ns" for depth in GOALS_NS),
    "bpftrace counting, ns",
    "goal",
]


class Bench:
    """Three processes of one interpreter: one to be followed, one beside it, one with a hook of its own."""

    def __init__(self, python: Python, trace: Path) -> None:
        self.python = python
        self.trace = trace
        self.samples: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.target, self.beside, self.hooked = (
            Conversation([python.path, "-I", PROGRAMS / "looping.py"]) for _ in range(3)
        )
        self.hooked.ask("hook")

    def measure_round(self) -> None:
        """Measure everything once."""
        for depth in GOALS_NS:
            self._measure(_BARE, self.target, depth)
            self._measure(_HOOK, self.hooked, depth)
        with Tracer(self.target.process.pid, self.trace):
            for depth in GOALS_NS:
                self.target.ask(f"{depth} 1000")  # its first occurrence is no repeat
                self._measure(_FOLLOWED, self.target, depth)
            self._measure(_BESIDE, self.beside, 2)
        if shutil.which("bpftrace"):
            with background(bpftrace_counting(self.python), lambda line: line.startswith("ready")):
                self._measure(_BPFTRACE, self.target, 2)

    def _measure(self, name: str, program: Conversation, depth: int) -> None:
        each = max(float(program.ask(f"{depth} 2000")), 20.0)
        loops = int(_TARGET_S * 1e9 / each) // 10 * 10
        self.samples[name, depth].append(float(program.ask(f"{depth} {loops}")))

    def price(self, name: str, depth: int) -> float:
        """Give the median price of an event above the bare loop, in nanoseconds."""
        return statistics.median(self.samples[name, depth]) - statistics.median(self.samples[_BARE, depth])

    def close(self) -> None:
        """End the processes."""
        for program in (self.target, self.beside, self.hooked):
            program.process.communicate()


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=5).parse_args()
    require_root()
    table = Table(_COLUMNS)
    for python in chosen_pythons(options.python, find_pythons):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(python, Path(folder) / "trace.pyxhon")
            try:
                for number in range(options.rounds):
                    say(f"{python.name}: round {number + 1} of {options.rounds}")
                    bench.measure_round()
            finally:
                bench.close()
        _add_row(bench, table)
    table.notes.append(
        f"A loop of `id(0)`, in processor time of the thread, which that of the probes is part of; "
        f"medians of {options.rounds} rounds, each with all columns in turn; every price is what an "
        "event takes beyond the bare loop. Goals: "
        + ", ".join(f"at most {goal / 1000:g} µs at depth {depth}" for depth, goal in GOALS_NS.items())
        + ". The prototype, which streamed every event (`spikes/audit_stack.md`, same machine): 3800-7400 ns at "
        "depth 2, 16000-25000 ns at depth 31, 720-760 ns in a process not followed."
    )
    table.print()


def _add_row(bench: Bench, table: Table) -> None:
    followed = {depth: bench.price(_FOLLOWED, depth) for depth in GOALS_NS}
    has_bpftrace = (_BPFTRACE, 2) in bench.samples
    table.add(
        bench.python.name,
        f"{statistics.median(bench.samples[_BARE, 2]):.0f}",
        *(f"{price:.0f}" for price in followed.values()),
        f"{bench.price(_BESIDE, 2):.0f}",
        *(f"{bench.price(_HOOK, depth):.0f}" for depth in GOALS_NS),
        f"{bench.price(_BPFTRACE, 2):.0f}" if has_bpftrace else "not found",
        " / ".join(verdict(is_met=followed[depth] <= goal) for depth, goal in GOALS_NS.items()),
    )


if __name__ == "__main__":
    main()
