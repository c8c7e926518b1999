"""The command of `pyxhon run`, and the signals that end a session."""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pyxhon.errors import TargetError
from pyxhon.recorder import Recorder

_GRACE_S: Final = 2.0
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _is_ignored(number: signal.Signals) -> bool:
    """Tell whether whoever started us wants the signal ignored, as nohup does; it stays so, for the command too."""
    return signal.getsignal(number) is signal.SIG_IGN


@dataclass(slots=True)
class Stop:
    """Whether the user asked for the end."""

    is_asked: bool = False


@contextlib.contextmanager
def stop_signals() -> Iterator[Stop]:
    """Turn Ctrl-C and SIGTERM into a request to detach and report."""
    stop = Stop()

    def ask(_number: int, _frame: object) -> None:
        stop.is_asked = True

    before = {number: signal.signal(number, ask) for number in _STOP_SIGNALS if not _is_ignored(number)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Child:
    """The command of `pyxhon run`, held back until the probes are in place."""

    def __init__(self, program: str, command: tuple[str, ...]) -> None:
        self._held, self._release = os.pipe()
        self._failure, self._fail = os.pipe()  # the kernel closes it when it runs the command, else it tells why not
        self._name = command[0]
        self._status: int | None = None
        self._asked_s: float | None = None
        # os.execv would raise an audit event, which is not the command's
        execute = ctypes.CDLL(None, use_errno=True).execv
        texts = [os.fsencode(text) for text in command]
        arguments = (ctypes.c_char_p * (len(texts) + 1))(*texts, None)
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(lambda: execute(os.fsencode(program), arguments))
        os.close(self._held)
        os.close(self._fail)

    def _become(self, execute: Callable[[], int]) -> None:
        try:
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)  # Python ignores them, commands expect them
            for number in _STOP_SIGNALS:
                if not _is_ignored(number):
                    signal.signal(number, signal.SIG_DFL)
            os.close(self._release)
            is_released = os.read(self._held, 1)
            os.close(self._held)
            if not is_released:
                return  # PyXhon failed or was killed: an untraced run is not what was asked for
            execute()
            os.write(self._fail, bytes([ctypes.get_errno()]))
        finally:
            os._exit(127)

    def start(self) -> None:
        """Let it run. Raises TargetError when the kernel does not."""
        os.write(self._release, b"x")
        os.close(self._release)
        with os.fdopen(self._failure, "rb") as failure:
            number = failure.read(1)
        if number:
            os.waitpid(self.pid, 0)
            message = f"cannot run {self._name}: {os.strerror(number[0])}"
            raise TargetError(message, "if it is a script, check its first line")

    def is_over(self, recorder: Recorder, *, stop: Stop, deadline: float | None) -> bool:
        """Tell whether it ended, or was asked to: a signal to us is passed on, and it has a moment to obey."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        now = time.monotonic()
        if (stop.is_asked or (deadline is not None and now > deadline)) and self._asked_s is None:
            self._asked_s = now
            if self._status is None and stop.is_asked:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGTERM)
        if self._asked_s is not None:
            return self._status is not None or now > self._asked_s + _GRACE_S or not stop.is_asked
        return self._status is not None and not any(image.process for image in recorder.live.values())

    def exit_status(self) -> int:
        """Give its exit status as a shell would, waiting for it."""
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(self._status)
        return code if code >= 0 else 128 - code
