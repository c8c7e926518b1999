"""Starts the program of a process once more, as it runs: same file, root, namespaces and user, but less power.

It has no capabilities, cannot gain any, may only read (`confinement.py`), has little time and memory, and dies with the
thread that started it. Nothing is executed by us inside the root of that process except the program itself.
"""

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyxhon.errors import TargetError
from pyxhon.target.confinement import confinement
from pyxhon.target.process import read_proc

_LAUNCHER: Final = Path(__file__).with_name("alike_launcher.py")
_LIMITS: Final = {"cpu_s": 10, "data_bytes": 1 << 29, "files": 64, "file_bytes": 0, "core_bytes": 0}
_MAX_ANSWER_BYTES: Final = 1 << 20
_MAX_STATUS_BYTES: Final = 1 << 16
_MAX_WORDS_BYTES: Final = 4096
_MAX_SHOWN: Final = 200
_END_S: Final = 2.0
# Flags of setns; the files are those of /proc/PID/ns.
_NAMESPACES: Final = {
    "mnt": 0x00020000,
    "cgroup": 0x02000000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
    "time": 0x00000080,
}


@dataclass(frozen=True, slots=True)
class Program:
    """What to start. Without a model it runs where and as whom we do; `executable` is a path as the model sees it."""

    model: int | None
    executable: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


class AlikeProcess:
    """A program that was started; it is asked by lines and answers by lines, up to the deadline."""

    def __init__(self, pid: int, launcher: "subprocess.Popen[bytes]", deadline: float) -> None:
        self.pid = pid
        self._launcher = launcher
        self._input, self._output, self._errors = _pipes_of(launcher)
        self._deadline = deadline
        self._rest = b""

    def ask(self, line: str) -> str:
        """Write a line, and give the line that is the answer. Raises TargetError when there is none in time."""
        try:
            os.write(self._input, line.encode() + b"\n")
        except OSError:
            raise TargetError(f"the program that was started {self._how_it_ended()}") from None
        while b"\n" not in self._rest:
            self._rest += self._read()
            if len(self._rest) > _MAX_ANSWER_BYTES:
                raise TargetError(f"the program that was started answers more than {_MAX_ANSWER_BYTES} bytes")
        answer, _, self._rest = self._rest.partition(b"\n")
        if self._rest:
            raise TargetError("the program that was started says what it was not asked")
        return answer.decode("utf-8", "backslashreplace")

    def _read(self) -> bytes:
        if not _is_readable(self._output, self._deadline):
            raise TargetError("the program that was started does not answer in time")
        piece = os.read(self._output, 1 << 16)
        if not piece:
            raise TargetError(f"the program that was started {self._how_it_ended()}")
        return piece

    def _how_it_ended(self) -> str:
        try:
            status = self._launcher.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "closed its output"
        words = _last_line(self._errors)
        return f"ended with status {status}{': ' if words else ''}{words}"


@contextlib.contextmanager
def started_alike(program: Program, deadline_s: float) -> Iterator[AlikeProcess]:
    """Start a program, and kill it at the end of the block, at the deadline, or when this thread ends.

    Raises TargetError when it cannot be started like its model, with the step that failed.
    """
    deadline = time.monotonic() + deadline_s
    with contextlib.ExitStack() as stack:
        handles = {name: _opened(stack, path) for name, path in _paths_of(program).items()}
        process = _open_process(stack, program.model)
        task = {**_task_of(program), **handles, "process": process, "deadline_s": deadline_s}
        ours, theirs = (stack.enter_context(one) for one in socket.socketpair())
        command = [sys.executable, "-I", "-S", str(_LAUNCHER), str(theirs.fileno())]
        passed = {theirs.fileno(), process, *handles.values()}
        launcher = stack.enter_context(_launched(command, tuple(passed)))
        theirs.close()
        try:
            with contextlib.suppress(BrokenPipeError):  # it ended already: said below
                ours.sendall(json.dumps(task).encode() + b"\n")
            pid = _pid_told(ours.fileno(), _pipes_of(launcher)[2], deadline)
            yield AlikeProcess(pid, launcher, deadline)
        finally:
            _end(launcher)


@contextlib.contextmanager
def _launched(command: list[str], passed: tuple[int, ...]) -> "Iterator[subprocess.Popen[bytes]]":
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        bufsize=0,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        pass_fds=passed,
        start_new_session=True,
        cwd="/",
        env={},
    ) as launcher:
        yield launcher


def _end(launcher: "subprocess.Popen[bytes]") -> None:
    """Kill the launcher, with which the program is killed; wait until that has closed its end of the pipe."""
    launcher.kill()
    launcher.wait()
    deadline = time.monotonic() + _END_S
    output = _pipes_of(launcher)[1]
    while _is_readable(output, deadline) and os.read(output, 1 << 16):
        pass


