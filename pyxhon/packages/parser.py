"""A process of its own that parses what a target wrote: it may be slow, or die, without harm."""

import contextlib
import json
import selectors
import struct
import subprocess
from typing import IO, Final

from pyxhon.dossier.budget import Budget
from pyxhon.errors import PyxhonError

_MAX_ANSWER_BYTES: Final = 16 << 20
_LENGTH: Final = struct.Struct("=I")


class ParserError(PyxhonError):
    """No answer: it died, took too long, or was made to say what is none."""


class Parser:
    """Owns the process; it is started for the first question, and again after one that it died of.

    Questions and answers: each its length in four bytes, then itself; one line of JSON. `greeting` is told first.
    """

    def __init__(self, command: list[str], greeting: bytes | None = None, max_starts: int = 4) -> None:
        self._command = command
        self._greeting = greeting
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._max_starts = max_starts

    def __enter__(self) -> "Parser":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def is_spent(self) -> bool:
        """Tell whether it has died too often."""
        return self._process is None and self._starts >= self._max_starts

    def ask(self, content: bytes, budget: Budget) -> object:
        """Give the answer as plain data, which is not checked. Raises ParserError."""
        try:
            process = self._process or self._start()
            _send(process.stdin, content)
            answer: object = json.loads(_read_line(process.stdout, budget))
            return answer
        except (OSError, ValueError, RecursionError) as error:
            self.stop()
            raise ParserError(str(error)) from None

    def _start(self) -> "subprocess.Popen[bytes]":
        if self._starts >= self._max_starts:
            raise OSError("it died too often")
        self._starts += 1
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", bufsize=0
        )
        if self._greeting is not None:
            _send(self._process.stdin, self._greeting)
        return self._process

    def stop(self) -> None:
        """End the process; the next question starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _send(pipe: IO[bytes] | None, content: bytes) -> None:
    if pipe is None:
        raise OSError("no pipe")
    with memoryview(_LENGTH.pack(len(content)) + content) as rest:
        sent = 0
        while sent < len(rest):
            sent += pipe.write(rest[sent:]) or 0


def _read_line(pipe: IO[bytes] | None, budget: Budget) -> bytes:
    """Read one line from an unbuffered pipe. Raises OSError when it does not come in time."""
    if pipe is None:
        raise OSError("no pipe")
    line = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if len(line) > _MAX_ANSWER_BYTES or not budget.begin() or not selector.select(budget.seconds_left):
                raise OSError("no answer in time")
            piece = pipe.read(1 << 16)
            if not piece:
                raise OSError("it ended")
            line += piece
    return bytes(line)
