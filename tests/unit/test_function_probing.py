"""Which functions are wanted: those of C and those of Python go their own ways."""

import pytest

from pyxhon.errors import FunctionNameError
from pyxhon.function_probing import wanted_functions
from pyxhon.functions import _suggest
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
