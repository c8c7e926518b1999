"""System calls are judged by the lists, by `syscalls`, by `native` and by their category, never by `functions`."""

import pytest

from pyxhon.policy.explain import explain
from pyxhon.policy.parse import load_policies, load_policy
from pyxhon.policy.touched import find_touched
from tests.unit.policy.behaviours import TABLES, act, called, judge_one, opened, verdict, write_policy

READ, WRITE = "files.read", "files.write"


def touched(behaviour, directory=None):
    found = []
    for item in find_touched(behaviour, TABLES, directory):
        path = "/" + "/".join(item.thing.segments) if hasattr(item.thing, "segments") else item.thing
        found.append((*item.keys, path))
    return found


@pytest.mark.parametrize(
    "behaviour, expected",
    [
        (called("openat", path="/a", flags=0), [(READ, "/a")]),
        (called("openat", path="/a", flags=0o2000001), [(WRITE, "/a")]),
        (called("open", path="/a", flags=2, mode=0o644), [(READ, "/a"), (WRITE, "/a")]),
        (called("openat2", path="/a", flags=0o101, mode=0o644, resolve=0), [(WRITE, "/a")]),
        (called("i386:creat", path="/a", mode=0o644), [(WRITE, "/a")]),
        (called("x32:unlinkat", path="/a", flags=0), [(WRITE, "/a")]),
        (called("renameat2", oldpath="/a", newpath="/b", flags=0), [(WRITE, "/a"), (WRITE, "/b")]),
        (called("symlinkat", target="../x", linkpath="/srv/app/l"), [(READ, "/srv/x"), (WRITE, "/srv/app/l")]),
        (called("mkdirat", path="/srv/../etc/x", mode=0), [(WRITE, "/etc/x")]),
        (called("utimensat", dirfd=4, flags=0), []),
        (called("fchmod", fd=4, mode=0), []),
        (called("openat", kind="io_uring", path="/a", flags=0), [(READ, "/a")]),
        (called("openat", kind="tamper", path="/proc/1/mem", flags=1), [(WRITE, "/proc/1/mem")]),
        (called("mmap", kind="memory", length=1, prot="PROT_EXEC"), []),
    ],
)
def test_paths_are_read_or_written(behaviour, expected):
    assert touched(behaviour) == expected


@pytest.mark.parametrize(
    "behaviour, expected",
    [
        (called("openat", dirfd="AT_FDCWD", path="x", flags=0), "/work/x"),
        (called("unlink", path="x"), "/work/x"),
        (called("openat", dirfd=5, path="x", flags=0), None),
        (called("renameat", olddirfd=5, oldpath="x", newpath="/b"), None),
        (called("openat", path={"unreadable": True}, flags=0), None),
        (called("open_by_handle_at", mount_fd=3, flags=0), None),
        (called("openat", path="/work/x", flags=0, is_truncated=True), None),
    ],
)
def test_a_path_is_told_only_where_its_folder_is_known(behaviour, expected):
    assert touched(behaviour, "/work")[0][1] == expected


@pytest.mark.parametrize(
    "behaviour, key, host, port",
    [
        (called("connect", sockfd=3, addr="10.0.0.1:80"), "network.connect", "10.0.0.1", 80),
        (called("connect", kind="io_uring", addr="[::1]:80"), "network.connect", "::1", 80),
        (called("connect", sockfd=3, addr="[fe80::1%2]:80"), "network.connect", "fe80::1%2", 80),
        (called("bind", sockfd=3, addr="0.0.0.0:80"), "network.bind", "0.0.0.0", 80),
        (called("write", fd=3, addr="10.0.0.1:80"), "network.connect", "10.0.0.1", 80),
        (called("send", kind="io_uring", peer="10.0.0.1:80"), "network.connect", "10.0.0.1", 80),
        (called("send_zc", kind="io_uring", addr="10.0.0.1:80"), "network.connect", "10.0.0.1", 80),
    ],
)
def test_peers_are_connected_or_bound_to(behaviour, key, host, port):
    ((found, peer),) = touched(behaviour)

    assert (found, peer.host, peer.port) == (key, host, port)


@pytest.mark.parametrize(
    "addr", ["netlink:0/0", "AF_UNSPEC:10.0.0.1:53", "vsock:2/80", "AF_X25/0012", {"unreadable": True}]
)
def test_other_peers_cannot_be_told(addr):
    assert touched(called("sendto", sockfd=3, addr=addr)) == [("network.connect", None)]


