"""Runs one command in a sandbox and watches it: what it says is kept in part, what it takes is bounded, it is ended."""

import contextlib
import json
import os
import selectors
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyxhon
from pyxhon.evaluate.options import Limits
from pyxhon.evaluate.users import kill_all, used_memory

_TICK_S: Final = 0.1
_LOOK_S: Final = 0.3
_GRACE_S: Final = 180.0
_KEPT_BYTES: Final = 64 << 10
_PIECE: Final = 1 << 18
_PATIENCE_S: Final = 30.0
_MOST_TOLD: Final = 1 << 16


@dataclass(slots=True)
class Watched:
    """How a command ended, and what it took."""

    status: int | None = None
    ended_by: str | None = None
    """The limit that it went beyond: time, memory, output or trace; "interrupt"; None: it ended by itself."""
    duration_s: float = 0.0
    output_bytes: int = 0
    head: bytes = b""
    tail: bytes = b""
    peak_memory_bytes: int = 0
    peak_processes: int = 0
    """Both as seen every third of a second."""
    is_known: bool = False
    """The sandbox's files were known when the command began."""

    @property
    def output(self) -> bytes:
        """Give the beginning and the end of what it said."""
        left_out = self.output_bytes - len(self.head) - len(self.tail)
        middle = b"\n[... %d bytes ...]\n" % left_out if left_out else b""
        return self.head + middle + self.tail


@dataclass(slots=True)
class _Watch:
    process: subprocess.Popen[bytes]
    uid: int
    limits: Limits
    trace: Path
    is_interrupted: Callable[[], bool]
    go: int
    """Closed to let the command begin; -1 since."""
    told: bytes = b""
    started_s: float = field(default_factory=time.monotonic)
    began_s: float | None = None
    """When the command was let go; its time counts from there."""
    looked_s: float = 0.0
    killed_s: float | None = None
    seen: Watched = field(default_factory=Watched)


def watch(
    command: Callable[[int], list[str]], uid: int, limits: Limits, trace: Path, is_interrupted: Callable[[], bool]
) -> Watched:
    """Run a traced command, which is given a descriptor (see `sandbox.boxed`), until it and its sandbox have ended.

    It begins when the trace says that the sandbox's files are known, and the mount namespace of the sandbox is held
    until all is over: else nobody could tell whose files those of a short run were.
    """
    told, tell = os.pipe()
    wait, go = os.pipe()
    try:
        process = subprocess.Popen(
            command(tell),
            stdin=wait,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(tell,),
            start_new_session=True,
            cwd="/",  # nothing there that the interpreter would import instead of us
            env={**os.environ, "PYTHONPATH": str(Path(pyxhon.__file__).parents[1])},
        )
    finally:
        os.close(tell)
        os.close(wait)
    state = _Watch(process, uid, limits, trace, is_interrupted, go)
    try:
        with contextlib.ExitStack() as held, process:
            try:
                _follow(state, told, held)
            finally:
                process.kill()
                kill_all(uid)
    finally:
        os.close(told)
        _let_go(state)
    state.seen.duration_s = time.monotonic() - state.started_s
    return state.seen


def _follow(state: _Watch, told: int, held: contextlib.ExitStack) -> None:
    assert state.process.stdout is not None  # noqa: S101 - asked for above
    output = state.process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        for descriptor in (output, told):
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while state.process.poll() is None:
            for key, _ in selector.select(_TICK_S):
                piece = _read(key.fd)
                if not piece:
                    selector.unregister(key.fd)
                elif key.fd == output:
                    _keep(state.seen, piece)
                elif len(state.told) < _MOST_TOLD:
                    state.told += piece
                    _hold(state, held)
            if state.go >= 0:
                _let_go_when_known(state)
            _check(state)
    while piece := _read(output):
        _keep(state.seen, piece)
    state.seen.status = state.process.returncode


def _hold(state: _Watch, held: contextlib.ExitStack) -> None:
    """Hold the mount namespace of the sandbox as soon as its process is known."""
    with contextlib.suppress(ValueError, KeyError, TypeError, OSError):  # not all of it yet; it ended
        pid = int(json.loads(state.told)["child-pid"])
        held.callback(os.close, os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))


def _let_go_when_known(state: _Watch) -> None:
    is_known = False
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_open(state.trace)) as trace:
        is_known = trace.execute("SELECT 1 FROM process WHERE root > 0 LIMIT 1").fetchone() is not None
    if is_known or time.monotonic() > state.started_s + _PATIENCE_S:
        state.seen.is_known = is_known
        _let_go(state)


def _let_go(state: _Watch) -> None:
    if state.go >= 0:
        os.close(state.go)
        state.go = -1
        state.began_s = time.monotonic()


def _open(trace: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{trace.as_uri()}?mode=ro", uri=True, timeout=1.0)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except BlockingIOError:
        return b""


def _keep(seen: Watched, piece: bytes) -> None:
    seen.output_bytes += len(piece)
    room = _KEPT_BYTES - len(seen.head)
    seen.head += piece[:room]
    seen.tail = (seen.tail + piece[max(room, 0) :])[-_KEPT_BYTES:]


def _check(state: _Watch) -> None:
    """End it when it went beyond a limit, once; what traces it has some time to write its report."""
    now = time.monotonic()
    if state.killed_s is not None:
        if now > state.killed_s + _GRACE_S:
            state.process.kill()
        elif now > state.looked_s + 1:  # whoever was being born when all were killed
            state.looked_s = now
            kill_all(state.uid)
        return
    reason = _reason(state, now)
    if reason:
        state.seen.ended_by = reason
        state.killed_s = state.looked_s = now
        kill_all(state.uid)


def _reason(state: _Watch, now: float) -> str | None:
    seen, limits = state.seen, state.limits
    if state.is_interrupted():
        return "interrupt"
    if state.began_s is not None and now > state.began_s + limits.time_s:
        return "time"
    if seen.output_bytes > limits.output_bytes:
        return "output"
    return _look(state, now) if now > state.looked_s + _LOOK_S else None


def _look(state: _Watch, now: float) -> str | None:
    seen, limits = state.seen, state.limits
    state.looked_s = now
    count, memory = used_memory(state.uid)
    seen.peak_processes = max(seen.peak_processes, count)
    seen.peak_memory_bytes = max(seen.peak_memory_bytes, memory)
    if memory > limits.memory_bytes:
        return "memory"
    return "trace" if _size(state.trace) > limits.trace_bytes else None


def _size(path: Path) -> int:
    total = 0
    for name in (path, path.with_name(path.name + "-wal")):
        with contextlib.suppress(OSError):
            total += name.stat().st_size
    return total
