"""One stack of native and Python frames: each evaluation loop runs the Python frames up to the next entry frame."""

from collections.abc import Callable, Iterable, Sequence

from pyxhon.cpython.stacks import PythonFrame, PythonStack
from pyxhon.dump.model import Frame, NativeCall, PythonCall
from pyxhon.target.native_frames import NativeFrame

_GUESSES = ("frame_pointer", "scan")


def mix(
    native: Sequence[NativeFrame],
    python: Iterable[PythonStack],
    is_eval: Callable[[NativeFrame], bool],
    *,
    is_whole: bool,
) -> tuple[Frame, ...]:
    """Merge the stacks of one thread.

    `is_whole`: the native frames reach the bottom. Then the outermost loop runs the outermost Python frames, and a
    loop that has no frames yet is the innermost; else the two are matched from the innermost frame on.
    """
    runs = [run for stack in python for run in _runs(stack.frames)]
    loops = sum(is_eval(frame) for frame in native)
    early = max(loops - len(runs), 0) if is_whole else 0  # loops that have just been entered
    frames: list[Frame] = []
    for frame in native:
        frames.append(_native(frame, is_eval=is_eval(frame)))
        if not is_eval(frame):
            continue
        if early:
            early -= 1
        elif runs:
            frames.extend(_python(runs.pop(0), is_guessed=False))
    for run in runs:  # no loop was found for these
        frames.extend(_python(run, is_guessed=True))
    return tuple(frames)


def python_only(python: Iterable[PythonStack], *, is_guessed: bool) -> tuple[Frame, ...]:
    """Give the Python frames of a thread without its native ones."""
    return tuple(frame for stack in python for frame in _python(stack.frames, is_guessed=is_guessed))


def _runs(frames: Sequence[PythonFrame]) -> list[list[PythonFrame]]:
    """Part the frames after each entry frame."""
    runs: list[list[PythonFrame]] = []
    is_new = True
    for frame in frames:
        if is_new:
            runs.append([])
        runs[-1].append(frame)
        is_new = frame.is_entry
    return runs


def _python(frames: Iterable[PythonFrame], *, is_guessed: bool) -> list[PythonCall]:
    return [PythonCall(one.file, one.function, one.line, is_guessed) for one in frames if one.is_shown]


def _native(frame: NativeFrame, *, is_eval: bool) -> NativeCall:
    start = frame.function_start
    return NativeCall(
        object=None if frame.object is None else frame.object.path,
        symbol=frame.symbol,
        offset=frame.offset,
        function_offset=None if start is None else frame.offset - start,
        address=frame.address,
        how=frame.how,
        is_guessed=frame.how in _GUESSES,
        is_eval=is_eval,
    )