@pytest.mark.parametrize("arguments", [{}, {"addr": "unix:"}, {"addr": "AF_UNSPEC"}])
def test_no_peer_and_one_that_says_nothing_touch_nothing(arguments):
    assert touched(called("sendto", sockfd=3, **arguments)) == []


def test_a_file_mapped_executable_by_hand_is_a_dll_loaded():
    ((key, dll),) = touched(called("mmap", kind="memory", path="/tmp/x.so"))

    assert (key, dll.file_name) == ("dlls.load", "x.so")


@pytest.mark.parametrize(
    "packages, behaviour, expected",
    [
        ("  numpy: {allow: D}", called("openat", path="/a", flags=0), "violation"),
        ("  numpy: {allow: F}", called("openat", path="/a", flags=0), "allowed"),
        ("  numpy: {allow: D}", called("mprotect", kind="memory"), "allowed"),
        ("  numpy: {allow: F, files: {read: ['/a']}}", called("openat", path="/b", flags=0), "violation"),
        ("  numpy: {files: {read: ['/a']}}", called("openat", kind="io_uring", path="/a", flags=0), "allowed"),
        ("  numpy: {network: {connect: []}}", called("connect", addr="10.0.0.1:80"), "violation"),
        ("  numpy: {functions: {deny: ['*']}, modules: {deny: ['*']}}", called("unlink", path="/a"), "unjudged"),
        ("  numpy: {syscalls: {deny: [ptrace, bpf]}}", called("bpf", kind="tamper"), "violation"),
        ("  numpy: {syscalls: {deny: [ptrace, bpf]}}", called("i386:ptrace", kind="tamper"), "violation"),
        ("  numpy: {syscalls: {deny: [ptrace, bpf]}}", called("unlink", path="/a"), "unjudged"),
        ("  numpy: {allow: None, syscalls: {allow: ['unlink*']}}", called("unlinkat", path="/a"), "allowed"),
        ("  numpy: {syscalls: {deny: [send_zc]}}", called("send_zc", kind="io_uring"), "violation"),
        ("  '*': {syscalls: {deny: [bpf]}}\n  numpy: {syscalls: {allow: [bpf]}}", called("bpf"), "allowed"),
        ("  numpy: {syscalls: {deny: [open]}}", opened("/a"), "unjudged"),
        ("  numpy: {allow: F, native: deny}", called("unlink", path="/a"), "violation"),
        ("  numpy: {allow: F, native: deny}", called("unlink", path="/a", level="detached"), "violation"),
        ("  numpy: {allow: F, native: deny}", called("unlink", path="/a", level="python"), "allowed"),
        ("  numpy: {allow: F, native: deny}", opened("/a"), "allowed"),
        ("  numpy: {native: deny, syscalls: {allow: [unlink]}}", called("unlink", path="/a"), "allowed"),
        ("  '*': {native: deny}\n  numpy: {native: allow, allow: F}", called("unlink", path="/a"), "allowed"),
        ("  '*': {native: deny}\n  numpy: {native: allow, allow: D}", called("unlink", path="/a"), "violation"),
        ("  '*': {native: deny}\n  numpy: {allow: F}", called("unlink", path="/a"), "violation"),
        ("  numpy: {native: deny}", act("dlopen", kind="dll-load", category="dll", level="native"), "violation"),
    ],
)
def test_the_most_specific_rule_decides(tmp_path, packages, behaviour, expected):
    assert verdict(tmp_path, packages, behaviour) == expected


def test_native_says_why(tmp_path):
    judged = judge_one(tmp_path, "  numpy:\n    native: deny", called("unlink", path="/a"))

    assert (judged.rule, judged.reason) == (
        f"{tmp_path}/p.yaml:4 packages.numpy.native",
        "the act is native: no event of Python explains it",
    )


def test_native_is_among_the_candidates(tmp_path):
    policy = load_policy(write_policy(tmp_path, "  numpy: {allow: F, native: deny}"))

    found = explain(called("unlink", path="/a"), policy)

    assert [candidate.says for candidate in found.candidates] == ["denies what is done below Python", "F allows file"]


@pytest.mark.parametrize(
    "first, second, expected", [("deny", "allow", False), ("allow", "deny", False), ("allow", "allow", True)]
)
def test_what_one_file_denies_stays_denied(tmp_path, first, second, expected):
    paths = [
        write_policy(tmp_path, f"  a: {{native: {word}}}", name=f"{n}.yaml") for n, word in enumerate([first, second])
    ]

    (entry,) = load_policies(paths).packages

    assert entry.native.is_allowed is expected
