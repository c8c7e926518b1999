"""What copying code objects out of memory adds to the start of a short program, and to the tracer's own time."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import bpf_runs
from measuring import (
    Python,
    Table,
    chosen_pythons,
    default_pythons,
    python_parser,
    read_rows,
    reap,
    remove_trace,
    require_root,
    say,
    verdict,
)
from startup import PROGRAM, Bench

GOAL_START, GOAL_TRACER = 1.05, 1.1
_TRACER = (
    "import sys, pyxhon.bpf.ring as ring, pyxhon.code_recorder as code; {}from pyxhon.cli import main; sys.exit(main())"
)
# The tracer as it is, but that no room is given to copies and none is missed.
_NO_COPIES = (
    "ring.RingReader.free_quarter = property(lambda self: 0); code.CodeRecorder.expect = lambda *arguments: None; "
)
_WAYS = {"with": _TRACER.format(""), "without": _TRACER.format(_NO_COPIES)}
_TOLD = f"{PROGRAM}, sys, time; print(time.process_time(), flush=True); sys.stdin.read()"


class Sample(NamedTuple):
    """Processor time in seconds."""

    program: float
    probes: float  # within that
    tracer: float


class Capture(Bench):
    """The short program, traced with and without copies."""

    def sample(self, tracer: str) -> Sample:
        """Run it once."""
        remove_trace(self.path)
        command = [
            sys.executable,
            "-c",
            tracer,
            "record",
            "-q",
            "-o",
            str(self.path),
            "--",
            str(self.python.path),
            "-c",
            _TOLD,
        ]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=self.environment, stdin=pipe, stdout=pipe)
        if process.stdin is None or process.stdout is None:
            sys.exit("no pipes")
        program = float(process.stdout.readline())
        nanoseconds = sum(spent for _, spent in bpf_runs.user_probe_runs(process.pid).values())
        process.stdin.close()
        process.stdout.read()
        used = reap(process)
        if process.returncode:
            sys.exit(f"{command[0]} ended with status {process.returncode}")
        return Sample(program, nanoseconds / 1e9, used.ru_utime + used.ru_stime - program)


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=15).parse_args()
    require_root()
    table = Table(["interpreter", "processor time, ms", "without copies", "with copies", "ratio", "goal"])
    for python in chosen_pythons(options.python, default_pythons):
        with tempfile.TemporaryDirectory() as folder, bpf_runs.statistics():
            _measure(Capture(python, Path(folder)), python, options.rounds, table)
    table.notes.insert(
        0,
        f"`python -c '{PROGRAM}'` by `pyxhon record`, medians of {options.rounds} runs of each, in turn. "
        "Without copies: the same tracer, told that the ring has no room for code. What they add to the program is "
        "what the kernel counts that the probes take in it, with `kernel.bpf_stats_enabled`. "
        f"The tracer's time is that of its whole run. Goals: {GOAL_START} and {GOAL_TRACER} times.",
    )
    table.print()


def _measure(bench: Capture, python: Python, rounds: int, table: Table) -> None:
    samples: dict[str, list[Sample]] = {name: [] for name in _WAYS}
    for number in range(-1, rounds):
        say(f"{python.name}: round {number + 1} of {rounds}")
        for name, tracer in _WAYS.items():
            sample = bench.sample(tracer)
            if number >= 0:  # the first one warms the caches
                samples[name].append(sample)
        copied = read_rows(bench.path, "SELECT count(*) FROM code_content")[0][0]
        if copied:
            sys.exit(f"{copied} code objects were copied where none should be")
    without, with_copies = (
        Sample(*map(statistics.median, zip(*samples[name], strict=True))) for name in ("without", "with")
    )
    added = with_copies.probes - without.probes
    _tell(table, python, "of the probes in the program", without.probes, with_copies.probes)
    _tell(table, python, "of the program", without.program, without.program + added, GOAL_START)
    _tell(table, python, "of the tracer", without.tracer, with_copies.tracer, GOAL_TRACER)


def _tell(table: Table, python: Python, what: str, without: float, with_copies: float, goal: float = 0) -> None:  # noqa: PLR0913
    judged = verdict(is_met=with_copies <= goal * without) if goal else ""
    times = f"{without * 1e3:.1f}", f"{with_copies * 1e3:.1f}", f"{with_copies / without:.2f}"
    table.add(python.name, what, *times, judged)


if __name__ == "__main__":
    main()
