"""Judging an old trace again: a report as JSON under a policy, of a trace that has every event one by one."""

import resource
import subprocess
import tempfile
import time
from pathlib import Path

from measuring import (
    PROGRAMS,
    PYXHON,
    Python,
    Table,
    chosen_pythons,
    find_pythons,
    python_parser,
    read_rows,
    reap,
    require_root,
    say,
    verdict,
)

GOAL_S, GOAL_MIB = 10.0, 500.0
_EVENTS_ASKED = 835_000  # of the program; system calls come on top
_COUNT = "SELECT count(*) FROM event"
_LOST = "SELECT coalesce(sum(lost), 0) FROM counter"


def main() -> None:
    """Record, judge, print."""
    options = python_parser(__doc__, rounds=3)
    options.add_argument("--events", type=int, default=_EVENTS_ASKED, help="audit events about (default %(default)s)")
    given = options.parse_args()
    require_root()
    table = Table(
        ["interpreter", "events", "lost", "trace, MiB", "seconds", "processor, s", "peak memory, MiB", "goal"]
    )
    for python in chosen_pythons(given.python, lambda: find_pythons("3.12")):
        with tempfile.TemporaryDirectory() as folder:
            trace = Path(folder) / "trace.pyxhon"
            _record(python, trace, given.events)
            for number in range(given.rounds):
                say(f"{python.name}: report {number + 1} of {given.rounds}")
                _measure(python, trace, table)
    table.notes.append(
        "`pyxhon report --policy builtin:strict --format json` of a trace that `pyxhon record --no-aggregate` took of "
        "a program with acts of all five categories, from 50 functions on 200 files; audit events, imports and system "
        f"calls. Goals for a million events: at most {GOAL_S:g} s of one processor, and {GOAL_MIB:g} MiB. Seconds are "
        "more where other programs run."
    )
    table.print()


def _record(python: Python, trace: Path, events: int) -> None:
    say(f"{python.name}: recording")
    options = ("-q", "--no-aggregate", "--buffer", "512M", "-o", str(trace))
    command: list[str | Path] = [PYXHON, "record", *options, "--", python.path, PROGRAMS / "judged.py", str(events)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _measure(python: Python, trace: Path, table: Table) -> None:
    [(events,)], [(lost,)] = read_rows(trace, _COUNT), read_rows(trace, _LOST)
    begin = time.monotonic()
    usage = _report(trace)
    seconds, processor = time.monotonic() - begin, usage.ru_utime + usage.ru_stime
    memory = usage.ru_maxrss / 1024
    is_met = processor * 1e6 / events <= GOAL_S and memory <= GOAL_MIB
    size = trace.stat().st_size / (1 << 20)
    row = (f"{size:.0f}", f"{seconds:.1f}", f"{processor:.1f}", f"{memory:.0f}", verdict(is_met=is_met))
    table.add(python.name, events, lost, *row)


def _report(trace: Path) -> resource.struct_rusage:
    options = ("--policy", "builtin:strict", "--format", "json")
    return reap(subprocess.Popen([PYXHON, "report", trace, *options], stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
