"""What the benchmarks share: interpreters, a tracer on a running process, and the table that each prints."""

import argparse
import contextlib
import os
import re
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PYXHON = CHECKOUT / ".venv/bin/pyxhon"
PROGRAMS = Path(__file__).resolve().parent / "programs"
HOOK_FOLDER = PROGRAMS / "hook"
AUDIT_SYMBOL = "PySys_Audit"
_SYSTEM_PYTHON = Path("/usr/bin/python3")
_READY_S = 60.0
_POLL_S = 0.01
_BPF_STATS = Path("/proc/sys/kernel/bpf_stats_enabled")


@dataclass(frozen=True)
class Python:
    """An interpreter of this machine."""

    path: Path
    version: str

    @property
    def name(self) -> str:
        """How it is called in a table."""
        origin = "pyenv" if ".pyenv" in self.path.parts else str(self.path.parent)
        return f"{self.version} ({origin})"

    @property
    def audit_file(self) -> Path:
        """The file that holds its PySys_Audit: the shared library, or the program itself."""
        libraries = sorted(self.path.resolve().parent.parent.glob("lib/libpython3.*.so.1.0"))
        return libraries[0] if libraries else self.path.resolve()


def find_pythons(*versions: str) -> list[Python]:
    """Give the interpreters found, oldest first: all from 3.8, or those whose version starts with one of these."""
    paths = [_SYSTEM_PYTHON, *sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))]
    found = [ask_version(path) for path in paths if path.exists()]
    if versions:
        found = [one for one in found if any(one.version.startswith(f"{version}.") for version in versions)]
    traceable = [one for one in found if _number(one) >= (3, 8)]
    return sorted(traceable, key=_number)


def default_pythons() -> list[Python]:
    """Give the distribution's interpreter, static and stripped, and one of pyenv, with a shared library."""
    system = [ask_version(_SYSTEM_PYTHON)] if _SYSTEM_PYTHON.exists() else []
    return system + [python for python in find_pythons("3.12") if python.path != _SYSTEM_PYTHON]


def _number(python: Python) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", python.version)[:2])


def ask_version(path: Path) -> Python:
    """Give the interpreter at a path, with its version as it says itself."""
    ask = "import platform; print(platform.python_version())"
    answer = subprocess.run([path, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True)
    return Python(path, answer.stdout.strip())


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Give the options that every benchmark has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--rounds", type=int, default=rounds, help="how often each is measured (default %(default)s)")
    return options


def python_parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Give the options of a benchmark that can use any interpreter."""
    options = parser(description, rounds)
    options.add_argument(
        "--python", type=Path, action="append", default=[], metavar="PATH", help="this interpreter; may be repeated"
    )
    return options


def chosen_pythons(given: Sequence[Path], default: Callable[[], list[Python]]) -> list[Python]:
    """Give the interpreters asked for, or the default ones."""
    return [ask_version(path) for path in given] or default()


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(f"{Path(sys.argv[0]).stem}: {text}", file=sys.stderr, flush=True)


def require_root() -> None:
    """End with one line where tracing is not possible."""
    if os.geteuid() != 0:
        sys.exit("tracing needs root")
    if not PYXHON.exists():
        sys.exit(f"no {PYXHON}; run scripts/setup first")


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_rows(trace: Path, statement: str) -> list[tuple[Any, ...]]:
    """Read from a trace, also while it is being written; nothing where it is not there yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{trace}?mode=ro", uri=True, timeout=5)) as database:
            return database.execute(statement).fetchall()
    except sqlite3.OperationalError:  # there is no such file or no such table yet
        return []


def wait_for(condition: Callable[[], bool], what: str, period_s: float = _POLL_S) -> None:
    """Return as soon as it is so; end the benchmark when that takes too long."""
    deadline = time.monotonic() + _READY_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"gave up: {what} did not happen within {_READY_S:.0f} s")
        time.sleep(period_s)


def remove_trace(trace: Path) -> None:
    """Remove a trace and its log."""
    for path in trace.parent.glob(trace.name + "*"):
        path.unlink()


