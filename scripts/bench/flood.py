"""Audit events raised as fast as a program can: is any lost, are the counts exact, what does the tracer take."""

import argparse
import json
import tempfile
import time
from pathlib import Path

from measuring import (
    PROGRAMS,
    Conversation,
    Python,
    Table,
    Tracer,
    chosen_pythons,
    cpu_seconds,
    default_pythons,
    python_parser,
    read_rows,
    require_root,
    say,
    verdict,
)

GOAL_CORES = 1.0
_SHAPES = {"two threads": (2, 1), "two processes of one thread": (1, 2)}
_FLOODED = (
    "SELECT pid, sum(count) FROM event JOIN process ON process.id = process WHERE name = 'builtins.id' GROUP BY 1"
)
_FIRSTS = "SELECT name, sum(count) FROM event WHERE name LIKE 'bench.first.%' GROUP BY 1"
_LOST = "SELECT coalesce(sum(count), 0) FROM loss"
_CONSERVED = "SELECT min(seen = stored + repeated + lost) FROM counter"

_Result = tuple[int, int, list[str], float]  # pid, events raised, names raised once, longest pause


def main() -> None:
    """Measure and print."""
    options = _options()
    require_root()
    table = Table(
        [
            "interpreter",
            "raised by",
            "events/s",
            "raised",
            "counted",
            "first occurrences",
            "longest pause, ms",
            "lost",
            "tracer, cores",
            "its peak memory, MiB",
            "goal",
        ]
    )
    for python in chosen_pythons(options.python, default_pythons):
        for name, (threads, processes) in _SHAPES.items():
            for _ in range(options.rounds):
                say(f"{python.name}: {name}, {options.seconds:g} s")
                _measure(python, name, [str(options.seconds), str(threads), str(processes)], table)
    table.notes.append(
        f"{options.seconds:g} s of `id(0)` without a pause, and twenty times a second in each thread an event of a "
        "name never used before. Raised is what the program counted itself; counted is what the trace says; first "
        "occurrences are those names, each once; the longest pause is that of a thousand events of one "
        "thread. The tracer's processor time is that of these seconds. "
        f"Goals: none lost, all counts exact, at most {GOAL_CORES:g} core."
    )
    table.print()


def _options() -> argparse.Namespace:
    options = python_parser(__doc__, rounds=1)
    options.add_argument("--seconds", type=float, default=30.0, help="how long (default %(default)s)")
    return options.parse_args()


def _measure(python: Python, name: str, arguments: list[str], table: Table) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Conversation([python.path, "-I", PROGRAMS / "flooding.py", *arguments]) as target,
    ):
        target.hear()
        trace = Path(folder) / "trace.pyxhon"
        with Tracer(target.process.pid, trace) as tracer:
            used, start = cpu_seconds(tracer.process.pid), time.monotonic()
            results: list[_Result] = json.loads(target.ask("go"))
            seconds = time.monotonic() - start
            cores = (cpu_seconds(tracer.process.pid) - used) / seconds
        memory = tracer.usage.ru_maxrss / 1024 if tracer.usage else 0
        target.say("end")
        _add_row((python.name, name), (results, seconds, trace), (cores, memory), table)


def _add_row(
    names: tuple[str, str], run: tuple[list[_Result], float, Path], used: tuple[float, float], table: Table
) -> None:
    results, seconds, trace = run
    raised = {pid: count for pid, count, _, _ in results}
    counted = dict(read_rows(trace, _FLOODED))
    firsts = {name for _, _, names, _ in results for name in names}
    seen = {name for name, count in read_rows(trace, _FIRSTS) if count == 1}
    ((lost,),) = read_rows(trace, _LOST)
    is_exact = raised == counted and firsts == seen and read_rows(trace, _CONSERVED) == [(1,)]
    table.add(
        *names,
        f"{sum(raised.values()) / seconds:,.0f}",
        f"{sum(raised.values()):,}",
        f"{sum(counted.values()):,}" if raised != counted else "the same",
        f"{len(firsts & seen)} of {len(firsts)}",
        f"{max(pause for _, _, _, pause in results) * 1e3:.0f}",
        lost,
        f"{used[0]:.2f}",
        f"{used[1]:.0f}",
        verdict(is_met=is_exact and lost == 0 and used[0] <= GOAL_CORES),
    )


if __name__ == "__main__":
    main()
