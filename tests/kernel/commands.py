"""Runs pyxhon as a user does, and says what a refusal is."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyxhon.errors import TraceError
from pyxhon.trace.reader import TraceReader, open_trace
from tests.interpreters import with_interpreter

PYXHON = (sys.executable, "-m", "pyxhon")
LIMIT_S = 100
"""No run of pyxhon in these tests may take longer: it hangs."""

# Runs the rest of its arguments where the first names a script; in a mount namespace of its own, which ends with it.
IN_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private", "sh", "-ec")


def pyxhon(*arguments: object, before: tuple[str, ...] = (), **how: object) -> subprocess.CompletedProcess[bytes]:
    """Run pyxhon to its end; `before` is what comes first on the command line: sudo's like."""
    command = [*before, *PYXHON, *with_interpreter([os.fspath(_as_word(word)) for word in arguments])]
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.run(command, timeout=LIMIT_S, check=False, **how)


@contextmanager
def started(*arguments: object, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start pyxhon; when the block ends it must have ended too, or is killed."""
    with subprocess.Popen([*PYXHON, *map(os.fspath, map(_as_word, arguments))], **how) as process:
        try:
            yield process
            process.wait(LIMIT_S)
        finally:
            process.kill()


def _as_word(argument: object) -> str | bytes | Path:
    return argument if isinstance(argument, bytes | Path) else str(argument)


def with_mounts(script: str) -> tuple[str, ...]:
    """Give what to put before a command so that it runs after a script that mounts things for it alone."""
    return (*IN_OWN_MOUNTS, f'{script}\nexec "$@"', "sh")


def refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """Give the one line of a run that could not do it: what, why and, after a semicolon, the remedy."""
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert not done.stdout
    assert said.startswith("pyxhon: ")
    assert said.endswith("\n")
    assert said.count("\n") == 1, said
    assert "unexpected error" not in said
    return said.removeprefix("pyxhon: ").rstrip("\n")


def eventually(is_so: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until it is so; fail when that takes too long, or when the process that is to make it so has ended."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be so"
        assert process is None or process.poll() is None, f"ended with {process.returncode}: {process.communicate()}"
        time.sleep(0.01)


def says(trace: Path, is_so: Callable[[TraceReader], bool]) -> bool:
    """Tell whether a trace, perhaps one that is only being made, says so."""
    try:
        with open_trace(trace) as reader:
            return is_so(reader)
    except TraceError:  # it is not there yet
        return False


def has_event(trace: Path, name: str, argument: str = "") -> bool:
    """Tell whether a trace has an event with this name and this text in its arguments."""
    return says(trace, lambda t: any(row.name == name and argument in str(row.arguments) for row in t.events()))
