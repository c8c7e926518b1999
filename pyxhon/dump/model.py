"""One dump as data: the schema of `pyxhon dump --format json`, and what the text is made of."""

from dataclasses import dataclass
from typing import Final

SCHEMA: Final = "pyxhon.dump/1"


@dataclass(frozen=True, slots=True)
class NativeCall:
    """A native frame; `offset` is the address as linked in `object`, `function_offset` the way from its start.

    `is_guessed`: found without unwind tables, by the frame pointer or by searching the stack. `is_eval`: CPython's
    evaluation loop, which runs the Python frames that follow.
    """

    object: str | None
    symbol: str | None
    offset: int
    function_offset: int | None
    address: int
    how: str
    is_guessed: bool
    is_eval: bool


@dataclass(frozen=True, slots=True)
class PythonCall:
    """A Python frame; None where it cannot be read or the instruction has no line.

    `is_guessed`: where it stands among the native frames is not known, or it was read while the thread ran.
    """

    file: str | None
    function: str | None
    line: int | None
    is_guessed: bool


Frame = NativeCall | PythonCall


@dataclass(frozen=True, slots=True)
class DumpedThread:
    """One thread and its frames, innermost first.

    `system_call` is the one that it waits in. `is_stable`: the thread did not run while it was read. `problem` says why
    the stack is not whole; None: it is.
    """

    tid: int
    name: str
    state: str
    system_call: str | None
    is_stable: bool
    problem: str | None
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Dump:
    """All threads of a process, the first one first; `notes` say what could not be had."""

    pid: int
    executable: str | None
    arguments: tuple[str, ...]
    interpreter: tuple[str, str] | None  # version, path
    taken: str  # RFC 3339
    threads: tuple[DumpedThread, ...]
    notes: tuple[str, ...]
