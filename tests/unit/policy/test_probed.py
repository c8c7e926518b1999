"""Which functions a policy names that are seen only where they are probed."""

from pyxhon.policy.parse import load_policy
from pyxhon.policy.probed import functions_named
from tests.unit.policy.behaviours import act, verdict, write_policy


def _named(tmp_path, functions):
    named = functions_named(load_policy(write_policy(tmp_path, f"  numpy: {{functions: {functions}}}")))
    return named.names, named.patterns


def test_names_that_audit_events_cover_are_not_probed(tmp_path):
    functions = "{deny: [os.system, open, socket.socket.connect, socket.socket.send], allow: [os.getpid]}"

    assert _named(tmp_path, functions) == (("socket.socket.send", "os.getpid"), ())


def test_patterns_are_probed_where_they_deny(tmp_path):
    assert _named(tmp_path, "{deny: ['socket.*'], allow: ['os.*']}") == ((), ("socket.*",))


def test_a_pattern_means_what_audit_events_do_not_cover(tmp_path):
    policy = load_policy(write_policy(tmp_path, "  numpy: {functions: {deny: ['socket.*']}}"))
    named = functions_named(policy)

    assert named.means("socket.*", "socket.socket.send")
    assert not named.means("socket.*", "socket.socket.connect")
    assert not named.means("socket.*", "os.getpid")


def test_python_functions_are_handed_on_apart(tmp_path):
    policy = load_policy(
        write_policy(tmp_path, "  numpy: {functions: {deny: ['m:f', 'evil*:*', os.getpid], allow: ['m:g', 'good*:*']}}")
    )
    named = functions_named(policy)

    assert (named.names, named.patterns, named.python) == (("os.getpid",), (), ("m:f", "evil*:*", "m:g"))


def test_what_rules_ask_for_arguments_of_is_probed_though_audit_events_tell_of_it(tmp_path):
    functions = """{deny: [{name: os.system, args: {"0": "rm *"}}, {name: "socket.*", args: {"0": "x"}}, os.kill]}"""
    policy = load_policy(write_policy(tmp_path, f"  numpy: {{functions: {functions}}}"))
    named = functions_named(policy)

    assert (named.names, named.patterns) == (("os.system",), ("socket.*",))
    assert named.means("socket.*", "socket.socket.connect")


def test_a_call_is_judged_by_every_name_of_its_function(tmp_path):
    sent = act("socket.socket.send", kind="call", category="network", self=None, args=[], kwargs={})

    for name in ("socket.socket.send", "_socket.socket.send", "socket.*"):
        assert verdict(tmp_path, f"  numpy: {{functions: {{deny: ['{name}']}}}}", sent) == "violation"
    assert verdict(tmp_path, "  numpy: {allow: None, functions: {allow: [_socket.socket.send]}}", sent) == "allowed"
    assert verdict(tmp_path, "  numpy: {functions: {deny: [socket.socket.recv]}}", sent) == "unjudged"
