"""Snapshots against the truth: a program tells its modules, threads and audit hooks, and waits."""

import functools
import json
from dataclasses import replace

import pytest

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.snapshot import PythonThread, take_snapshot
from pyxhon.target.process import read_mappings, read_memory
from tests.interpreters import every_python
from tests.targets import PROGRAMS, running


@pytest.fixture
def observed(python):
    """The program's own account, and what was read from outside."""
    with running(python, "known_state.py") as target:
        state = json.loads(target.hear())
        layout = load_layout(".".join(map(str, python.version)))
        read = functools.partial(read_memory, target.pid)
        snapshot = take_snapshot(read, layout, state["runtime"], read_mappings(target.pid))
    return state, snapshot


@every_python()
def test_modules_and_their_files_are_those_of_each_interpreter(observed):
    state, snapshot = observed

    of_main = {one.name: one.file for one in snapshot.modules if one.interpreter == 0}
    of_sub = {one.name: one.file for one in snapshot.modules if one.interpreter != 0}

    assert of_main == state["modules"]
    assert of_sub == state["sub"]
    assert len(of_sub) > 10
    assert snapshot.problems == ()


@every_python()
def test_extension_modules_are_told_by_their_file(observed):
    _, snapshot = observed

    extensions = {one.name for one in snapshot.modules if one.is_extension}

    assert {"loaded.lazily", "from_spec"} <= extensions
    assert not extensions & {"sys", "json", "crowded", "blocked"}


@every_python()
def test_threads_are_those_of_the_program(observed, python):
    state, snapshot = observed

    of_main = {one for one in snapshot.threads if one.interpreter == 0}

    has_native = python.version >= (3, 11)
    assert of_main == {PythonThread(ident, native if has_native else None, 0) for ident, native in state["threads"]}
    assert len(of_main) == 6


@every_python()
def test_search_paths_are_those_of_the_program(observed):
    state, snapshot = observed

    # The second interpreter's own come after.
    assert list(snapshot.search_paths[: len(state["search_paths"])]) == state["search_paths"]


@every_python()
def test_audit_hooks_are_named(observed):
    state, snapshot = observed
    program = PROGRAMS / "known_state.py"
    plain, method, inner = state["lines"]

    native, *in_python = snapshot.audit_hooks

    assert native.startswith(f"C hook at {state['hook']:#x} in /")
    assert "libc" in native
    assert in_python[4].startswith("Python hook setdefault, C function at 0x")
    del in_python[4]
    assert in_python == [
        f"Python hook hook ({program}:{plain})",
        f"Python hook {'Watcher.' if _has_qualified_names(snapshot) else ''}method ({program}:{method})",
        "Python hook instance of Watcher",
        f"Python hook {'outer.<locals>.' if _has_qualified_names(snapshot) else ''}inner ({program}:{inner})",
        "Python hook instance of functools.partial",
    ]


def _has_qualified_names(snapshot):
    """Code objects know their qualified names from 3.11 on, as thread states their native IDs."""
    return snapshot.threads[0].native_id is not None


@every_python()
def test_a_program_without_hooks_has_none(python):
    with running(python, "known_stacks.py") as target:
        runtime = json.loads(target.hear())["runtime"]
        layout = load_layout(".".join(map(str, python.version)))
        snapshot = take_snapshot(functools.partial(read_memory, target.pid), layout, runtime, [])

    assert snapshot.audit_hooks == ()
    assert snapshot.problems == ()


@every_python()
def test_what_cannot_be_read_is_told(python):
    with running(python, "known_stacks.py") as target:
        runtime = json.loads(target.hear())["runtime"]
    layout = load_layout(".".join(map(str, python.version)))

    gone = take_snapshot(functools.partial(read_memory, target.pid), layout, runtime, [])
    unclear = take_snapshot(lambda _address, size: bytes(size), replace(layout, runtime_audit_hooks=None), runtime, [])

    assert gone.problems == ("the audit hooks of C code cannot be read", "the interpreters cannot be read")
    assert unclear.problems == (
        "where this CPython keeps the audit hooks of C code is not known",
        "the interpreter has not started yet",
    )
