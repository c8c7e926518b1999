"""Runs inside gdb, attached to a process that is about to run a program: writes gdb's stack of every N-th system call.

A line of the file GDB_OUT is [thread, number of the call, how many of that number the thread made before, frames],
each frame [path, offset in the file]. GDB_CALLS names the calls, GDB_EVERY is N.
"""

import collections
import json
import os
from pathlib import Path
from typing import Any

import gdb

_NOT_RUN_YET = -38  # ENOSYS stands in rax when a call is entered
_MAX_FRAMES = 200
_MAX_STACKS = 50  # then the program is let go


def main() -> None:
    """Follow the program to its end."""
    settings = ("pagination off", "confirm off", "backtrace past-main on", "backtrace past-entry off")
    for setting in (*settings, "detach-on-fork on", "follow-fork-mode parent", "print thread-events off"):
        gdb.execute(f"set {setting}")
    gdb.execute("handle all nostop noprint pass", to_string=True)
    gdb.execute("catch exec", to_string=True)
    gdb.execute("continue", to_string=True)
    gdb.execute("delete")
    gdb.execute(f"catch syscall {os.environ['GDB_CALLS']}", to_string=True)
    with Path(os.environ["GDB_OUT"]).open("w", encoding="utf-8") as out:
        _follow(out, int(os.environ["GDB_EVERY"]))


def _follow(out: Any, every: int) -> None:
    made: collections.Counter[tuple[int, int]] = collections.Counter()
    count = 0
    while True:
        try:
            gdb.execute("continue", to_string=True)
            thread = gdb.selected_thread()
            if thread is None or not thread.is_valid():
                return
            tid = thread.ptid[1]
            result, number = (int(gdb.parse_and_eval(f"(long){name}")) for name in ("$rax", "$orig_rax"))
        except gdb.error:  # it has ended
            return
        if result != _NOT_RUN_YET:
            continue
        if count % every == 0:
            out.write(json.dumps([tid, number, made[tid, number], _frames(thread.ptid[0])]) + "\n")
            out.flush()
        made[tid, number] += 1
        count += 1
        if count > every * _MAX_STACKS:
            gdb.execute("delete")
            gdb.execute("detach", to_string=True)
            return


def _frames(pid: int) -> list[tuple[str, int]]:
    mappings = _read_mappings(pid)
    found: list[tuple[str, int]] = []
    frame = gdb.newest_frame()
    while frame is not None and len(found) < _MAX_FRAMES:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):  # not on the stack
            place = _place(mappings, frame.pc())
            if place is None:  # beyond the loader's first frame
                break
            found.append(place)
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


def _read_mappings(pid: int) -> list[tuple[int, int, int, str]]:
    rows = []
    for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(maxsplit=5)
        start, _, end = fields[0].partition("-")
        path = fields[5] if len(fields) > 5 else ""  # noqa: PLR2004 - the path is the sixth
        rows.append((int(start, 16), int(end, 16), int(fields[2], 16), path))
    return rows


def _place(mappings: list[tuple[int, int, int, str]], address: int) -> tuple[str, int] | None:
    for start, end, offset, path in mappings:
        if start <= address < end:
            return path, address - start + offset
    return None


main()
