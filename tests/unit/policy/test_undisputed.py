"""What the kernel may act on is denied to everybody: the judge calls it a violation for every owner."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.policy.judge import judge
from pyxhon.policy.parse import load_policy
from pyxhon.policy.undisputed import find_undisputed
from tests.unit.policy.behaviours import TABLES, act, called, write_policy

OWNERS = [("numpy", "distribution"), ("application", "application"), ("stdlib", "stdlib"), ("libx.so", "dll")]
EVENTS = sorted({entry.name for entry in TABLES.audit_events.values()})
PATTERNS = [
    "os.system",
    "os.*",
    "os.exec*",
    "*",
    "subprocess.Popen",
    "os.symlink",
    "os.unlink",
    "builtins.open",
    "mmap*",
]
KEYS = ['"*"', "numpy", '"num*"', "application", "stdlib", '"libx.so*"']


def undisputed(folder, packages, *, has_probed_functions=False):
    return find_undisputed(load_policy(write_policy(folder, packages)), has_probed_functions=has_probed_functions)


@pytest.mark.parametrize(
    "packages, events, calls",
    [
        ('  "*": {functions: {deny: [os.system]}}', {"os.system"}, set()),
        ('  "*": {functions: {deny: ["os.s?stem"]}, syscalls: {deny: [bpf, ptrace]}}', {"os.system"}, {"bpf"}),
        ("  numpy: {functions: {deny: [os.system]}, syscalls: {deny: [bpf]}}", set(), set()),
        ('  "*": {functions: {deny: [os.system]}}\n  numpy: {functions: {allow: ["os.*"]}}', set(), set()),
        ('  "*": {functions: {deny: [os.system], allow: ["os.*"]}}', set(), set()),
        ('  "*": {functions: {deny: [{name: os.system, args: {0: x}}]}}', set(), set()),
        ('  "*": {functions: {deny: [os.system]}}\n  numpy: {allow: F-N-D-O-B}', {"os.system"}, set()),
        ('  "*": {functions: {deny: [open, compile, exec, import]}}', set(), set()),
        ('  "*": {functions: {deny: [os.symlink]}}', {"os.symlink"}, set()),
        ('  "*": {functions: {deny: [os.symlink]}}\n  numpy: {files: {write: [/tmp/*]}}', set(), set()),
        ('  "*": {functions: {deny: [os.system]}}\n  numpy: {files: {write: [/tmp/*]}}', {"os.system"}, set()),
        ('  "*": {syscalls: {deny: [openat, connect, execve, mount, memfd_create]}}', set(), {"memfd_create"}),
        ('  "*": {syscalls: {deny: [bpf]}}\n  numpy: {syscalls: {allow: [bpf]}}', set(), set()),
        ('  "*": {allow: None}', set(), set()),
    ],
)
def test_what_everybody_is_denied_and_nobody_may_be_allowed(tmp_path, packages, events, calls):
    found = undisputed(tmp_path, packages)

    assert found.events == events
    assert calls <= found.calls
    assert bool(found.calls) == bool(calls)


def test_where_c_functions_are_probed_these_may_explain_any_call(tmp_path):
    packages = '  "*": {syscalls: {deny: [bpf]}}'

    assert undisputed(tmp_path, packages, has_probed_functions=True).calls == frozenset()


@st.composite
def policies(draw):
    lines = []
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True)):
        rules = {}
        for verb in ("deny", "allow"):
            names = draw(st.lists(st.sampled_from(PATTERNS), max_size=3, unique=True))
            if names:
                rules[verb] = "[" + ", ".join(f"'{name}'" for name in names) + "]"
        inner = [f"functions: {{{', '.join(f'{verb}: {names}' for verb, names in rules.items())}}}"] if rules else []
        inner += draw(
            st.lists(st.sampled_from(["allow: F-N-D-O-B", "files: {write: ['**'], read: ['**']}"]), unique=True)
        )
        lines.append(f"  {key}: {{{', '.join(inner) or 'allow: None'}}}")
    return "\n".join(lines)


@settings(max_examples=60, deadline=None)
@given(packages=policies())
def test_the_judge_calls_each_a_violation_whoever_does_it(tmp_path_factory, packages):
    folder = tmp_path_factory.mktemp("p")
    policy = load_policy(write_policy(folder, packages))
    found = find_undisputed(policy, has_probed_functions=False)

    acts = [
        act(name, owner=owner, origin=origin, path="/tmp/x", src="/tmp/x", dst="/tmp/y", command="x")
        for name in found.events
        for owner, origin in OWNERS
    ]
    acts += [called(name, owner=owner, origin=origin) for name in found.calls for owner, origin in OWNERS]
    assert {row.verdict for row in judge(acts, policy, {1: "/"})} <= {"violation"}
