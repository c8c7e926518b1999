"""Mixed stacks in few lines: native frames of one object share a line."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from pyxhon.report.describe import describe_location
from pyxhon.report.escape import escape
from pyxhon.report.model import Behaviour, Detail, NativeFrame

_SYMBOL_LIMIT: Final = 4  # names on one line
_NAME_COLUMNS: Final = 32
_APPENDED: Final = "?"


def describe_mixed_stack(behaviour: Behaviour, detail: Detail) -> Iterator[str]:
    """Show the native and Python frames as they lie, innermost first."""
    if not detail.mixed_stack:
        yield from (describe_location(frame) for frame in behaviour.python_stack)
        return
    run: list[NativeFrame] = []
    for step in [*detail.mixed_stack, ""]:
        frame = _find_native(behaviour, step)
        if run and (frame is None or frame.object != run[0].object):
            yield _describe_run(run)
            run = []
        if frame is not None:
            run.append(frame)
        elif step == _APPENDED:
            yield "? where the following frames lie among the native ones is not known"
        elif step:
            position = int(step[1:])
            yield describe_location(
                behaviour.python_stack[position] if position < len(behaviour.python_stack) else None
            )


def describe_chain(behaviour: Behaviour, detail: Detail) -> str:
    """Show the native frames between an act and the Python frame that led there, innermost first.

    The interpreter's own frames next to its eval loop are left out, as are further frames without a symbol.
    """
    near: list[NativeFrame] = []
    for step in detail.mixed_stack:
        frame = _find_native(behaviour, step)
        if frame is None:
            break
        near.append(frame)
    if len(near) < len(behaviour.native_stack):
        interpreter = behaviour.native_stack[len(near)].object  # the eval loop, in whose place Python's frames stand
        while near and near[-1].object == interpreter:
            near.pop()
    if behaviour.kind == "dll-load":  # the stack is that of the loader's work
        near = list(itertools.dropwhile(_is_loaders, near))
    names: list[str] = []
    previous = None
    for frame in near:
        if frame.symbol or frame.object != previous:
            names.append(_describe_frame(frame))
        previous = frame.object
    more = [f"{len(names) - _SYMBOL_LIMIT} more"] if len(names) > _SYMBOL_LIMIT + 1 else []
    return " < ".join([*names[: _SYMBOL_LIMIT if more else None], *more])


def _is_loaders(frame: NativeFrame) -> bool:
    return short_object(frame.object).startswith(("ld-", "libc.so"))


def _find_native(behaviour: Behaviour, step: str) -> NativeFrame | None:
    if not step.startswith("n"):
        return None
    position = int(step[1:])
    return behaviour.native_stack[position] if position < len(behaviour.native_stack) else None


def _describe_run(run: Sequence[NativeFrame]) -> str:
    names = [escape(frame.symbol, _NAME_COLUMNS) for frame in run if frame.symbol]
    more = f" and {len(run) - len(names[:_SYMBOL_LIMIT])} more" if len(run) > len(names[:_SYMBOL_LIMIT]) else ""
    if not names:
        names, more = [f"0x{run[0].offset:x}"], f" and {len(run) - 1} more" if len(run) > 1 else ""
    return f"[{short_object(run[0].object)}] {' < '.join(names[:_SYMBOL_LIMIT])}{more}"


def _describe_frame(frame: NativeFrame) -> str:
    """Show one frame: the symbol, else the place in its object; the interpreter's inner functions are all alike."""
    if frame.symbol:
        return escape(frame.symbol, _NAME_COLUMNS)
    return f"{short_object(frame.object)}+0x{frame.offset:x}"


def short_object(path: str) -> str:
    """Show an object by the end of its path."""
    return escape(path.rpartition("/")[2] or path, _NAME_COLUMNS)
