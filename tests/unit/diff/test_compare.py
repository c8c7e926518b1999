import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.report.model import Location, NativeFrame
from tests.unit.diff.sides import (
    ALL_SEEN,
    REPORTS,
    ability,
    act,
    call,
    compared,
    dll,
    edge,
    native,
    report,
    sequence,
    told,
)
from tests.unit.report.sample import make_location, make_package, make_report


def test_a_behaviour_that_only_b_has_appeared_with_its_evidence():
    frames = [NativeFrame("/srv/lib.so", "evil", 16)]
    new = native(args={"path": "/etc/shadow"}, native_stack=frames, count=3)

    [row] = compared(report(act()), report(act(), new)).differences

    assert (row.change, row.package, row.name, row.args) == ("appeared", "requests", "openat", {"path": "/etc/shadow"})
    assert row.before is None
    assert (row.after.levels, row.after.object, row.after.count) == (["native"], "/srv/lib.so", 3)
    assert row.after.location == new.location
    assert row.after.python_stack == new.python_stack
    assert row.after.native_stack == frames


def test_what_b_lacks_vanished():
    assert told(report(act(), act("os.remove")), report(act())) == [("vanished", "behaviour", "requests", "os.remove")]


def test_another_line_is_no_difference():
    assert told(report(act()), report(act(location=make_location(line=99), id="b9"))) == []


def test_another_function_is_a_move_and_nothing_new():
    moved = act(location=make_location(function="other"))

    assert told(report(act()), report(moved)) == [("moved", "behaviour", "requests", "open")]


def test_the_same_act_in_one_more_function_appeared():
    more = act(location=make_location(function="other"))

    assert told(report(act()), report(act(), more)) == [("appeared", "behaviour", "requests", "open")]


def test_repeats_and_processes_do_not_count():
    assert told(report(act()), report(act(count=500), act(pid=77, tid=78))) == []


def test_an_act_now_done_beneath_python_changed_its_level():
    before = act("socket.connect", category="network", args={"self": "<socket>", "address": "10.0.0.1:80"})
    after = native("connect", category="network", args={"sockfd": 3, "addr": "10.0.0.1:80"})

    [row] = compared(report(before), report(after)).differences

    assert (row.change, row.changes) == ("changed", {"level": ["python", "native"]})
    assert (row.before.name, row.after.name) == ("socket.connect", "connect")


def test_an_act_beneath_python_on_another_thing_is_new():
    before = act("socket.connect", category="network", args={"self": "<socket>", "address": "10.0.0.1:80"})
    after = native("connect", category="network", args={"sockfd": 3, "addr": "10.0.0.2:80"})

    assert [row.change for row in compared(report(before), report(after)).differences] == ["appeared", "vanished"]


def test_another_dll_that_does_the_same_is_a_difference():
    assert len(compared(report(native()), report(native(object="/srv/other.so"))).differences) == 2


def test_anonymous_code_has_no_lasting_address():
    assert told(report(native(object="anon:0x7f0000000000")), report(native(object="anon:0x7e0000000000"))) == []


def test_a_verdict_that_changed_is_a_new_violation():
    diff = compared(report(act(verdict="allowed")), report(act(verdict="violation", rule="r")))

    assert [row.changes for row in diff.differences] == [{"verdict": ["allowed", "violation"]}]
    assert diff.new_violations == 1


def test_a_violation_of_both_is_not_new():
    both = act(verdict="violation")

    assert compared(report(both), report(both)).new_violations == 0


def test_a_violation_that_only_moved_is_not_new():
    moved = act(verdict="violation", location=make_location(function="other"))

    assert compared(report(act(verdict="violation")), report(moved)).new_violations == 0


def test_a_level_that_changed_into_a_violation_is_new():
    before = act("socket.connect", category="network", args={"address": "10.0.0.1:80"}, verdict="allowed")
    after = native("connect", category="network", args={"addr": "10.0.0.1:80"}, verdict="violation")

    assert compared(report(before), report(after)).new_violations == 1


def test_versions_that_changed_are_told():
    packages = (
        [make_package("requests", None, None)],
        [dataclasses.replace(make_package("requests", None, None), version="3.0")],
    )

    [row] = compared(report(packages=packages[0]), report(packages=packages[1])).differences

    assert (row.item, row.change, row.changes) == ("package", "changed", {"version": ["2.31.0", "3.0"]})


