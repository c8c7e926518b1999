"""Every sensitive system call has a category, and what explains it exists."""

import re

import pytest

from pyxhon.categories import CATEGORIES, LOADERS
from pyxhon.policy.parse import load_categories
from pyxhon.target.system_calls.classify import operation_names
from pyxhon.target.system_calls.declarations import load_calls, sensitive_names
from tests.interpreters import CHECKOUT

TABLES = load_categories()
CALLS = TABLES.system_calls


def test_every_sensitive_call_has_a_category_and_no_other_has():
    assert {name for name in CALLS if not name.startswith("io_uring:")} == set(sensitive_names())


def test_what_only_io_uring_has_is_an_operation_of_it():
    special = {name.removeprefix("io_uring:") for name in CALLS if name.startswith("io_uring:")}

    assert special <= set(operation_names())
    assert special.isdisjoint(sensitive_names())


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_explained_by_events_that_can_happen(name):
    entry = CALLS[name]

    assert entry.category in CATEGORIES
    assert [event for event in entry.explained_by if event not in TABLES.audit_events and event not in LOADERS] == []


@pytest.mark.parametrize(
    "event, call",
    [
        ("open", "openat"),
        ("os.mkdir", "mkdir"),
        ("os.remove", "unlink"),
        ("os.remove", "unlinkat"),
        ("os.rmdir", "unlinkat"),
        ("os.exec", "execve"),
        ("subprocess.Popen", "execve"),
        ("subprocess.Popen", "vfork"),
        ("socket.connect", "connect"),
        ("socket.bind", "bind"),
        ("socket.__new__", "socket"),
        ("socket.sendto", "sendto"),
        ("socket.sendmsg", "sendmsg"),
        ("socket.getaddrinfo", "sendmmsg"),
        ("os.kill", "kill"),
        ("_thread.start_new_thread", "clone3"),
        ("ctypes.dlopen", "mmap"),
        ("dlopen", "mmap"),
    ],
)
def test_an_audit_event_explains_the_call_that_python_makes(event, call):
    assert event in CALLS[call].explained_by


@pytest.mark.parametrize(
    "event, call",
    [
        (entry.name, call)
        for call, found in CALLS.items()
        for entry in map(TABLES.audit_events.get, found.explained_by)
        if entry and entry.category and len(found.explained_by) == 1
    ],
)
def test_a_call_is_in_the_category_of_the_one_event_that_explains_it(event, call):
    assert TABLES.audit_events[event].category == CALLS[call].category


@pytest.mark.parametrize("name", [name for name, call in load_calls().items() if not call.is_handler])
def test_a_path_in_the_arguments_is_held_against_the_lists(name):
    """But for those whose paths a policy does not speak of."""
    call = load_calls()[name]
    paths = [one.name for one in call.arguments if one.kind.name == "PATH"]
    entry = TABLES.find_system_call("syscall", name)

    if entry.category == "file":
        assert {one.argument for one in entry.resources} >= set(paths)


def documented_categories():
    text = (CHECKOUT / "docs/signals.md").read_text(encoding="utf-8")
    section = text.partition("## System calls: which")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (file|network|dll|os) \| (.*) \|$", section, re.MULTILINE)
    return {category: set(re.findall(r"`(\w+)`", names)) for category, names in rows}


def test_the_documented_calls_are_the_sensitive_ones_by_category():
    ours = {}
    for name, entry in CALLS.items():
        if not name.startswith("io_uring:"):
            ours.setdefault(entry.category, set()).add(name)

    assert documented_categories() == ours
