"""Runs one program under `pyxhon record` and strace at the same time."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from acts import ASKED, Act, Roles, oracle_acts
from strace_log import read_log
from trace_acts import traced_acts

from pyxhon.trace.reader import open_trace

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = CHECKOUT / "tests/programs/packages"
HOOK = CHECKOUT / "tests/programs/audit_log"
_TIMEOUT_S = 180
_STRACE = ("strace", "-ff", "-yy", "-ttt", "-s", "4096", "-e", "trace=" + ",".join(ASKED))
# Says who it is and waits until both tracers are there; then it becomes the program.
_WAIT = 'echo $$ >"$1"; read go; shift; exec "$@" </dev/null'


@dataclass(frozen=True)
class Run:
    """What one run left: folders, and the first process."""

    folder: Path
    pid: int
    python: Path

    @property
    def trace(self) -> Path:
        """What `pyxhon record` wrote."""
        return self.folder / "run.pyxhon"

    @property
    def log(self) -> Path:
        """What the audit hook wrote."""
        return self.folder / "audit.log"

    @property
    def working(self) -> Path:
        """Where the program ran."""
        return self.folder / "files"

    def oracle_acts(self) -> list[Act]:
        """Give what strace saw."""
        return oracle_acts(read_log(self.folder / "strace"), self.pid, find_roles(self.python), str(self.working))

    def traced_acts(self) -> list[tuple[Act, int]]:
        """Give what the tracer saw, with counts."""
        with open_trace(self.trace) as reader:
            return traced_acts(reader, self.pid)


def find_roles(python: Path) -> Roles:
    """Tell which files are the interpreter and where its C library is, by the dynamic loader's own list."""
    ask = (
        "import os, sys, json; print(json.dumps([os.path.realpath('/proc/self/exe'), "
        "[line.split()[-1] for line in open('/proc/self/maps') if 'libpython' in line], "
        "[os.path.dirname(line.split()[-1]) for line in open('/proc/self/maps') if '/ld-linux' in line]]))"
    )
    answer = subprocess.run([python, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True)
    program, libraries, folders = json.loads(answer.stdout)
    return Roles(frozenset([program, *libraries]), folders[0])


@dataclass(frozen=True)
class Started:
    """A program that waits for `go`, already followed by PyXhon."""

    run: Run
    process: "subprocess.Popen[str]"

    def go(self) -> None:
        """Let it run to its end. Raises RuntimeError where the recording failed."""
        said, _ = self.process.communicate("go\n", timeout=_TIMEOUT_S)
        if self.process.returncode not in (0, 4):  # 4: something was lost, which the comparison shows
            raise RuntimeError(f"pyxhon record ended with {self.process.returncode}: {said}")


def prepare(python: Path, folder: Path) -> dict[str, str]:
    """Make a folder anew, with one for the program's files in it; give the environment that the program runs in."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return environment | {"PATH": f"{python.parent}:{environment['PATH']}", "TMPDIR": str(folder / "files")}


@contextmanager
def recording(python: Path, program: Path, folder: Path, variables: dict[str, str], *options: str) -> Iterator[Started]:
    """Start a program under `pyxhon record`, in a folder of its own."""
    environment = prepare(python, folder) | variables
    pid_file = folder / "pid"
    os.mkfifo(pid_file)
    command = [sys.executable, "-m", "pyxhon", "record", "-q", "-o", str(folder / "run.pyxhon"), *options, "--"]
    command += ["/bin/sh", "-c", _WAIT, "sh", str(pid_file), str(python), str(program)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=folder / "files", env=environment,
    ) as process:  # fmt: skip
        try:
            yield Started(Run(folder, _read_pid(pid_file, process), python), process)
        finally:
            process.kill()


def run_both(python: Path, program: Path, folder: Path, *options: str, is_stacked: bool = True) -> Run:
    """Run a program under both; the hook writes too where no stacks are asked for. Raises RuntimeError."""
    hook = {} if is_stacked else {"PYTHONPATH": str(HOOK), "AUDIT_LOG": str(folder / "audit.log")}
    with recording(python, program, folder, hook, *options) as started:
        with _strace(started.run.pid, folder, is_stacked=is_stacked):
            started.go()
        return started.run


def _read_pid(pid_file: Path, recording: "subprocess.Popen[str]") -> int:
    """Wait for the program's first process, or for the tracer's failure."""
    reader = subprocess.Popen(["cat", pid_file], stdout=subprocess.PIPE, text=True)
    try:
        while True:
            try:
                return int(reader.communicate(timeout=0.5)[0])
            except subprocess.TimeoutExpired:
                if recording.poll() is not None:
                    raise RuntimeError(f"pyxhon record: {recording.communicate()[0]}") from None
    finally:
        reader.kill()
        reader.communicate()


@contextmanager
def _strace(pid: int, folder: Path, *, is_stacked: bool) -> Iterator[None]:
    command = [*_STRACE, *(["-k"] if is_stacked else []), "-o", str(folder / "strace"), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr  # noqa: S101 - asked for above
            _wait_for(process.stderr, "attached")
            yield
            process.communicate(timeout=_TIMEOUT_S)
        finally:
            process.kill()


def _wait_for(stream: IO[str], word: str) -> None:
    for line in stream:
        if word in line:
            return
    raise RuntimeError("strace could not attach")
