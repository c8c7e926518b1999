"""How long after the start of the command the first event is there, and how much memory the tracer takes."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from measuring import (
    PROGRAMS,
    PYXHON,
    Conversation,
    Python,
    Table,
    chosen_pythons,
    default_pythons,
    milliseconds,
    python_parser,
    read_rows,
    reap,
    remove_trace,
    require_root,
    say,
    verdict,
    wait_for,
)

GOAL_NS, GOAL_MIB = 1.0e9, 200
_FIRST = "SELECT min(first_ns), min(json_extract(arguments, '$[0]')) FROM event WHERE name = 'bench.tick'"
_VISIBLE = "SELECT 1 FROM event LIMIT 1"
_STREAM_S = 1.0
_LARGEST_CLOCK_ERROR_NS = 5_000_000


@dataclass
class Sample:
    """What was measured of one way to begin, in nanoseconds after the start of the command, and MiB."""

    raised: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=9).parse_args()
    require_root()
    table = Table(
        ["interpreter", "command", "first event taken, ms", "in the trace, ms", "worst, ms", "peak memory, MiB", "goal"]
    )
    with tempfile.TemporaryDirectory() as folder:
        for python in chosen_pythons(options.python, default_pythons):
            _measure_interpreter(python, options, Path(folder) / "trace.pyxhon", table)
    table.notes.append(
        f"Medians of {options.rounds} runs each, taken in turn, after one that fills the cache. "
        "Cold: the same with an empty cache, once. "
        f"Goals: at most {GOAL_NS / 1e6:.0f} ms until the event is in the trace, {GOAL_MIB} MiB, report included."
    )
    table.print()


def _measure_interpreter(python: Python, options: argparse.Namespace, trace: Path, table: Table) -> None:
    cold, attached, run = Sample(), Sample(), Sample()
    with tempfile.TemporaryDirectory() as cache:
        say(f"{python.name}: cold")
        _attach(python, trace, cold, cache)
    _attach(python, trace, Sample(), None)
    for number in range(options.rounds):
        say(f"{python.name}: round {number + 1} of {options.rounds}")
        _attach(python, trace, attached, None)
        _run(python, trace, run)
    for name, sample in (("`attach`", attached), ("`run`", run), ("`attach`, cold", cold)):
        worst, memory = max(sample.stored), max(sample.memory)
        is_met = statistics.median(sample.stored) <= GOAL_NS and memory <= GOAL_MIB
        judged = "" if sample is cold else verdict(is_met=is_met)
        times = (milliseconds(sample.raised), milliseconds(sample.stored), milliseconds([worst]))
        table.add(python.name, name, *times, f"{memory:.0f}", judged)


def _attach(python: Python, trace: Path, sample: Sample, cache: str | None) -> None:
    environment = os.environ | ({"PYXHON_CACHE_DIR": cache} if cache else {})
    with Conversation([python.path, PROGRAMS / "ticking.py"]) as target:
        target.hear()
        try:
            _trace(["attach", str(target.process.pid)], trace, sample, environment)
        finally:
            target.process.kill()


def _run(python: Python, trace: Path, sample: Sample) -> None:
    _trace(["run", "--", str(python.path), str(PROGRAMS / "ticking.py")], trace, sample, dict(os.environ))


def _trace(command: list[str], trace: Path, sample: Sample, environment: dict[str, str]) -> None:
    remove_trace(trace)
    options = ["-q", "-o", str(trace), "--report", os.devnull]
    start = time.monotonic_ns()
    process = subprocess.Popen([PYXHON, command[0], *options, *command[1:]], env=environment, stdout=subprocess.DEVNULL)
    # looked for seldom enough to take no more than some per cent of a processor
    wait_for(lambda: process.poll() is not None or bool(read_rows(trace, _VISIBLE)), "the first event")
    visible = time.monotonic_ns()
    time.sleep(_STREAM_S)
    process.terminate()
    usage = reap(process)
    rows = read_rows(trace, _FIRST)
    if not rows or rows[0][0] is None:
        sys.exit(f"pyxhon {command[0]} ended with status {process.returncode} and without an event")
    taken, raised = rows[0]
    if not 0 <= taken - raised <= _LARGEST_CLOCK_ERROR_NS:
        say(f"the event's time is {(taken - raised) / 1e6:.1f} ms after the target's own")
    sample.raised.append(taken - start)
    sample.stored.append(visible - start)
    sample.memory.append(usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