def _pipes_of(launcher: "subprocess.Popen[bytes]") -> list[int]:
    """Give our ends of its standard input, output and error."""
    return [pipe.fileno() for pipe in (launcher.stdin, launcher.stdout, launcher.stderr) if pipe is not None]


def _pid_told(control: int, errors: int, deadline: float) -> int:
    """Wait until the program runs: then the other end is closed, and its process id has been told."""
    told = b""
    while len(told) < _MAX_WORDS_BYTES:
        if not _is_readable(control, deadline):
            raise TargetError("a program could not be started in time")
        piece = os.read(control, _MAX_WORDS_BYTES)
        if not piece:
            break
        told += piece
    found = re.fullmatch(rb"pid (\d+)\n", told)
    if found is None:
        words = re.sub(rb"(?m)^pid \d+\n", b"", told).decode("utf-8", "replace").strip()
        words = words or _last_line(errors) or "the launcher ended"
        raise TargetError(f"a program could not be started like the target: {words}")
    return int(found[1])


def _is_readable(descriptor: int, deadline: float) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(max(deadline - time.monotonic(), 0) * 1000))


def _last_line(descriptor: int) -> str:
    """Give the last line of what a pipe still holds, safe to show."""
    text = os.read(descriptor, 1 << 16) if _is_readable(descriptor, 0) else b""
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return ascii(lines[-1][:_MAX_SHOWN])[1:-1] if lines else ""


def _paths_of(program: Program) -> dict[str, str]:
    if program.model is None:
        return {"executable": program.executable, "root": "/"}
    return {"executable": f"/proc/{program.model}/exe", "root": f"/proc/{program.model}/root"}


def _opened(stack: contextlib.ExitStack, path: str) -> int:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise TargetError(f"{path} cannot be opened: {error.strerror}") from None
    stack.callback(os.close, descriptor)
    return descriptor


def _open_process(stack: contextlib.ExitStack, model: int | None) -> int:
    try:
        descriptor = os.pidfd_open(os.getpid() if model is None else model)
    except OSError as error:
        raise TargetError(f"process {model} cannot be opened: {error.strerror}") from None
    stack.callback(os.close, descriptor)
    return descriptor


def _task_of(program: Program) -> dict[str, Any]:
    namespaces = [] if program.model is None else [name for name in _NAMESPACES if _is_other(program.model, name)]
    identity = _own_identity() if program.model is None else _identity_of(program.model)
    if "user" in namespaces and program.model is not None:
        identity["uid"] = _inner_id(program.model, "uid_map", identity["uid"])
        identity["gid"] = _inner_id(program.model, "gid_map", identity["gid"])
    return {
        **identity,
        "parent": os.getpid(),
        "namespaces": sum(_NAMESPACES[name] for name in namespaces),
        "is_other_pid_namespace": "pid" in namespaces,
        "is_our_root": program.model is None,
        "arguments": [program.executable, *program.arguments],
        "environment": [f"{name}={value}" for name, value in program.environment.items()],
        "limits": _LIMITS,
        "filter": confinement().hex(),
    }


def _is_other(model: int, name: str) -> bool:
    try:
        theirs = os.stat(f"/proc/{model}/ns/{name}")
    except FileNotFoundError:  # the kernel has no such namespaces, or the process ended: then nothing works below
        return False
    except OSError as error:
        raise TargetError(f"the namespaces of process {model} cannot be read: {error.strerror}") from None
    return not os.path.samestat(theirs, os.stat(f"/proc/self/ns/{name}"))


def _own_identity() -> dict[str, Any]:
    return {"uid": os.geteuid(), "gid": os.getegid(), "groups": sorted(os.getgroups())}


def _identity_of(model: int) -> dict[str, Any]:
    """Tell as whom a process runs; where it has several users, one that is not root."""
    text = read_proc(model, "status", _MAX_STATUS_BYTES).decode("utf-8", "replace")
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in text.split("\n"))}
    try:
        users, groups = ([int(word) for word in fields[name]] for name in ("Uid", "Gid"))
        further = sorted(int(word) for word in fields["Groups"])
        return {"uid": _least(users), "gid": _least(groups), "groups": further}
    except (KeyError, ValueError, IndexError):
        raise TargetError(f"process {model} ended") from None


def _least(numbers: list[int]) -> int:
    """Choose among real, effective and saved id."""
    return next(filter(None, numbers), numbers[0])


def _inner_id(model: int, name: str, outer: int) -> int:
    """Give what an id of ours is called in the user namespace of a process."""
    for line in read_proc(model, name, _MAX_STATUS_BYTES).splitlines():
        first, ours, count = map(int, line.split())
        if ours <= outer < ours + count:
            return first + outer - ours
    raise TargetError(f"process {model} runs as a user that its own namespace does not know")