def test_a_hash_that_changed_is_told():
    [row] = compared(report(dlls=[dll()]), report(dlls=[dll(sha256="1" * 64)])).differences

    assert (row.item, row.changes) == ("dll", {"sha256": ["0" * 64, "1" * 64]})


def test_a_dll_that_now_comes_with_a_package_changed():
    [row] = compared(report(dlls=[dll(package=None)]), report(dlls=[dll()])).differences

    assert (row.package, row.changes) == ("numpy", {"package": ["unknown", "numpy"]})


def test_a_hash_that_is_not_known_is_no_difference():
    assert told(report(dlls=[dll()]), report(dlls=[dll(sha256=None)])) == []


def test_an_import_is_told_once_with_the_verdict_of_its_behaviour():
    behaviour = act("import smtplib", kind="import", category="network", args={}, verdict="violation")
    new = report(behaviour, imports=[edge("smtplib", category="network")])

    [row] = compared(report(), new).differences

    assert (row.item, row.name, row.after.verdict, row.after.python_stack) == (
        "import",
        "smtplib",
        "violation",
        behaviour.python_stack,
    )


def test_what_an_import_takes_from_its_module_does_not_count():
    first = act("import x", kind="import", args={"fromlist": ["a"]})
    second = act("import x", kind="import", args={"fromlist": ["b"]})

    assert told(report(first), report(second)) == []


def test_an_import_that_succeeds_now_changed():
    failed = edge("ujson", failed=1)

    assert [row.changes for row in compared(report(imports=[failed]), report(imports=[edge("ujson")])).differences] == [
        {"outcome": ["failed", "found"]}
    ]


def test_functions_and_abilities_that_appear_are_told():
    a = report(calls=[call("f")], not_exercised=[ability("os.system")])
    b = report(calls=[call("f"), call("g", "f")], not_exercised=[ability("eval")])

    assert told(a, b) == [
        ("appeared", "function", "requests", "g"),
        ("appeared", "ability", "numpy", "eval"),
        ("vanished", "ability", "numpy", "os.system"),
    ]


def test_a_new_call_between_functions_that_both_ran_is_told_where_calls_were_counted():
    a = report(calls=[call("f", count=1), call("g", count=1)])
    b = report(calls=[call("f", count=1), call("g", count=1), call("g", "f", count=1)])
    seen = report(calls=[call("f"), call("g"), call("g", "f")])

    assert told(a, b) == [("appeared", "call", "requests", "g")]
    assert told(a, seen) == []


def test_the_program_in_another_folder_is_the_same():
    def at(folder):
        process = dataclasses.replace(report().processes[0], argv=["python3", f"{folder}/app.py"])
        location = Location(f"{folder}/app.py", 1, "main")
        return report(act(args={"path": f"{folder}/data.txt"}, location=location), processes=[process])

    assert told(at("/srv/old/app"), at("/srv/new/app")) == []


def test_packages_of_another_environment_are_the_same():
    def under(root):
        location = Location(f"{root}/lib/python3.11/site-packages/requests/api.py", 1, "get")
        return report(act(args={"path": f"{root}/pyvenv.cfg"}, location=location))

    assert told(under("/tmp/va"), under("/tmp/vb")) == []


def test_a_file_of_the_system_is_the_same_where_one_python_is_the_systems():
    def under(root):
        location = Location(f"{root}/lib/python3.11/json/__init__.py", 1, "load")
        return report(act(args={"path": "/usr/bin/ls"}, location=location))

    assert told(under("/usr"), under("/root/.pyenv/versions/3.11.7")) == []


def test_a_number_is_a_pid_only_where_a_process_has_it():
    a = report(act(args={"path": "/run/app4242.sock"}))
    b = report(act(args={"path": "/run/app5151.sock"}, pid=5151, tid=5151))
    c = report(act(args={"path": "/run/app6161.sock"}, pid=5151, tid=5151))

    assert told(a, b) == []
    assert len(told(a, c)) == 2


def test_a_pid_in_a_name_that_looks_random_is_a_pid():
    a = report(act(args={"path": "/tmp/p4242.pid"}))
    b = report(act(args={"path": "/tmp/p51515.pid"}, pid=51515, tid=51515))

    assert told(a, b) == told(b, a) == []


def test_a_random_name_that_looks_like_a_word_is_folded_where_the_other_side_has_a_random_one():
    place = Location("/tmp/checked/programs/app.py", 1, "main")  # not random, whatever it looks like
    a = report(act(args={"path": "/tmp/foo-abcdwxyz/settings"}, location=place))
    b = report(act(args={"path": "/tmp/foo-kq3m_a8c/settings"}, location=place))
    c = report(act(args={"path": "/tmp/foo-password/settings"}, location=place))

    assert told(a, b) == told(b, a) == []
    assert len(told(a, c)) == 2


