"""A person can see which rule decides and what a policy says in the end."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from pyxhon.policy.explain import Candidate, describe, explain, find_unseen
from pyxhon.policy.parse import list_builtin_policies, load_policies, load_policy
from tests.unit.policy.behaviours import act, opened, write_policy


def plain(policy):
    """A policy without the places where its rules stand."""
    ordered = [dataclasses.replace(each, rule=None) for each in policy.sequences]
    return (
        policy.on_violation,
        ordered,
        [
            (
                entry.key,
                entry.allow and entry.allow.categories,
                sorted((rule.text, rule.is_allowed) for rule in entry.functions),
                sorted((rule.pattern.text, rule.is_allowed) for rule in entry.modules),
                sorted((rule.pattern.text, rule.is_allowed) for rule in entry.syscalls),
                entry.native and entry.native.is_allowed,
                {key: [pattern for _, pattern in found.patterns] for key, found in (entry.lists or {}).items()},
                entry.reason,
            )
            for entry in policy.packages
        ],
    )


def test_every_rule_that_speaks_of_an_act_is_told_and_the_decisive_one_first(tmp_path):
    path = write_policy(
        tmp_path,
        "  numpy:\n    allow: D-O-B\n    functions: {allow: [open]}\n    files: {read: [/proc/cpuinfo]}",
    )

    found = explain(opened("/etc/passwd"), load_policy(path))

    assert found.judged.verdict == "violation"
    assert found.candidates == (
        Candidate(f"{path}:6 packages.numpy.files.read", "/etc/passwd is not in the list", is_decisive=True),
        Candidate(f"{path}:5 packages.numpy.functions.allow: open", "allows open", is_decisive=False),
        Candidate(f"{path}:4 packages.numpy.allow", "D-O-B does not allow file", is_decisive=False),
    )


def test_an_act_without_a_rule_has_no_candidates(tmp_path):
    path = write_policy(tmp_path, "  pandas: {allow: F}")

    found = explain(opened("/a"), load_policy(path))

    assert (found.judged.verdict, found.candidates) == ("unjudged", ())


def test_an_act_without_a_category_is_explained(tmp_path):
    path = write_policy(tmp_path, "  numpy: {allow: F}")

    (candidate,) = explain(act("time.sleep", seconds=1), load_policy(path)).candidates

    assert candidate == Candidate(
        f"{path}:3 packages.numpy.allow", "F does not allow an act without a category", is_decisive=False
    )


def test_functions_without_an_audit_event_are_told(tmp_path):
    names = "socket.socket.send, os.getenv, socket.connect, socket.socket.connect, builtins.eval, 'os.*', __import__"
    path = write_policy(tmp_path, f"  numpy: {{functions: {{deny: [{names}]}}}}")

    unseen = [rule.pattern.text for rule in find_unseen(load_policy(path))]

    assert unseen == ["socket.socket.send", "os.getenv", "__import__"]


def test_every_builtin_policy_is_described_so_that_it_can_be_read_again(tmp_path):
    for name in list_builtin_policies():
        policy = load_policy(f"builtin:{name}")
        (tmp_path / "again.yaml").write_text(describe(policy))

        assert plain(load_policy(tmp_path / "again.yaml")) == plain(policy)


def test_a_description_shows_files_laid_over_each_other(tmp_path):
    first = write_policy(tmp_path, "  a: {allow: F, functions: {deny: [os.system]}}", name="1.yaml")
    more = "syscalls: {deny: [bpf], allow: ['open*']}, native: deny"
    second = write_policy(
        tmp_path, f"  a: {{allow: N, dlls: {{load: []}}, reason: 'it: \"talks\"', {more}}}", name="2.yaml"
    )

    policy = load_policies([first, second])

    (tmp_path / "again.yaml").write_text(describe(policy))
    assert plain(load_policy(tmp_path / "again.yaml")) == plain(policy)
    assert f'allow: "N"  # {second}:3' in describe(policy)
    assert f'- "os.system"  # {first}:3' in describe(policy)


def test_rules_with_arguments_are_described_so_that_they_can_be_read_again(tmp_path):
    deny = """{name: 'm:f', args: {a: "it's \\"x\\": #1", b: true}}"""
    allow = """{name: os.open, args: {"0": '*'}}"""
    policy = load_policy(write_policy(tmp_path, f"  a: {{functions: {{deny: [{deny}], allow: [{allow}]}}}}"))

    (tmp_path / "again.yaml").write_text(describe(policy))

    assert plain(load_policy(tmp_path / "again.yaml")) == plain(policy)
    assert [rule.arguments for rule in policy.packages[0].functions] == [
        rule.arguments for rule in load_policy(tmp_path / "again.yaml").packages[0].functions
    ]


def test_a_rule_that_cannot_be_told_to_mean_an_act_is_explained(tmp_path):
    path = write_policy(tmp_path, "  numpy: {functions: {deny: [{name: 'm:f', args: {x: y}}], allow: ['m:*']}}")
    called = act("m:f", kind="call", category=None, x="<object>")

    (candidate,) = explain(called, load_policy(path)).candidates

    assert candidate == Candidate(
        f"{path}:3 packages.numpy.functions.deny: m:f(x: y)",
        "denies m:f(x: y), which cannot be told: argument x cannot be told",
        is_decisive=True,
    )


_TEXT = st.text(alphabet=st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=10)


@given(_TEXT, _TEXT)
def test_any_pattern_and_reason_are_described_faithfully(tmp_path_factory, segment, reason):
    segment = segment.replace("/", "_").replace("**", "*")
    folder = tmp_path_factory.getbasetemp()
    text = '  "*": {{files: {{read: ["/srv/{}"]}}, reason: "{}"}}'
    quoted = [part.replace("\\", "\\\\").replace('"', '\\"') for part in (segment + "x", reason)]
    policy = load_policy(write_policy(folder, text.format(*quoted)))

    (folder / "again.yaml").write_text(describe(policy), encoding="utf-8")

    assert plain(load_policy(folder / "again.yaml")) == plain(policy)
