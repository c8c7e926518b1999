"""Native and Python frames lie as they were called."""

from hypothesis import given
from hypothesis import strategies as st

from pyxhon.join.mixed import APPENDED, mix
from pyxhon.trace.rows import FrameRow
from tests.unit.join.native import EVAL, FAST, LIBC, PYTHON

PLAIN = FrameRow("a.py", "f", 1, 2, 1)
ENTRY = FrameRow("a.py", "f", 1, 2, 1, is_entry=True)


def mixed(native, python):
    return " ".join(mix([frame.row for frame in native], python))


def test_python_frames_stand_in_the_place_of_their_eval_loop():
    native = [LIBC, FAST, EVAL, PYTHON, FAST, EVAL, PYTHON]

    assert mixed(native, [PLAIN, ENTRY, PLAIN, ENTRY]) == "n0 n1 p0 p1 n3 n4 p2 p3 n6"


def test_a_native_stack_that_was_cut_leaves_python_frames_appended():
    assert mixed([LIBC, EVAL], [ENTRY, PLAIN, ENTRY]) == "n0 p0 ? p1 p2"


def test_without_an_eval_loop_all_python_frames_are_appended():
    assert mixed([LIBC, FAST], [PLAIN, ENTRY]) == "n0 n1 ? p0 p1"


def test_an_eval_loop_without_python_frames_stays_native():
    assert mixed([LIBC, EVAL, EVAL], [ENTRY]) == "n0 p0 n2"


def test_without_entries_the_innermost_loop_runs_all():
    assert mixed([LIBC, EVAL, EVAL], [PLAIN, PLAIN]) == "n0 p0 p1 n2"


@given(st.lists(st.sampled_from([LIBC, FAST, EVAL])), st.lists(st.sampled_from([PLAIN, ENTRY])))
def test_every_frame_stands_once_and_in_order(native, python):
    order = mix([frame.row for frame in native], python)

    natives = [int(step[1:]) for step in order if step.startswith("n")]
    pythons = [int(step[1:]) for step in order if step.startswith("p")]
    left_out = set(range(len(native))) - set(natives)
    assert natives == sorted(natives)
    assert pythons == list(range(len(python)))
    assert all(native[position].is_eval for position in left_out)
    assert order.count(APPENDED) <= 1