def test_what_is_the_same_only_by_folding_is_counted():
    a = report(act(args={"path": "/tmp/tmpabcd1234"}), act())
    b = report(act(args={"path": "/tmp/tmpzzzz9999"}), act())

    totals = compared(a, b).totals

    assert (totals.same["behaviour"], totals.folded["behaviour"]) == (2, 1)


def test_the_sample_differs_from_itself_in_nothing():
    assert told(make_report(), make_report()) == []


@settings(max_examples=40)
@given(REPORTS)
def test_a_report_differs_from_itself_in_nothing(any_report):
    assert told(any_report, any_report) == []


@settings(max_examples=60)
@given(REPORTS, REPORTS)
def test_the_other_way_round_is_the_mirror(first, second):
    there, back = compared(first, second), compared(second, first)

    assert sorted(map(_sketch, there.differences)) == sorted(_sketch(_mirrored(row)) for row in back.differences)
    assert there.totals == back.totals


@settings(max_examples=30)
@given(REPORTS, REPORTS, st.randoms())
def test_the_order_of_rows_does_not_matter(first, second, random):
    shuffled = dataclasses.replace(second, behaviours=random.sample(second.behaviours, len(second.behaviours)))

    def shown(a, b):
        return sorted((row.change, row.item, row.package) for row in compared(a, b).differences)

    assert shown(first, second) == shown(first, shuffled)


def _mirrored(row):
    change = {"appeared": "vanished", "vanished": "appeared"}.get(row.change, row.change)
    changes = {name: values[::-1] for name, values in row.changes.items()}
    return dataclasses.replace(row, change=change, before=row.after, after=row.before, changes=changes)


def _sketch(row):
    evidence = [repr(side) for side in (row.before, row.after)]
    package = None if row.item == "dll" else row.package  # that of a DLL may differ between the sides
    return (row.item, row.change, package, sorted(row.changes.items()), row.doubts, evidence)


@pytest.mark.parametrize("change", ["appeared", "vanished"])
def test_nothing_is_told_of_what_follows_from_functions_that_did_not_run(change):
    few, many = report(calls=[call("f", count=1)]), report(calls=[call("f", count=1), call("g", "f", count=1)])
    pair = (few, many) if change == "appeared" else (many, few)

    assert told(*pair) == [(change, "function", "requests", "g")]


def test_a_sequence_that_only_b_has_appeared_with_its_steps():
    both = sequence("download then execute")
    [row] = compared(report(sequences=[both]), report(sequences=[both, sequence(verdict="violation")])).differences

    assert (row.change, row.item, row.name) == ("appeared", "sequence", "secret then network")
    assert row.args == {"steps": [{"name": "open", "args": {"path": path}} for path in ("/etc/a", "/etc/b")]}
    assert (row.after.verdict, row.after.rule) == ("violation", "builtin:sequences:1")
    assert row.after.location.line == row.after.python_stack[0].line == 1


def test_a_sequence_found_in_b_against_a_policy_is_a_new_violation():
    assert compared(report(), report(sequences=[sequence(verdict="violation")])).new_violations == 1
    assert compared(report(), report(sequences=[sequence()])).new_violations == 0


def test_a_sequence_that_only_a_has_vanished():
    assert told(report(sequences=[sequence()]), report()) == [
        ("vanished", "sequence", "requests", "secret then network")
    ]


def test_a_sequence_of_another_path_or_package_is_another_one():
    one = report(sequences=[sequence(path="/srv/a")])

    assert len(told(one, report(sequences=[sequence(path="/srv/b")]))) == 2
    assert len(told(one, report(sequences=[sequence(path="/srv/a", package="numpy")]))) == 2


def test_a_sequence_of_a_temporary_file_is_the_same():
    paths = ("/tmp/tmpab12cd34", "/tmp/tmpzz98yy76")

    assert told(*(report(sequences=[sequence(path=path)]) for path in paths)) == []


def test_a_sequence_may_be_due_to_system_calls_that_a_did_not_take():
    blind = dataclasses.replace(ALL_SEEN, syscalls="off")

    [row] = compared(report(coverage=blind), report(sequences=[sequence()])).differences

    assert row.doubts == ["syscalls"]
