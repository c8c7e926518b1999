"""What libffi called is found on the stack where it left no frame, and nothing is made up where it did."""

import struct

import pytest

from pyxhon.target.address_space import AddressSpace, Mapped, NativeObject
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.hidden_calls import reveal
from pyxhon.target.native_frames import NativeFrame

_STARTS = {"/lib/libc.so.6": 0x10000, "/lib/libffi.so.8": 0x20000, "/srv/lone.so": 0x30000, "/bin/python": 0x40000}
_OBJECTS = {path: NativeObject(path, "file") for path in _STARTS}
LIBC, LIBFFI, LONE, PYTHON = _OBJECTS.values()
_UNLINK, _HIDDEN, _CALLER = 0x10100, 0x30200, 0x40300


def frame(address, flags=0, function_start=None):
    native = next(_OBJECTS[path] for path, start in _STARTS.items() if start <= address < start + 0x1000)
    offset = address - _STARTS[native.path]
    return NativeFrame(address, native, offset, "cfi", FrameFlag(flags), function_start, None)


IN_UNLINK = frame(_UNLINK + 7, function_start=_UNLINK - _STARTS[LIBC.path])
IN_LIBFFI = frame(0x20050, FrameFlag.REGISTER_CALL)
IN_PYTHON = frame(_CALLER)


def revealed(frames, *words):
    space = AddressSpace()
    for path, start in _STARTS.items():
        space.add(Mapped(start, start + 0x1000, 0, _OBJECTS[path]))
    stack = struct.pack(f"<{len(words)}Q", *words)
    return [each.object for each in reveal(frames, space, stack, lambda native: native is LIBC)]


def test_a_function_that_jumped_into_the_c_library_is_put_in():
    objects = revealed([IN_UNLINK, IN_LIBFFI, IN_PYTHON], 0x20050, 3, _HIDDEN, _CALLER)

    assert objects == [LIBC, LONE, LIBFFI, PYTHON]


@pytest.mark.parametrize(
    "words",
    [
        (0x20050, _UNLINK, _CALLER),
        (0x20050, _HIDDEN, _UNLINK, _CALLER),  # called with a function as its argument
        (0x20050, _CALLER, _HIDDEN),  # beyond libffi
        (0x20050, 3, _CALLER),
        (),
    ],
)
def test_the_c_library_called_by_itself_hides_nothing(words):
    assert revealed([IN_UNLINK, IN_LIBFFI, IN_PYTHON], *words) == [LIBC, LIBFFI, PYTHON]


def test_a_function_that_has_a_frame_is_not_put_in_again():
    frames = [IN_UNLINK, frame(_HIDDEN + 9), IN_LIBFFI, IN_PYTHON]

    assert revealed(frames, _HIDDEN, _CALLER) == [LIBC, LONE, LIBFFI, PYTHON]
