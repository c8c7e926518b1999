"""The acts of a trace, as acts.py has those of strace."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from acts import INTERPRETER, SENDS, SENSITIVE, Act, collapse, responsible_of

from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow, NativeStackRow, ProcessRow

_KINDS = ("syscall", "memory", "tamper")
_PATH_ARGUMENTS = ("path", "oldpath", "newpath", "source", "linkpath", "new_root", "put_old")


def traced_acts(reader: TraceReader, first_pid: int) -> list[tuple[Act, int]]:
    """Give the sensitive acts of a trace with their counts, from the first program of Python on."""
    processes = _from_python_on(reader.processes(), first_pid)
    found = []
    for row in reader.events():
        if row.kind not in _KINDS or row.process not in processes or row.name not in SENSITIVE:
            continue
        stack = reader.native_stack(row.native_stack) if row.native_stack is not None else None
        objects = collapse(_parts(stack))
        act = Act(
            pid=processes[row.process].pid,
            tid=row.tid,
            time_ns=row.first_ns,
            name=row.name,
            subject=subject_of(row.name, row.arguments),
            result=row.result,
            objects=objects,
            responsible=responsible_of(objects),
            note=_note(row, stack),
            frames=tuple((frame.path or "", frame.offset) for frame in stack.frames) if stack else (),
        )
        found.append((act, row.count))
    return found


def _from_python_on(rows: list[ProcessRow], first_pid: int) -> dict[int, ProcessRow]:
    """Leave out the shell that waited for strace."""
    names = ((row, PurePath(row.executable or "").name) for row in rows)
    first = next((row.id for row, name in names if row.pid == first_pid and name.startswith("python")), None)
    if first is None:
        raise ValueError(f"the trace has no Python in process {first_pid}")
    return {row.id: row for row in rows if row.id >= first}


def _parts(stack: NativeStackRow | None) -> Iterator[str]:
    for frame in stack.frames if stack else ():
        if frame.role == "interpreter":
            yield INTERPRETER
        elif frame.role not in ("c_library", "vdso"):
            yield frame.path or "(nothing mapped)"


def _note(row: EventRow, stack: NativeStackRow | None) -> str:
    if stack is None:
        return "no native stack"
    flags = [name for name, is_so in (("guessed", stack.is_guessed), ("truncated", stack.is_truncated)) if is_so]
    return " ".join([*flags, *(["argument cut"] if row.is_truncated else []), f"ends: {stack.end_reason}"])


def subject_of(name: str, arguments: Mapping[str, Any] | Any) -> str:
    """Give the paths or the address of a system call."""
    if not isinstance(arguments, Mapping):
        return ""
    if name in ("connect", "bind", *SENDS):
        return str(arguments.get("addr") or "")
    if name in ("symlink", "symlinkat"):
        return str(arguments.get("linkpath") or "")
    if name == "memfd_create":
        return ""
    return " ".join(str(arguments[key]) for key in _PATH_ARGUMENTS if arguments.get(key) is not None)
