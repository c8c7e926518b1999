"""A dump for people: one block per thread, innermost frame first, native frames indented, guessed ones marked `?`."""

from typing import TextIO

from pyxhon.dump.model import Dump, DumpedThread, Frame, NativeCall, PythonCall
from pyxhon.report.escape import escape, escape_path

_NAME_COLUMNS = 44


def write_text(dump: Dump, out: TextIO) -> None:
    """Write the dump as text."""
    command = escape(" ".join(dump.arguments)) or escape_path(dump.executable or "?")
    out.write(f"process {dump.pid}: {command}\n")
    what = f"CPython {dump.interpreter[0]} ({escape_path(dump.interpreter[1])})" if dump.interpreter else "no CPython"
    count = len(dump.threads)
    out.write(f"{what}, {count} thread{'' if count == 1 else 's'}, {dump.taken}\n")
    out.writelines(f"note: {escape(note)}\n" for note in dump.notes)
    for thread in dump.threads:
        out.write("\n")
        _write_thread(thread, out)


def _write_thread(thread: DumpedThread, out: TextIO) -> None:
    state = thread.state if thread.is_stable else "running"
    out.write(f'thread {thread.tid} "{escape(thread.name)}", {state}\n')
    for frame in thread.frames:
        if not (isinstance(frame, NativeCall) and frame.is_eval):  # its Python frames stand for it
            out.write(f"{_line(frame)}\n")
    if thread.problem:
        out.write(f"  ({thread.problem})\n")


def _line(frame: Frame) -> str:
    mark = "?" if frame.is_guessed else " "
    if isinstance(frame, PythonCall):
        name, place = escape(frame.function or "?"), f"{escape_path(frame.file or '?')}:{frame.line or '?'}"
        return f"{mark} {name:{_NAME_COLUMNS}}  {place}"
    where = escape_path(frame.object or "?")
    if frame.symbol is None:
        return f"{mark}     {hex(frame.offset):{_NAME_COLUMNS - 4}}  {where}"
    way = "" if frame.function_offset is None else f"+{frame.function_offset:#x}"
    return f"{mark}     {escape(frame.symbol) + way:{_NAME_COLUMNS - 4}}  {where}"
