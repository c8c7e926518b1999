"""Calls of C functions: part of the act that an audit event tells of, or acts of their own."""

import pytest

from tests.unit.join.recording import APP, IMPORT, OTHER, PKG

TRUE = {"self": None, "args": ["true"], "kwargs": {}}
SENT = {"self": {"type": "socket.socket", "fd": 3}, "args": [{"bytes": "x", "length": 2000}], "kwargs": {}}
EXTENSION = "uprobe PyMethodDef of an extension module"


def test_a_call_and_its_audit_event_are_one_act(recording):
    recording.add("call", "os.system", TRUE, [PKG, APP], count=2)
    recording.audit("os.system", [{"bytes": "true"}], [PKG, APP], count=2)

    (behaviour,) = recording.join().behaviours

    assert (behaviour.kind, behaviour.count, behaviour.signals) == ("audit", 2, ("audit", "call"))


def test_a_call_elsewhere_is_another_act(recording):
    recording.audit("os.system", [{"bytes": "true"}], [PKG, APP])
    recording.add("call", "os.system", TRUE, [OTHER, APP])

    found = recording.join().behaviours

    assert [(row.kind, row.owner.name, row.category) for row in found] == [
        ("audit", "Pkg", "os"),
        ("call", "other", "os"),
    ]


def test_a_call_without_an_audit_event_is_an_act_of_its_own(recording):
    recording.add("call", "socket.socket.send", SENT, [PKG, APP], count=3, signal=EXTENSION)

    (behaviour,) = recording.join().behaviours

    assert (behaviour.kind, behaviour.category, behaviour.level, behaviour.count) == ("call", "network", "python", 3)
    assert behaviour.arguments == {
        "self": {"type": "socket.socket", "fd": 3},
        "args": ["x… (2000 bytes)"],
        "kwargs": {},
    }


@pytest.mark.parametrize(
    ("name", "signal", "category"),
    [
        ("os.getpid", "uprobe PyMethodDef", "os"),
        ("exec", "uprobe PyMethodDef", "builtins"),
        ("_pickle.loads", EXTENSION, "builtins"),
        ("numpy.core._multiarray_umath.empty", EXTENSION, "dll"),
        ("math.sqrt", EXTENSION, None),
        ("str.join", "uprobe PyMethodDef", None),
    ],
)
def test_the_category_is_that_of_the_functions_module(recording, name, signal, category):
    recording.add("call", name, TRUE, [PKG, APP], signal=signal)

    joined = recording.join()

    assert [row.category for row in (*joined.behaviours, *joined.uncategorised)] == [category]


def test_what_the_import_system_calls_is_no_act(recording):
    recording.add("call", "os.stat", TRUE, [*IMPORT, PKG, APP])

    joined = recording.join()

    assert (joined.behaviours, joined.uncategorised) == ((), ())


@pytest.mark.parametrize("arguments", [None, [], {}, {"args": 5, "kwargs": []}])
def test_arguments_that_are_none_are_left_out(recording, arguments):
    recording.add("call", "os.getpid", arguments, [PKG, APP])

    assert recording.join().behaviours[0].arguments == {"self": None, "args": [], "kwargs": {}}
