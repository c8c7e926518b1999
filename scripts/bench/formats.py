"""Reports in every format: of a trace whose events mostly repeat, and of one in which no two acts are the same."""

import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
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
FORMATS = ("text", "json", "html", "markdown", "sarif")
_COLUMNS = (
    "interpreter", "trace", "events", "behaviours", "format", "seconds", "processor, s", "peak memory, MiB", "goal",
)  # fmt: skip
_MILLION = 1e6
_COUNT = "SELECT count(*) FROM event"


@dataclass(frozen=True)
class Subject:
    """A trace to report on; `is_scaled`: its goal is for a million events, and it has about that."""

    name: str
    program: str
    asked: int
    is_scaled: bool


def main() -> None:
    """Record, report, print."""
    options = python_parser(__doc__, rounds=1)
    options.add_argument("--events", type=int, default=835_000, help="audit events that repeat (default %(default)s)")
    options.add_argument("--acts", type=int, default=100_000, help="acts that do not (default %(default)s)")
    options.add_argument("--trace", choices=("repeats", "distinct"), help="of this trace alone (default: of both)")
    given = options.parse_args()
    require_root()
    table = Table(
        [
            "interpreter",
            "trace",
            "events",
            "behaviours",
            "format",
            "seconds",
            "processor, s",
            "peak memory, MiB",
            "goal",
        ]
    )
    subjects = (
        Subject("repeats", "judged.py", given.events, is_scaled=True),
        Subject("distinct", "distinct.py", given.acts, is_scaled=False),
    )
    for python in chosen_pythons(given.python, lambda: find_pythons("3.12")):
        for subject in (each for each in subjects if given.trace in {None, each.name}):
            with tempfile.TemporaryDirectory() as folder:
                _measure(python, subject, Path(folder), given.rounds, table)
    table.notes.append(
        "`pyxhon report --policy builtin:strict --format FORMAT --report FILE` of traces that `pyxhon record "
        "--no-aggregate` took: of a program with acts of all five categories over and over, and of one that asks for "
        "files of which no two are the same, each told by an audit event and a system call. Goals: at most "
        f"{GOAL_S:g} s of one processor, for a million events or for all that are distinct, and {GOAL_MIB:g} MiB. "
        "Seconds are more where other programs run."
    )
    table.print()


def _measure(python: Python, subject: Subject, folder: Path, rounds: int, table: Table) -> None:
    trace = folder / "trace.pyxhon"
    say(f"{python.name}: recording {subject.name}")
    options = ("-q", "--no-aggregate", "--buffer", "512M", "-o", str(trace))
    program: list[str | Path] = [python.path, PROGRAMS / subject.program, str(subject.asked)]
    subprocess.run([PYXHON, "record", *options, "--", *program], check=True, stdout=subprocess.DEVNULL)
    [(events,)] = read_rows(trace, _COUNT)
    _report(trace, "json", folder / "first.json")  # warm, and to know how many behaviours there are
    behaviours = _count_behaviours(folder / "first.json")
    (folder / "first.json").unlink()
    for name in FORMATS:
        for number in range(rounds):
            say(f"{python.name}: {subject.name}, {name}, {number + 1} of {rounds}")
            begin = time.monotonic()
            usage = _report(trace, name, folder / "report")
            seconds, processor = time.monotonic() - begin, usage.ru_utime + usage.ru_stime
            memory = usage.ru_maxrss / 1024
            share = events / _MILLION if subject.is_scaled else 1
            is_met = processor / share <= GOAL_S and memory <= GOAL_MIB
            figures = (f"{seconds:.1f}", f"{processor:.1f}", f"{memory:.0f}", verdict(is_met=is_met))
            table.add(python.name, subject.name, events, behaviours, name, *figures)


def _count_behaviours(path: Path) -> int:
    """Count lines of a JSON report, without holding it: the memory of who forks counts as that of the forked."""
    count, is_inside = 0, False
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            count += is_inside
            is_inside = line.startswith('"behaviours": [') or (is_inside and not line.endswith("],\n"))
    return count


def _report(trace: Path, name: str, path: Path) -> resource.struct_rusage:
    options = ("--policy", "builtin:strict", "--format", name, "--report", str(path))
    return reap(subprocess.Popen([PYXHON, "report", trace, *options], stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
