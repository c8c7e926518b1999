"""What it costs to count every entry of a Python function, beside an empty program at the same sites and other ways."""

import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from measuring import (
    CHECKOUT,
    PROGRAMS,
    Conversation,
    Python,
    Table,
    Tracer,
    background,
    chosen_pythons,
    find_pythons,
    python_parser,
    require_root,
    say,
    verdict,
)

sys.path.insert(0, str(CHECKOUT))

from pyxhon.bpf import syscalls
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.runtime import Runtime, find_runtime
from pyxhon.cpython.sites import find_sites
from pyxhon.errors import KernelError
from pyxhon.target.elf import open_image
from pyxhon.target.markers import read_markers

# Kinds of entering.py. With few pairs of caller and callee the pairs are the functions.
_FEW = ("functions", "methods", "recursion")
_MANY = ("edges", "documents", "scheduling", "patterns")
GOALS = {"per function": (_FEW, 1.4), "per (caller, callee)": (_MANY, 1.7)}
_WAYS = _BARE, _EMPTY, _COUNT, _PROFILE, _MONITOR, _MARKER = (
    "bare", "empty program", "`--calls count`", "`sys.setprofile`", "`sys.monitoring`", "`bpftrace`, its marker"
)  # fmt: skip
_SECONDS = 0.1
_KPROBE, _SLEEPABLE = 2, 1 << 4  # enum bpf_prog_type; BPF_F_SLEEPABLE
_RETURN_ZERO = bytes.fromhex("b7000000000000009500000000000000")  # r0 = 0; exit
_CALLS = 1000


def load_empty() -> int:
    """Load a program that does nothing, of the kind that PyXhon's are here."""
    try:
        return syscalls.load_program(_KPROBE, "empty", _RETURN_ZERO, _SLEEPABLE)
    except KernelError:  # before Linux 6.0
        return syscalls.load_program(_KPROBE, "empty", _RETURN_ZERO, 0)


@contextlib.contextmanager
def empty_programs(runtime: Runtime) -> Iterator[None]:
    """Attach a program that does nothing where PyXhon counts entries: what the kernel alone takes for it."""
    layout = load_layout(".".join(map(str, runtime.version)), is_free_threaded=runtime.is_free_threaded)
    descriptors = [load_empty()]
    try:
        with open_image(runtime.file_path) as image:
            for site in find_sites(image, runtime.version, layout).entries.sites:
                offset = image.file_offset(site.address)
                assert offset is not None  # noqa: S101 - it was found in this file
                descriptors += syscalls.attach_uprobe(descriptors[0], runtime.file_path, offset, 0)
        yield
    finally:
        syscalls.close_all(descriptors)


