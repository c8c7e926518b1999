"""Which functions are wanted: those of C and those of Python go their own ways."""

import pytest

from pyxhon.entry_probing import EntryProbing
from pyxhon.errors import FunctionNameError
from pyxhon.function_probing import finish_calls, wanted_functions
from pyxhon.functions import _suggest
from pyxhon.interpreters import Interpreters
from pyxhon.policy.parse import load_policy
from tests.unit.policy.behaviours import write_policy


def test_names_with_a_colon_are_not_searched_among_c_functions():
    wanted = wanted_functions(("os.system", "evil*:*", "m:f"), None)

    assert wanted.names == ("os.system",)
    assert [pattern.text for pattern in wanted.python] == ["evil*:*", "m:f"]


def test_python_functions_alone_are_no_c_functions_wanted():
    wanted = wanted_functions(("m:f",), None)

    assert not wanted
    assert wanted.python_patterns


def test_the_users_and_the_policys_travel_together(tmp_path):
    policy = load_policy(
        write_policy(tmp_path, "  a: {functions: {deny: [os.getpid, 'm:f', 'n*:*'], allow: ['good*:*']}}")
    )

    wanted = wanted_functions(("m:f", "sorted"), policy)

    assert (wanted.names, wanted.policy_names, wanted.policy_patterns) == (("sorted",), ("os.getpid",), ())
    assert [pattern.text for pattern in wanted.policy_python] == ["m:f", "n*:*"]
    assert [pattern.text for pattern in wanted.python_patterns] == ["m:f", "n*:*"]


def test_a_malformed_name_is_refused():
    with pytest.raises(FunctionNameError):
        wanted_functions(("a:b:c",), None)


@pytest.mark.parametrize(
    ("asked", "near", "expected"),
    [
        (
            "socket.sendd",
            ("socket.socket.send",),
            "did you mean socket.socket.send? a Python function is written socket:sendd",
        ),
        (
            "requests.sessions.Session.send",
            (),
            "a Python function is written requests.sessions:Session.send, a C function as in ",
        ),
        ("sotred", ("sorted",), "did you mean sorted?"),
        ("nothing", (), "a Python function is written MODULE:QUALNAME, a C function as in socket.socket.send"),
    ],
)
def test_an_unknown_c_function_may_be_one_of_python(asked, near, expected):
    assert _suggest(asked, near).startswith(expected)


class _Recorder:
    def __init__(self):
        self.extra_losses = {}


def _interpreters(names, found, *, is_seen=True):
    entries = EntryProbing(None, "off", has_functions=True)
    entries.tellers = object() if is_seen else None
    entries.found |= found
    return Interpreters(None, wanted_functions(names, None), entries)


@pytest.mark.parametrize(
    ("found", "is_seen", "warned"),
    [
        (set(), True, ["nosuch:thing", "m:*"]),
        ({"m:*"}, True, ["nosuch:thing"]),
        (set(), False, []),
    ],
)
def test_python_names_that_nothing_has_are_told_at_the_end(caplog, found, is_seen, warned):
    finish_calls(_interpreters(("nosuch:thing", "m:*"), found, is_seen=is_seen), _Recorder())

    assert caplog.messages == [f"--function {name}: no function that ran has this name" for name in warned]


def test_names_of_a_policy_need_not_be_met(caplog, tmp_path):
    policy = load_policy(write_policy(tmp_path, "  a: {functions: {deny: ['n*:*']}}"))
    interpreters = _interpreters((), set())
    interpreters.functions.wanted = wanted_functions((), policy)

    finish_calls(interpreters, _Recorder())

    assert caplog.messages == []
