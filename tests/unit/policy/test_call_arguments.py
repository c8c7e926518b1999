"""Rules that ask for arguments: what matches, what does not, and what cannot be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.policy.call_arguments import ArgumentPattern
from tests.unit.policy.behaviours import act, judge_one, verdict


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("rm *", "rm -rf /", True),
        ("rm *", "rm", False),
        ("*rm*", "a\nrm\nb", True),
        ("a[b]?", "a[b]c", True),
        ("a[b]?", "abc", False),
        ("rm *", ["rm", "-rf"], True),
        ("*rm 5 true null*", ["x", "rm", 5, True, None], True),
        ("", [], True),
        ("rm *", ["rm", []], None),
        ("rm *", ["rm", "<object>"], None),
        ("rm *", "<pathlib.PosixPath>", None),
        ("rm *", {"a": "rm x"}, None),
        ("*", {"a": 1}, True),
        ("*", "<unreadable>", True),
        ("*", None, True),
        ("true", True, True),
        ("true", 1, True),
        ("true", False, False),
        ("true", "true", True),
        ("true", None, False),
        ("false", 0, True),
        ("false", None, False),
        ("null", None, True),
        ("null", 0, False),
        ("null", "null", True),
        ("5", 5, True),
        ("5", 5.0, True),
        ("0o644", 420, True),
        ("0x10", 16, True),
        ("1e3", 1000, True),
        ("5*", 55, False),
        ("five", 5, False),
        ("-1", -1, True),
    ],
)
def test_a_value_is_what_a_pattern_means(pattern, value, expected):
    assert ArgumentPattern("x", pattern).match(value) is expected


def c_call(*args, is_truncated=False, called_self=None, **kwargs):
    return act(
        "some.function", kind="call", category=None, self=called_self, args=list(args), kwargs=kwargs,
        is_truncated=is_truncated,
    )  # fmt: skip


def python_call(*, is_truncated=False, **arguments):
    return act("mod:function", kind="call", category=None, is_truncated=is_truncated, **arguments)


def denied(tmp_path, name, args, behaviour):
    return verdict(tmp_path, f"  numpy: {{functions: {{deny: [{{name: '{name}', args: {args}}}]}}}}", behaviour)


def allowed(tmp_path, name, args, behaviour):
    packages = f"  numpy: {{functions: {{deny: ['*', '*:*'], allow: [{{name: '{name}', args: {args}}}]}}}}"
    return verdict(tmp_path, packages, behaviour) == "allowed"


@pytest.mark.parametrize(
    ("args", "behaviour", "expected"),
    [
        ('{"0": "rm *"}', c_call("rm x"), True),
        ('{"0": "rm *"}', c_call("ls"), False),
        ('{"1": "rm *"}', c_call("rm x"), False),
        ('{"0": "rm *"}', c_call(command="rm x"), None),
        ("{command: 'rm *'}", c_call(command="rm x"), True),
        ("{command: 'rm *'}", c_call("rm x"), None),
        ("{command: 'rm *'}", c_call(), False),
        ("{command: 'rm *'}", c_call("rm x", is_truncated=True), None),
        ("{command: 'rm *'}", c_call(command="ls", is_truncated=True), None),
        ('{"0": "rm *"}', c_call("<unreadable>"), None),
        ('{"0": "rm *", "1": 5}', c_call("rm x", 5), True),
        ('{"0": "rm *", "1": 5}', c_call("rm x", 6), False),
        ('{"0": "rm *", "1": 5}', c_call("<object>", 6), False),
        ('{"0": "rm *", "1": 5}', c_call("<object>", 5), None),
        ("{self: 'x*'}", c_call(called_self="xy"), True),
        ("{self: 'x*'}", c_call(called_self={"type": "list"}), None),
    ],
)
def test_arguments_of_a_c_function_go_by_position_or_keyword(tmp_path, args, behaviour, expected):
    assert denied(tmp_path, "some.function", args, behaviour) == ("unjudged" if expected is False else "violation")
    assert allowed(tmp_path, "some.function", args, behaviour) is (expected is True)


@pytest.mark.parametrize(
    ("args", "behaviour", "expected"),
    [
        ("{args: '*rm -rf*', shell: true}", python_call(args="sudo rm -rf /", shell=True), True),
        ("{args: '*rm -rf*', shell: true}", python_call(args="sudo rm -rf /", shell=False), False),
        ("{args: '*rm -rf*', shell: true}", python_call(args=["rm", "-rf", "/"], shell=1), True),
        ("{shell: true}", python_call(popenargs=["x"], kwargs={"shell": True}), True),
        ("{shell: true}", python_call(popenargs=["x"], kwargs={}), False),
        ("{shell: true}", python_call(kwargs={"shell": True}, last="x"), False),
        ("{shell: true}", python_call(popenargs=["x"]), False),
        ("{shell: true}", python_call(), False),
        ("{self: '*'}", python_call(self="<Session>"), True),
        ("{url: 'http:*'}", python_call(url="<URL>"), None),
        ("{url: 'http:*'}", python_call(url="https://a", is_truncated=True), None),
    ],
)
def test_arguments_of_a_python_function_go_by_parameter(tmp_path, args, behaviour, expected):
    assert denied(tmp_path, "mod:function", args, behaviour) == ("unjudged" if expected is False else "violation")
    assert allowed(tmp_path, "mod:function", args, behaviour) is (expected is True)


def event(command="rm x", *, calls=(), **more):
    return act("os.system", command=command, calls=calls, **more)


def call(*args, **kwargs):
    return {"self": None, "args": list(args), "kwargs": kwargs}


@pytest.mark.parametrize(
    ("args", "behaviour", "expected"),
    [
        ("{command: 'rm *'}", event(), True),
        ("{command: 'ls *'}", event(), False),
        ('{"0": "rm *"}', event(), True),
        ('{"0": "ls *"}', event(), False),
        ('{"1": "ls *"}', event(), None),
        ("{other: 'ls *'}", event(), None),
        ('{"0": "ls *"}', event(calls=(call("ls x"),)), True),
        ('{"0": "rm *"}', event(calls=(call("ls x"),)), False),
        ('{"0": "rm *"}', event(calls=(call("rm x"), call("rm y"))), True),
        ('{"0": "rm *"}', event(calls=(call("rm x"), call("ls y"))), None),
        ('{"0": "rm *"}', event(calls=(call("rm x"), None)), None),
        ("{command: 'rm *'}", event(calls=(call("ls"),)), True),
        ("{command: 'rm *'}", event(is_truncated=True), None),
        ('{"0": "rm *"}', event(is_truncated=True, calls=(call("rm x"),)), True),
    ],
)
def test_arguments_of_an_act_known_by_an_audit_event(tmp_path, args, behaviour, expected):
    assert denied(tmp_path, "os.system", args, behaviour) == ("unjudged" if expected is False else "violation")
    assert allowed(tmp_path, "os.system", args, behaviour) is (expected is True)


def test_positions_are_not_those_of_an_event_of_several_functions(tmp_path):
    removed = act("os.remove", path="/srv/x", dir_fd=-1)

    assert denied(tmp_path, "os.unlink", '{"0": "/etc/*"}', removed) == "violation"
    assert denied(tmp_path, "os.unlink", "{path: '/etc/*'}", removed) == "unjudged"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (c_call("rm x", is_truncated=True), "an argument was cut"),
        (c_call("<object>"), "argument 0 cannot be told"),
    ],
)
def test_a_rule_that_cannot_be_told_to_mean_an_act_says_so(tmp_path, behaviour, reason):
    packages = """  numpy: {functions: {deny: [{name: some.function, args: {"0": "rm *"}}]}}"""

    judged = judge_one(tmp_path, packages, behaviour)

    assert judged.reason == (
        f"the policy names some.function(0: rm *), and whether it means this cannot be told: {reason}"
    )


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8))


@given(_VALUES, st.text(min_size=1, max_size=8))
def test_a_pattern_says_yes_no_or_unknown_of_any_value(value, text):
    answer = ArgumentPattern("x", text).match([value, {}, []] if value is None else value)

    assert answer in (True, False, None)


@given(st.text(min_size=1, max_size=12).filter(lambda text: not {"*", "?"} & set(text)))
def test_text_without_wildcards_means_itself_alone(text):
    pattern = ArgumentPattern("x", text)

    assert pattern.match(text) is not False
    assert pattern.match(text + "x") is False
