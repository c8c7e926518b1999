"""An audit event and a system call speak of the same thing, or do not."""

import pytest

from pyxhon.join.agreement import agree, key_of


@pytest.mark.parametrize(
    "kind, told, done",
    [
        ("path", "/a/b", "/a/b"),
        ("path", "b", "/a/b"),
        ("path", "./b", "/a/b"),
        ("path", "../x/b", "/a/x/b"),
        ("path", "../x/b", "/c/../x/b"),
        ("path", "/a//b/", "/a/b"),
        ("path", "<PosixPath>", "/a/b"),
        ("path", 3, "/a/b"),
        ("path", "/a/b", None),
        ("path", "/a/b", "b"),
        ("path", ".", "/a"),
        ("address", "127.0.0.1:80", "127.0.0.1:80"),
        ("address", "localhost:80", "127.0.0.1:80"),
        ("address", "[::1]:80", "[0:0:0:0:0:0:0:1]:80"),
        ("address", "[fe80::1%eth0]:80", "[fe80::1%2]:80"),
        ("address", "127.0.0.1:80", "[::ffff:127.0.0.1]:80"),
        ("address", ":80", "0.0.0.0:80"),
        ("address", "unix:/run/x", "unix:/run/x"),
        ("address", "unix:x", "unix:/run/x"),
        ("address", "unix:@x", "unix:@x"),
        ("address", [1, 2], "netlink:1/2"),
    ],
)
def test_what_may_be_the_same_agrees(kind, told, done):
    assert agree(kind, told, done)


@pytest.mark.parametrize(
    "kind, told, done",
    [
        ("path", "/a/b", "/c/b"),
        ("path", "b", "/a/bb"),
        ("path", "x/b", "/a/b"),
        ("path", "/a/b", "/a/c"),
        ("address", "127.0.0.1:80", "127.0.0.1:81"),
        ("address", "127.0.0.1:80", "127.0.0.2:80"),
        ("address", "unix:/run/x", "unix:/run/y"),
        ("address", "unix:@x", "unix:@y"),
    ],
)
def test_what_is_another_thing_does_not(kind, told, done):
    assert not agree(kind, told, done)


def test_of_a_cut_path_the_beginning_counts():
    assert agree("path", "/a/" + "b" * 300, "/a/" + "b" * 200, is_cut=True)
    assert not agree("path", "/a/b", "/c/d", is_cut=True)


@pytest.mark.parametrize(
    "kind, first, second",
    [("path", "b", "/a/b"), ("path", "../b/", "/a/b"), ("address", "localhost:80", "127.0.0.1:80")],
)
def test_what_agrees_has_the_same_key(kind, first, second):
    assert key_of(kind, first) == key_of(kind, second) is not None
