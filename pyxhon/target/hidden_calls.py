"""Functions that left no frame: called through libffi, they ended by jumping into the C library (a tail call).

libffi keeps the address that it calls on the stack. Where that is not the function of the C library which runs, it is
the hidden one: put in as a frame that was found by a scan, for other words of the stack may look the same.
"""

import posixpath
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pyxhon.target.address_space import AddressSpace, NativeObject
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.native_frames import NativeFrame, know
from pyxhon.target.stack_memory import WORD_BYTES

_MAX_WORDS: Final = 192  # libffi's own frames, with as many arguments as anyone passes
_LIBFFI: Final = "libffi.so"


def reveal(
    frames: Sequence[NativeFrame],
    space: AddressSpace,
    stack: bytes,
    is_c_library: Callable[[NativeObject], bool],
) -> Sequence[NativeFrame]:
    """Give the frames of a stack with the function that libffi called, where it is hidden."""
    caller = next((at for at, frame in enumerate(frames) if not _is_of(frame, is_c_library)), 0)
    if caller == 0 or not _is_libffi(frames[caller]) or not frames[caller].flags & FrameFlag.REGISTER_CALL:
        return frames
    outer = next((frame for frame in frames[caller:] if not _is_libffi(frame)), None)
    callee = frames[caller - 1]
    if outer is None or callee.function_start is None:
        return frames
    hidden = None
    for found in _find_functions(space, stack, outer.address):
        if _is_of(found, is_c_library):
            if found.object is callee.object and found.offset == callee.function_start:
                return frames  # it was called itself
        elif hidden is None and not _is_libffi(found):
            hidden = found
    return frames if hidden is None else [*frames[:caller], hidden, *frames[caller:]]


def _find_functions(space: AddressSpace, stack: bytes, end: int) -> Iterator[NativeFrame]:
    """Give the words up to the return address `end` that are where a function begins, as frames."""
    size = min(len(stack), _MAX_WORDS * WORD_BYTES) // WORD_BYTES * WORD_BYTES
    for (word,) in struct.iter_unpack("<Q", stack[:size]):
        if word == end:
            return
        if space.find(word) is None:
            continue
        frame = know(space, word, is_exact=True).frame
        if frame.object is not None and frame.function_start in (None, frame.offset):
            yield NativeFrame(
                word, frame.object, frame.offset, "scan", FrameFlag(0), frame.function_start, frame.symbol
            )


def _is_of(frame: NativeFrame, is_c_library: Callable[[NativeObject], bool]) -> bool:
    return frame.object is not None and is_c_library(frame.object)


def _is_libffi(frame: NativeFrame) -> bool:
    return frame.object is not None and posixpath.basename(frame.object.path).startswith(_LIBFFI)
