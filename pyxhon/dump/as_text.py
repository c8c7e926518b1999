"""A dump for people: one block per thread, innermost frame first, native frames indented, guessed ones marked `?`."""

from collections import Counter
from collections.abc import Iterator
from typing import TextIO

from pyxhon.dump.model import Dump, DumpedThread, NativeCall, PythonCall
from pyxhon.report.escape import escape, escape_path

_COLUMNS = 48


def write_text(dump: Dump, out: TextIO) -> None:
    """Write the dump as text."""
    command = escape(" ".join(dump.arguments)) or escape_path(dump.executable or "?")
    out.write(f"process {dump.pid}: {command}\n")
    what = f"CPython {dump.interpreter[0]} ({escape_path(dump.interpreter[1])})" if dump.interpreter else "no CPython"
    count = len(dump.threads)
    out.write(f"{what}, {count} thread{'' if count == 1 else 's'}, {dump.taken}\n")
    out.writelines(f"note: {escape(note)}\n" for note in dump.notes)
    names = _short_names(dump)
    for thread in dump.threads:
        out.write("\n")
        out.writelines(f"{line}\n" for line in _lines(thread, names))


def _short_names(dump: Dump) -> dict[str, str]:
    """Give the file name of each object whose name no other has, else its path."""
    frames = (frame for thread in dump.threads for frame in thread.frames)
    paths = {frame.object for frame in frames if isinstance(frame, NativeCall) and frame.object is not None}
    names = Counter(_file_name(path) for path in paths)
    return {path: _file_name(path) if names[_file_name(path)] == 1 else path for path in paths}


def _file_name(path: str) -> str:
    return path.rpartition("/")[2] or path


def _lines(thread: DumpedThread, names: dict[str, str]) -> Iterator[str]:
    state = thread.state if thread.is_stable else "running"
    call = f" in {thread.system_call}" if thread.system_call else ""
    yield f'thread {thread.tid} "{escape(thread.name)}", {state}{call}'
    for frame in thread.frames:
        if not isinstance(frame, NativeCall):
            yield _python_line(frame)
        elif not frame.is_eval:  # its Python frames stand for it
            yield _native_line(frame, names)
    if thread.problem:
        yield f"  ({thread.problem})"


def _python_line(frame: PythonCall) -> str:
    mark = "?" if frame.is_guessed else " "
    return f"{mark} {escape(frame.function or '?'):{_COLUMNS}}  {escape_path(frame.file or '?')}:{frame.line or '?'}"


def _native_line(frame: NativeCall, names: dict[str, str]) -> str:
    mark = "?" if frame.is_guessed else " "
    place = f"{frame.offset:#x}"
    if frame.symbol is not None:
        way = "" if frame.function_offset is None else f"+{frame.function_offset:#x}"
        place = escape(frame.symbol) + way
    where = names.get(frame.object, frame.object) if frame.object is not None else "?"
    return f"{mark}     {place:{_COLUMNS - 4}}  {escape_path(where)}"
