"""What copying code objects out of memory adds to the start of a short program, and to the tracer's own time."""

import resource
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import (
    PYXHON,
    Python,
    Table,
    chosen_pythons,
    default_pythons,
    python_parser,
    read_rows,
    remove_trace,
    require_root,
    say,
    verdict,
)
from startup import PROGRAM, Bench

GOAL_START, GOAL_TRACER = 1.05, 1.1
# The tracer as it is, but that no room is given to copies and none is missed.
_WITHOUT = (
    "import sys, pyxhon.bpf.ring as ring, pyxhon.code_recorder as code; "
    "ring.RingReader.free_quarter = property(lambda self: 0); "
    "code.CodeRecorder.expect = lambda *arguments: None; "
    "from pyxhon.cli import main; sys.exit(main())"
)


class Capture(Bench):
    """The short program, traced with and without copies."""

    def seconds_traced(self, tracer: list[str]) -> tuple[float, float]:
        """Run it once; gives the processor time of the command, and of the tracer beside it."""
        remove_trace(self.path)
        self.times.unlink(missing_ok=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.run([*tracer, "record", "-q", "-o", str(self.path), "--"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        _, user, system = map(float, self.times.read_text(encoding="ascii").split())
        whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return user + system, whole - user - system


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=15).parse_args()
    require_root()
    table = Table(["interpreter", "processor time, ms", "without copies", "with copies", "ratio", "goal"])
    for python in chosen_pythons(options.python, default_pythons):
        with tempfile.TemporaryDirectory() as folder:
            _measure(Capture(python, Path(folder)), python, options.rounds, table)
    table.notes.insert(
        0,
        f"`python -c '{PROGRAM}'` by `pyxhon record`, medians of {options.rounds} runs of each, in turn. "
        "Without copies: the same tracer, told that the ring has no room for code. "
        f"The tracer's time is that of its whole run. Goals: {GOAL_START} and {GOAL_TRACER} times.",
    )
    table.print()


def _measure(bench: Capture, python: Python, rounds: int, table: Table) -> None:
    ways = {"with": [str(PYXHON)], "without": [sys.executable, "-c", _WITHOUT]}
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        say(f"{python.name}: round {number + 1} of {rounds}")
        for name, tracer in ways.items():
            seconds = bench.seconds_traced(tracer)
            if number >= 0:  # the first one warms the caches
                samples[name].append(seconds)
        copied = read_rows(bench.path, "SELECT count(*) FROM code_content")[0][0]
        if copied:
            sys.exit(f"{copied} code objects were copied where none should be")
    for index, (what, goal) in enumerate((("of the program", GOAL_START), ("of the tracer", GOAL_TRACER))):
        least, most = (statistics.median(each[index] for each in samples[name]) for name in ("without", "with"))
        judged = verdict(is_met=most <= goal * least)
        table.add(python.name, what, f"{least * 1e3:.1f}", f"{most * 1e3:.1f}", f"{most / least:.2f}", judged)


if __name__ == "__main__":
    main()
