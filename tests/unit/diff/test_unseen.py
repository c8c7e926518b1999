import dataclasses

import pytest

from pyxhon.report.model import Counter
from tests.unit.diff.sides import ALL_SEEN, ability, act, call, compared, dll, native, report


def seen_but(**signals):
    return dataclasses.replace(ALL_SEEN, **signals)


def rows_of(diff):
    return [(row.side, row.signal, row.state, row.is_compared) for row in diff.unseen]


def test_where_all_was_seen_nothing_is_said():
    assert compared(report(act()), report(act())).unseen == []


@pytest.mark.parametrize(("word", "state"), [("off", "off"), ("unavailable: no site", "unavailable")])
def test_a_signal_that_one_side_lacks_is_stated_and_doubts_what_the_other_has_alone(word, state):
    diff = compared(report(coverage=seen_but(syscalls=word)), report(native(), act()))

    assert rows_of(diff) == [("a", "syscalls", state, True)]
    assert {row.name: row.doubts for row in diff.differences} == {"openat": ["syscalls"], "open": []}


def test_what_vanished_is_doubted_by_what_b_did_not_see():
    diff = compared(report(act()), report(coverage=seen_but(audit="off")))

    assert [(row.change, row.doubts) for row in diff.differences] == [("vanished", ["audit"])]


def test_functions_are_not_compared_unless_both_sides_took_them():
    diff = compared(report(coverage=seen_but(calls="off")), report(calls=[call("f")]))

    assert rows_of(diff) == [("a", "calls", "off", False)]
    assert diff.differences == []


def test_a_signal_of_some_processes_only_is_partial():
    one, other = report().processes[0], report(coverage=seen_but(audit="unavailable: stripped")).processes[0]

    [row] = compared(report(processes=[one, other]), report()).unseen

    assert (row.state, row.why) == ("partial", "unavailable: stripped")


def test_lost_events_are_stated_by_signal():
    a = report(counters=[Counter("syscall", 10, 7, 0, 3)], losses={"ring_full": 3})
    diff = compared(a, report(dlls=[dll()]))

    assert [(row.signal, row.state, row.why) for row in diff.unseen] == [("syscalls", "lost", "3 of 10 syscall events")]
    assert [row.doubts for row in diff.differences] == [["syscalls"]]


def test_a_loss_that_may_be_of_any_signal_doubts_all():
    diff = compared(report(losses={"recording_cut_off": 1}), report(act()))

    assert rows_of(diff) == [("a", "any", "lost", True)]
    assert [row.doubts for row in diff.differences] == [["any"]]


def test_a_loss_after_which_acts_are_there_all_the_same_is_not_stated():
    assert compared(report(losses={"python_stack_truncated": 3, "code_cut": 1}), report()).unseen == []


def test_an_ability_is_doubted_by_what_its_own_side_did_not_see():
    diff = compared(report(), report(not_exercised=[ability("os.system")], coverage=seen_but(audit="off")))

    assert [row.doubts for row in diff.differences] == [["audit"]]
