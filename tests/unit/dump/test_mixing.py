"""Where Python frames stand among native ones, for every way in which the two can fail to match."""

import pytest

from pyxhon.cpython.stacks import PythonFrame, PythonStack
from pyxhon.dump.mixing import mix
from pyxhon.dump.model import PythonCall
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.native_frames import NativeFrame


def native(name, how="cfi"):
    return NativeFrame(4096, None, 4096, how, FrameFlag(0), 4080, name)


def python(*names, is_whole=True):
    """Frames by name: `*` after the name of an entry frame, `-` after one that Python does not show."""
    frames = [PythonFrame("f.py", name.rstrip("*-"), 1, "*" in name, "-" not in name) for name in names]
    return PythonStack(tuple(frames), is_whole)


def mixed(natives, *stacks, is_whole=True):
    frames = mix([native(name) for name in natives], stacks, lambda frame: frame.symbol == "eval", is_whole=is_whole)
    return [
        ("?" if one.is_guessed else "") + one.function if isinstance(one, PythonCall) else one.symbol for one in frames
    ]


@pytest.mark.parametrize(
    ("natives", "names", "expected"),
    [
        (["read", "eval", "main"], ["f", "g*"], ["read", "eval", "f", "g", "main"]),
        (["eval", "qsort", "eval"], ["f*", "g", "h*"], ["eval", "f", "qsort", "eval", "g", "h"]),
        (["eval"], ["new-", "f*"], ["eval", "f"]),
        (["eval", "x", "eval"], ["new-*", "f*"], ["eval", "x", "eval", "f"]),
        (["read"], [], ["read"]),
        (["eval"], [], ["eval"]),
    ],
)
def test_a_loop_runs_the_frames_up_to_its_entry_frame(natives, names, expected):
    assert mixed(natives, python(*names)) == expected


def test_a_loop_that_has_no_frame_yet_is_the_innermost():
    assert mixed(["eval", "call", "eval", "main"], python("f*")) == ["eval", "call", "eval", "f", "main"]


def test_without_the_bottom_frames_are_matched_from_the_top_and_the_rest_is_guessed():
    assert mixed(["eval", "x"], python("f*", "g", "h*"), is_whole=False) == ["eval", "f", "x", "?g", "?h"]


def test_frames_without_any_loop_are_guessed():
    assert mixed(["x"], python("f*")) == ["x", "?f"]


def test_the_frames_of_an_inner_interpreter_come_first():
    assert mixed(["eval", "run", "eval"], python("inner*"), python("outer*")) == [
        "eval",
        "inner",
        "run",
        "eval",
        "outer",
    ]


@pytest.mark.parametrize(("how", "is_guessed"), [("cfi", False), ("start", False), ("scan", True), ("signal", False)])
def test_native_frames_found_without_tables_are_guessed(how, is_guessed):
    [frame] = mix([native("x", how)], (), lambda _frame: False, is_whole=True)

    assert frame.is_guessed is is_guessed
    assert (frame.offset, frame.function_offset) == (4096, 16)
