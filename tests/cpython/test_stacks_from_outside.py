"""Stacks read from outside are those that the program tells of itself, frame by frame."""

import functools
import json

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.objects import Memory
from pyxhon.cpython.stacks import StackReader, ThreadState
from pyxhon.target.process import read_memory
from tests.interpreters import every_python
from tests.targets import running

_TRIES = 200


def read_all(target, python, runtime):
    layout = load_layout(".".join(map(str, python.version)))
    reader = StackReader(Memory(functools.partial(read_memory, target.pid), layout), runtime)
    return {str(state.thread_id): reader.read(state) for state in reader.thread_states()}


def read_settled(target, python, truth):
    """Read until the program waits where it said that it would: it says so a few instructions before."""
    for _ in range(_TRIES):
        stacks = read_all(target, python, truth["runtime"])
        if {ident: as_told(stack) for ident, stack in stacks.items()} == truth["stacks"]:
            break
    return stacks


def as_told(stack):
    return [[frame.file, frame.function, frame.line] for frame in stack.frames if frame.is_shown]


@every_python()
def test_the_stack_of_every_thread_is_the_one_that_python_tells(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        stacks = read_settled(target, python, truth)

    assert {ident: as_told(stack) for ident, stack in stacks.items()} == truth["stacks"]
    assert all(stack.is_whole for stack in stacks.values())


@every_python(max=(3, 10))
def test_up_to_3_10_c_enters_the_interpreter_for_every_frame(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        stacks = read_settled(target, python, truth)

    assert all(frame.is_entry for stack in stacks.values() for frame in stack.frames)


@every_python(min=(3, 11))
def test_from_3_11_only_frames_called_from_c_are_entries(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        stacks = read_settled(target, python, truth)

    main = stacks[max(truth["native"])]
    entries = [frame.function for frame in main.frames if frame.is_entry]
    # sorted, exec, sum, asyncio.run's loop, reduce and what follows to the bottom; Odd.recurse calls itself in Python
    assert "Odd.wait.<locals>.<lambda>" in entries
    assert entries[-1] == "<module>"
    assert sum(frame.function == "Odd.recurse" for frame in main.frames) == 31
    assert entries.count("Odd.recurse") <= 1


@every_python(max=(3, 8))
def test_memory_that_is_gone_gives_no_stack(python):
    with running(python, "known_stacks.py") as target:
        truth = json.loads(target.hear())
        stacks = read_all(target, python, truth["runtime"])
    target.process.wait()

    assert stacks
    assert read_all(target, python, truth["runtime"]) == {}


@every_python()
def test_a_thread_state_without_frames_has_an_empty_stack(python):
    layout = load_layout(".".join(map(str, python.version)))
    reader = StackReader(Memory(lambda _address, size: bytes(size), layout), 4096)

    assert reader.read(ThreadState(8192, 1, 0)).frames == ()


@every_python()
def test_memory_of_nonsense_ends(python):
    layout = load_layout(".".join(map(str, python.version)))
    for pattern in (b"\x10" * 8, b"\x00\x10\x00\x00\x00\x00\x00\x00", b"\0" * 8):
        reader = StackReader(Memory(lambda _address, size, word=pattern: (word * size)[:size], layout), 4096)

        for state in reader.thread_states():
            assert len(reader.read(state).frames) <= 4096
