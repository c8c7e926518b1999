"""A child or thread that has run no Python since it was made does not act by Python: its stack is its maker's."""

import pytest

from tests.unit.join.native import EVAL, LIBC, LONE, PYTHON
from tests.unit.join.recording import APP, OTHER, PKG

_BY_LONE = [LIBC, LONE, PYTHON, EVAL]


def forked(recording, native):
    """Fork by a system call with this native stack; gives the child."""
    made = recording.call("clone", {"flags": "SIGCHLD"}, native, [PKG, APP], result=200)
    recording.store.add_provenance(recording.process, ("process", "200"), made, 12)
    return recording.add_process(
        pid=200, parent=recording.process, origin="fork", interpreter={"version": "3.12.1"}, started_ns=13
    )


def act(recording, frames, **columns):
    recording.call("unlink", {"path": "/x"}, _BY_LONE, frames, first_ns=20, **columns)
    return next(row for row in recording.join().behaviours if row.name == "unlink")


def test_what_a_child_does_in_the_call_that_forked_it_is_detached(recording):
    child = forked(recording, _BY_LONE)

    row = act(recording, [PKG, APP], process=child, tid=200)

    assert (row.level, row.python_stack, row.owner.name, row.beneath.object) == ("detached", (), "lone.so", LONE.path)
    assert (row.beneath.made_by.kind, row.beneath.made_by.object) == ("process", LONE.path)
    assert row.location.line == PKG[2]


@pytest.mark.parametrize("frames", [[(*PKG[:2], PKG[2] + 1), APP], [OTHER, PKG, APP]])
def test_a_child_that_went_on_in_python_acts_by_python(recording, frames):
    child = forked(recording, [LIBC, PYTHON, EVAL])

    row = act(recording, frames, process=child, tid=200)

    assert (row.level, row.location.line) == ("native", frames[0][2])


def test_a_thread_with_its_makers_stack_is_detached(recording):
    made = recording.call("clone", {"flags": "CLONE_THREAD"}, _BY_LONE, [PKG, APP])
    recording.store.add_thread(recording.process, 101, 12)
    recording.store.set_creator(recording.process, 101, made)

    row = act(recording, [PKG, APP], tid=101)

    assert (row.level, row.beneath.made_by.kind) == ("detached", "thread")


def test_the_maker_itself_acts_by_python(recording):
    forked(recording, _BY_LONE)

    row = act(recording, [PKG, APP])

    assert (row.level, row.location.line) == ("native", PKG[2])
