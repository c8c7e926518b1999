"""The functions that source files of a target define: read within bounds, parsed by a process of its own."""

import contextlib
import json
import selectors
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

from pyxhon.dossier.budget import Allowance, Budget
from pyxhon.target.root import TargetRoot

SOURCE_BYTES: Final = 2 << 20
_MAX_ANSWER_BYTES: Final = 16 << 20
_MAX_STARTS: Final = 4
_PROGRAM: Final = Path(__file__).with_name("definitions.py")
_LENGTH: Final = struct.Struct("=I")

Functions = list[tuple[int, str]] | str  # or why they are not known


class Sources:
    """Owns the process that parses; it is started for the first source, and again after one that it died of."""

    def __init__(self) -> None:
        self._parser: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._allowance = Allowance()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def list_functions(self, root: TargetRoot, path: str) -> Functions:
        """List (first line, qualified name) of the functions that a file defines, or say why not."""
        source = root.read_file(path, SOURCE_BYTES)
        if source is None:
            return f"no such file, or more than {SOURCE_BYTES >> 20} MiB"
        budget = self._allowance.begin_file()
        if budget is None or self._starts >= _MAX_STARTS:
            return "no time left"
        try:
            answer = self._ask(source, budget)
            found = json.loads(answer)
            return found if isinstance(found, str) else [(int(line), str(name)) for line, name in found]
        except (
            OSError,
            ValueError,
            TypeError,
            RecursionError,
        ):  # it died, took too long, or was made to say something else
            self._stop()
            return "its source is too much for the parser"
        finally:
            self._allowance.end_file(budget)

    def _ask(self, source: bytes, budget: Budget) -> bytes:
        if self._parser is None:
            self._starts += 1
            command = [sys.executable, "-I", "-S", str(_PROGRAM)]
            self._parser = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", bufsize=0
            )
        parser = self._parser
        if parser.stdin is None or parser.stdout is None:
            raise OSError("no pipes")
        with memoryview(_LENGTH.pack(len(source)) + source) as rest:
            sent = 0
            while sent < len(rest):
                sent += parser.stdin.write(rest[sent:]) or 0
        return _read_line(parser.stdout, budget)

    def _stop(self) -> None:
        parser, self._parser = self._parser, None
        if parser is None:
            return
        parser.kill()
        parser.wait()
        for pipe in (parser.stdin, parser.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _read_line(pipe: IO[bytes], budget: Budget) -> bytes:
    """Read one line from an unbuffered pipe. Raises OSError when it does not come in time."""
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