class Marker:
    """CPython's own marker of function entries, where the build has one."""

    def __init__(self, python: Python, runtime: Runtime, folder: Path) -> None:
        self.program = folder / "calling.py"
        self.program.write_text(f"def f(): pass\nfor _ in range({_CALLS}): f()", encoding="ascii")
        self.place = f"usdt:{runtime.file_path}:python:function__entry"
        with open_image(runtime.file_path) as image:
            self.is_there = any(marker.name == "function__entry" for marker in read_markers(image))
        self.told = self._count(python) if self.is_there and shutil.which("bpftrace") else 0
        self.is_alive = self.told >= _CALLS

    def _count(self, python: Python) -> int:
        """Give how many entries it tells of a program that makes `_CALLS` and a few."""
        script = f"{self.place} {{ @entered = count(); }}"
        command = ["bpftrace", "-q", "-e", script, "-c", f"{python.path} -I -S {self.program}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        found = re.search(r"@entered: (\d+)", answer)
        return int(found[1]) if found else 0

    def counting(self, pid: int) -> AbstractContextManager[None]:
        """Let bpftrace count it in a process."""
        script = f'{self.place} {{ @[pid] = count(); }} interval:ms:200 {{ printf("ready\\n"); }}'
        command: list[str | Path] = ["bpftrace", "-B", "line", "-p", str(pid), "-e", script]
        return background(command, lambda line: line.startswith("ready"))

    def describe(self) -> str:
        """Say what it is worth."""
        if not self.is_there:
            return "none"
        if not shutil.which("bpftrace"):
            return "not tried, for bpftrace is not installed"
        return f"tells {self.told} of more than {_CALLS} entries"


class Bench:
    """Processes of one interpreter that do the same: one is watched from outside, two from within."""

    def __init__(self, python: Python, folder: Path) -> None:
        self.python = python
        self.trace = folder / "trace.pyxhon"
        self.samples: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.running = ExitStack()
        self.target, self.profiled, self.monitored = (self._start() for _ in range(3))
        self.entries = {kind: int(self.profiled.ask(f"count {kind}")) for kind in (*_FEW, *_MANY)}
        self.profiled.ask("profile")
        self.has_monitoring = self.monitored.ask("monitor") == "1"
        self.runtime = find_runtime(self.target.process.pid)
        self.marker = Marker(python, self.runtime, folder)

    def _start(self) -> Conversation:
        return self.running.enter_context(Conversation([self.python.path, "-I", PROGRAMS / "entering.py"]))

    def ways(self) -> dict[str, tuple[Conversation, Callable[[], AbstractContextManager[object]]]]:
        """Give the process to ask and what runs beside it, by name."""
        pid = self.target.process.pid
        ways: dict[str, tuple[Conversation, Callable[[], AbstractContextManager[object]]]] = {
            _BARE: (self.target, nullcontext),
            _EMPTY: (self.target, lambda: empty_programs(self.runtime)),
            _COUNT: (self.target, lambda: Tracer(pid, self.trace, "--calls", "count", "--syscalls", "off")),
            _PROFILE: (self.profiled, nullcontext),
        }
        if self.has_monitoring:
            ways[_MONITOR] = (self.monitored, nullcontext)
        if self.marker.is_alive:
            ways[_MARKER] = (self.target, lambda: self.marker.counting(pid))
        return ways

    def measure_round(self, number: int) -> None:
        """Measure everything once, in the other direction each time."""
        ways = list(self.ways().items())
        for name, (program, beside) in ways if number % 2 == 0 else reversed(ways):
            with beside():
                for kind in self.entries:
                    program.ask(f"{kind} 0.01")  # first occurrences
                    self.samples[name, kind].append(float(program.ask(f"{kind} {_SECONDS}")))

    def least(self, name: str, kind: str) -> float:
        """Give the nanoseconds of an entry in the quickest loop, what the loop itself does included."""
        return min(self.samples[name, kind]) / self.entries[kind]

    def price(self, name: str, kind: str) -> float:
        """Give the nanoseconds that an entry takes beyond bare."""
        return self.least(name, kind) - self.least(_BARE, kind)


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=6).parse_args()
    require_root()
    table = Table(
        ["interpreter", "counted", "bare, ns per entry", *(f"{way}, + ns" for way in _WAYS[1:]), "x empty", "goal"]
    )
    markers = {}
    for python in chosen_pythons(options.python, find_pythons):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(python, Path(folder))
            with bench.running:
                for number in range(options.rounds):
                    say(f"{python.name}: round {number + 1} of {options.rounds}")
                    bench.measure_round(number)
            markers[python.name] = bench.marker.describe()
        for name in GOALS:
            _add_row(bench, name, table)
    goals = ", ".join(f"{name} at most {goal} times the empty program" for name, (_, goal) in GOALS.items())
    table.notes.append(
        f"Means over several loops, of each the quickest in {options.rounds} rounds of {_SECONDS:g} s: what an entry "
        f"takes beyond bare. Per function: {', '.join(_FEW)}. Per (caller, callee): {', '.join(_MANY)}, of which "
        f"`edges` has 2000 pairs. x empty: of the means, in brackets of the dearest loop. Goals: {goals}."
    )
    table.notes.append(
        "CPython's marker `function__entry`: "
        + "; ".join(f"{name}: {words}" for name, words in markers.items())
        + ". bcc's `pythoncalls` counts by this marker alone, thus nothing where there is none, and from 3.11 on, "
        "where it no longer stands at calls from Python to Python, next to nothing."
    )
    table.print()


def _add_row(bench: Bench, name: str, table: Table) -> None:
    kinds, goal = GOALS[name]
    prices = {way: [bench.price(way, kind) for kind in kinds] for way in bench.ways()}
    ratio = statistics.mean(prices[_COUNT]) / statistics.mean(prices[_EMPTY])
    dearest = max(count / empty for count, empty in zip(prices[_COUNT], prices[_EMPTY], strict=True))
    judged = [ratio <= goal]
    if _MARKER in prices:
        judged.append(statistics.mean(prices[_COUNT]) < statistics.mean(prices[_MARKER]))
    table.add(
        bench.python.name,
        name,
        f"{statistics.mean(bench.least(_BARE, kind) for kind in kinds):.0f}",
        *(f"{statistics.mean(prices[way]):.0f}" if way in prices else "" for way in _WAYS[1:]),
        f"{ratio:.2f} ({dearest:.2f})",
        " / ".join(verdict(is_met=each) for each in judged),
    )


if __name__ == "__main__":
    main()
