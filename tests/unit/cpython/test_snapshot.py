"""Snapshots of memory that lies: they end, and they say what is missing."""

import random
import struct
import time

import pytest

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.snapshot import take_snapshot
from pyxhon.target.process import Mapping

_SEED = 11
_BASE = 0x100000
_WORDS = 4096
_LAYOUT = load_layout("3.12")


def _memory(words):
    block = struct.pack(f"<{len(words)}Q", *words)

    def read(address, size):
        start = address - _BASE
        return block[start : start + size] if start >= 0 and start + size <= len(block) else None

    return read


@pytest.mark.parametrize("minor", range(8, 16))
def test_memory_that_lies_gives_a_snapshot_that_ends(minor):
    randomness = random.Random(_SEED + minor)
    layout = load_layout(f"3.{minor}")
    started = time.monotonic()
    for _ in range(20):
        words = [
            randomness.choice([_BASE + 8 * randomness.randrange(_WORDS), randomness.getrandbits(64), 0, 1, 3])
            for _ in range(_WORDS * 12)
        ]

        snapshot = take_snapshot(_memory(words), layout, _BASE, [])

        assert len(snapshot.problems) < 2000
    assert time.monotonic() - started < 60


def test_a_hook_is_told_with_the_file_that_holds_it():
    words = [0] * 4096
    entry, function = 8, _BASE + 8 * 100
    words[_LAYOUT.runtime_audit_hooks // 8] = _BASE + 8 * entry
    words[entry + _LAYOUT.audit_hook_function // 8] = function
    mapping = Mapping(function - 8, function + 8, "r-xp", 0, (8, 1), 5, "/lib/evil.so")

    snapshot = take_snapshot(_memory(words), _LAYOUT, _BASE, [mapping])

    assert snapshot.audit_hooks == (f"C hook at {function:#x} in /lib/evil.so",)
    assert snapshot.problems == ("the interpreter has not started yet",)


def test_a_hook_outside_every_mapping_is_told_as_such():
    words = [0] * 4096
    words[_LAYOUT.runtime_audit_hooks // 8] = _BASE + 64
    words[8 + _LAYOUT.audit_hook_function // 8] = 0x1234

    snapshot = take_snapshot(_memory(words), _LAYOUT, _BASE, [])

    assert snapshot.audit_hooks == ("C hook at 0x1234 in no mapping",)


def test_a_list_of_hooks_that_bites_its_tail_ends_and_is_told():
    words = [0] * 4096
    words[_LAYOUT.runtime_audit_hooks // 8] = _BASE + 64
    words[8 + _LAYOUT.audit_hook_next // 8] = _BASE + 64

    snapshot = take_snapshot(_memory(words), _LAYOUT, _BASE, [])

    assert len(snapshot.audit_hooks) == 1
    assert "not every audit hook of C code could be read" in snapshot.problems


def test_an_interpreter_that_cannot_be_read_is_told():
    words = [0] * 4096
    words[_LAYOUT.runtime_interpreters_head // 8] = 1 << 40

    snapshot = take_snapshot(_memory(words), _LAYOUT, _BASE, [])

    assert snapshot.problems == (
        "not every interpreter could be read",
        f"the interpreter at {1 << 40:#x} cannot be read",
    )


def test_a_thread_that_does_not_lead_back_shows_that_the_layout_does_not_fit():
    words = [0] * 8192
    interpreter = 4096
    words[_LAYOUT.runtime_interpreters_head // 8] = _BASE + 8 * interpreter
    words[interpreter + _LAYOUT.interpreter_threads_head // 8] = _BASE + 8

    snapshot = take_snapshot(_memory(words), _LAYOUT, _BASE, [])

    assert snapshot.threads == ()
    assert any("structs lie otherwise than known" in problem for problem in snapshot.problems)
