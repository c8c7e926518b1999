"""Answers "DEPTH LOOPS" by the nanoseconds of processor time of an `id(0)` that deep; "hook" installs an audit hook."""

from __future__ import annotations

import sys
import time

_UNROLLED = 10


def measure(depth: int, loops: int) -> float:
    """Give the nanoseconds of one event at a depth, counted with the module's frame as the first."""
    if depth > 2:  # noqa: PLR2004 - the module and this
        return measure(depth - 1, loops)
    start = time.thread_time_ns()
    for _ in range(loops // _UNROLLED):
        id(0), id(0), id(0), id(0), id(0), id(0), id(0), id(0), id(0), id(0)
    return (time.thread_time_ns() - start) / loops


for line in sys.stdin:
    if line.strip() == "hook":
        sys.addaudithook(lambda _event, _arguments: None)
        answer = 0.0
    else:
        answer = measure(*map(int, line.split()))
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()
