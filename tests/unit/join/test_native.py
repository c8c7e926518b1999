"""Which object is responsible, who called it, and how sure that is."""

import pytest

from pyxhon.join.native import look
from tests.unit.join.native import (
    ANONYMOUS,
    CTYPES,
    DYNLOAD,
    EVAL,
    FAST,
    LIBC,
    LIBFFI,
    LIBSQLITE,
    LOADER,
    LONE,
    PYTHON,
    SOCKET,
    SQLITE,
    stack_row,
)


def view(*frames, **columns):
    return look(stack_row(*frames, **columns), lambda path: path.startswith(DYNLOAD))


@pytest.mark.parametrize(
    "frames, path",
    [
        ([LIBC, PYTHON, EVAL], None),
        ([LIBC, FAST, PYTHON, EVAL], FAST.path),
        ([LIBC, LONE, FAST, PYTHON, EVAL], LONE.path),
        ([LIBC, SOCKET, PYTHON, EVAL], SOCKET.path),
        ([LIBC, LIBFFI, LIBFFI, CTYPES, PYTHON, EVAL], CTYPES.path),
        ([LIBC, LIBFFI, PYTHON, EVAL], None),
        ([LIBC, LIBFFI, FAST, EVAL], LIBFFI.path),
        ([LIBC, LIBFFI.but(path="/tmp/libffi.so.8"), CTYPES, EVAL], "/tmp/libffi.so.8"),
        ([LIBC, LIBFFI, CTYPES.but(path="/tmp/_ctypes.so"), EVAL], LIBFFI.path),
        ([ANONYMOUS, FAST, EVAL], ANONYMOUS.path),
        ([LIBC.but(path="/tmp/libc.so.6", role="library"), PYTHON, EVAL], "/tmp/libc.so.6"),
        ([LIBC, PYTHON, EVAL, FAST, EVAL], None),
        ([], None),
    ],
)
def test_the_innermost_dll_before_python_is_responsible(frames, path):
    assert view(*frames).object == path


@pytest.mark.parametrize(
    "frames, path",
    [
        ([LIBC, PYTHON, EVAL], None),
        ([LIBC, LIBSQLITE, SQLITE, PYTHON, EVAL], SQLITE.path),
        ([LIBC, SOCKET, PYTHON, FAST, PYTHON, EVAL], SOCKET.path),
    ],
)
def test_the_extension_is_what_the_interpreter_called(frames, path):
    assert view(*frames).extension == path


def test_the_loader_works_when_it_is_innermost():
    assert view(LOADER, LIBC, CTYPES, EVAL).is_loader
    assert not view(LIBC, FAST, LOADER, LIBC, CTYPES, EVAL).is_loader
    assert not view(LOADER.but(role="library"), EVAL).is_loader


def test_what_a_signal_interrupted_did_not_lead_to_the_act():
    seen = view(LIBC, LONE, LIBC, PYTHON.but(how="signal"), EVAL)

    assert (seen.is_handler, seen.reach, seen.object) == (True, 3, LONE.path)


@pytest.mark.parametrize(
    "frames, columns, confidence",
    [
        ([LIBC, FAST, EVAL], {}, "exact"),
        ([LIBC, FAST, PYTHON.but(how="scan"), EVAL], {"is_guessed": True}, "exact"),
        ([LIBC, FAST.but(how="scan"), EVAL], {"is_guessed": True}, "guessed"),
        ([LIBC, PYTHON.but(how="frame_pointer"), EVAL], {"is_guessed": True}, "guessed"),
        ([LIBC, PYTHON], {"is_truncated": True}, "guessed"),
        ([LIBC, PYTHON.but(flags=1), EVAL], {}, "suspect"),
        ([LIBC, FAST.but(flags=1), EVAL], {}, "suspect"),
        ([FAST, PYTHON.but(flags=1), EVAL], {}, "exact"),
        ([LIBC, PYTHON.but(flags=2), EVAL], {}, "suspect"),
        ([LIBC, LIBC.but(flags=2), LIBC], {}, "suspect"),
        ([LIBC, FAST, PYTHON.but(flags=2), EVAL], {}, "exact"),
        ([LIBC, LIBFFI, CTYPES, EVAL], {}, "exact"),
        ([LIBC, PYTHON.but(flags=8), EVAL], {}, "suspect"),  # it calls its own function there, not the C library
        ([LIBC, PYTHON.but(flags=8), LIBFFI, CTYPES, EVAL], {}, "suspect"),
        ([LIBC, FAST.but(flags=8), EVAL], {}, "exact"),
        ([LIBC, PYTHON, PYTHON.but(flags=8), EVAL], {}, "exact"),
        ([LOADER, LOADER.but(flags=2), LIBC, CTYPES, EVAL], {}, "exact"),
        ([LIBC.but(path=None, role=None), EVAL], {}, "suspect"),
    ],
)
def test_doubts_about_the_object_are_told(frames, columns, confidence):
    assert view(*frames, **columns).confidence == confidence
