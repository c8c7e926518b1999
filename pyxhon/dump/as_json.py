"""A dump as JSON: the schema `pyxhon.dump/1`."""

import dataclasses
import json
from typing import Any, TextIO

from pyxhon import __version__
from pyxhon.dump.model import SCHEMA, Dump, DumpedThread, Frame, NativeCall


def write_json(dump: Dump, out: TextIO) -> None:
    """Write the dump as one object."""
    interpreter = None if dump.interpreter is None else dict(zip(("version", "path"), dump.interpreter, strict=True))
    content = {
        "schema": SCHEMA,
        "pyxhon": __version__,
        "taken": dump.taken,
        "pid": dump.pid,
        "executable": dump.executable,
        "arguments": list(dump.arguments),
        "interpreter": interpreter,
        "threads": [_thread(thread) for thread in dump.threads],
        "notes": list(dump.notes),
    }
    json.dump(content, out)  # ASCII: any path may hold what is no UTF-8
    out.write("\n")


def _thread(thread: DumpedThread) -> dict[str, Any]:
    return dataclasses.asdict(thread) | {"frames": [_frame(frame) for frame in thread.frames]}


def _frame(frame: Frame) -> dict[str, Any]:
    kind = "native" if isinstance(frame, NativeCall) else "python"
    return {"kind": kind, **dataclasses.asdict(frame)}