class Tracer:
    """`pyxhon record` on a running process; within the block it is attached."""

    def __init__(self, pid: int, trace: Path, *options: str) -> None:
        self.pid = pid
        self.trace = trace
        self.options = options
        self.usage: resource.struct_rusage | None = None

    def __enter__(self) -> "Tracer":
        """Attach: the row of the process appears when the probes are in place."""
        remove_trace(self.trace)
        self.process = subprocess.Popen(
            [PYXHON, "record", "-q", *self.options, "-o", self.trace, str(self.pid)], stdout=subprocess.DEVNULL
        )
        wait_for(lambda: self._is_ready(), "the tracer's start")
        return self

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            sys.exit(f"pyxhon record ended with status {self.process.returncode}")
        return bool(read_rows(self.trace, "SELECT id FROM process"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Detach."""
        self.stop()

    def stop(self) -> None:
        """Detach and wait for the end of the tracer."""
        if self.usage is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            self.usage = reap(self.process)


def reap(process: "subprocess.Popen[Any]") -> resource.struct_rusage:
    """Wait for a process; gives what it used."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


class Conversation:
    """A program that answers each line of its standard input by one line."""

    def __init__(self, command: Sequence[str | Path], **arguments: Any) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **arguments
        )

    def __enter__(self) -> "Conversation":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it by the end of its input."""
        self.process.communicate()

    def say(self, line: str) -> None:
        """Send a line."""
        assert self.process.stdin  # noqa: S101 - opened above
        print(line, file=self.process.stdin, flush=True)

    def hear(self) -> str:
        """Give the next line it writes."""
        assert self.process.stdout  # noqa: S101 - opened above
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args!r} ended with status {self.process.wait()}")
        return str(line.strip())

    def ask(self, line: str) -> str:
        """Send a line and give the answer."""
        self.say(line)
        return self.hear()


@contextlib.contextmanager
def background(
    command: Sequence[str | Path], is_ready: Callable[[str], bool], end: signal.Signals = signal.SIGTERM
) -> Iterator[None]:
    """Run another tracer beside the block, from the line of its output that says that it is ready."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout  # noqa: S101 - opened above
    patience = threading.Timer(_READY_S, process.kill)
    patience.start()
    try:
        while not is_ready(line := process.stdout.readline()):
            if not line:
                sys.exit(f"{Path(command[0]).name} ended with status {process.wait()}")
        patience.cancel()
        yield
    finally:
        patience.cancel()
        process.send_signal(end)
        process.communicate()


def bpftrace_counting(python: Python) -> list[str | Path]:
    """Give the command of a bpftrace that counts the audit events of every process of an interpreter."""
    count = f"uprobe:{python.audit_file}:{AUDIT_SYMBOL} {{ @[pid] = count(); }}"
    # said again and again: what BEGIN prints is lost at times
    return ["bpftrace", "-B", "line", "-e", count + ' interval:ms:200 { printf("ready\\n"); }']


def milliseconds(values: Iterable[float]) -> str:
    """Give the median of nanoseconds as milliseconds."""
    return f"{statistics.median(values) / 1e6:.1f}"


def verdict(*, is_met: bool) -> str:
    """Say whether a goal is met."""
    return "met" if is_met else "**missed**"


@dataclass
class Table:
    """A Markdown table, and lines of text under it."""

    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load: float = field(default_factory=lambda: os.getloadavg()[0])

    def add(self, *cells: object) -> None:
        """Add a row."""
        self.rows.append(cells)

    def render(self) -> str:
        """Give it as Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        text = "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
        return text + "\n" + "".join(f"\n{note}\n" for note in self.notes)

    def print(self) -> None:
        """Print it, with the state of the machine while it was made."""
        self.notes.append(f"Load average {self.load:.2f} before, {os.getloadavg()[0]:.2f} after{_bpf_statistics()}.")
        print(self.render(), flush=True)


def _bpf_statistics() -> str:
    is_on = _BPF_STATS.exists() and _BPF_STATS.read_text(encoding="ascii").strip() != "0"
    return "; `kernel.bpf_stats_enabled` was on, which makes every probe hit dearer" if is_on else ""


def parse_table(text: str) -> tuple[list[str], list[list[str]]]:
    """Read the first table of a Markdown text back: (columns, rows). Raises ValueError where it is none."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if len(cells) < 3 or set(cells[1]) != {"---"}:  # noqa: PLR2004 - head, rule and one row
        raise ValueError("no table with a head, a rule and a row")
    if any(len(row) != len(cells[0]) for row in cells):
        raise ValueError("rows of different lengths")
    return cells[0], cells[2:]
