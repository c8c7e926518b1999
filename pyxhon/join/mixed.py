"""The native and the Python stack of one event as one mixed stack: they meet at the eval loop's frames."""

import functools
from collections.abc import Sequence

from pyxhon.trace.rows import FrameRow, NativeFrameRow

APPENDED = "?"
"""Stands before Python frames whose place among the native ones is not known."""


def mix(native: Sequence[NativeFrameRow], python: Sequence[FrameRow]) -> tuple[str, ...]:
    """Give the order of all frames, innermost first: n0, n1 … are native frames, p0, p1 … Python's.

    A native frame that is the eval loop stands for the Python frames that run in it, up to one that C entered. Where
    the native stack has fewer such frames than the Python stack has entries, it was cut or guessed: the rest of the
    Python frames follows `APPENDED`.
    """
    order: list[str] = []
    position = 0
    for number, frame in enumerate(native):
        if not frame.is_eval or position >= len(python):
            order.append(_name("n", number))
            continue
        end = _find_entry(python, position)
        order += [_name("p", each) for each in range(position, end)]
        position = end
    if position < len(python):
        order.append(APPENDED)
        order += [_name("p", each) for each in range(position, len(python))]
    return tuple(order)


@functools.lru_cache(maxsize=4096)
def _name(kind: str, number: int) -> str:
    """Name a frame; each name is made once, for there are many stacks."""
    return f"{kind}{number}"


def _find_entry(python: Sequence[FrameRow], start: int) -> int:
    """Find the end of the Python frames that one eval loop runs."""
    for position in range(start, len(python)):
        if python[position].is_entry:
            return position + 1
    return len(python)
