"""Reading objects out of memory that changes, vanishes or lies."""

import functools
import os
import random
import struct
import sys
import time
from dataclasses import replace

import pytest

from pyxhon.cpython.dictionaries import Items, find_item, read_attributes, read_dictionary
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.objects import (
    Memory,
    is_instance,
    read_bytes,
    read_c_string,
    read_code,
    read_integer,
    read_items,
    read_text,
    read_type,
)
from pyxhon.target.process import read_memory

LAYOUT = load_layout(".".join(map(str, sys.version_info[:3])))
READERS = [
    read_text,
    read_bytes,
    read_integer,
    read_items,
    read_dictionary,
    read_attributes,
    read_code,
    read_type,
    read_c_string,
]
_SEED = 7
_BASE = 0x10000


def _own_memory():
    return Memory(functools.partial(read_memory, os.getpid()), LAYOUT)


def _lying_memory(randomness, layout, words=2048):
    """A small memory full of addresses within itself, so that every pointer leads somewhere."""
    block = bytearray(
        b"".join(
            struct.pack(
                "<Q", randomness.choice([_BASE + randomness.randrange(words * 8), randomness.getrandbits(64), 0, 1, 8])
            )
            for _ in range(words)
        )
    )

    def read(address, size):
        start = address - _BASE
        return bytes(block[start : start + size]) if start >= 0 and start + size <= len(block) else None

    return Memory(read, layout)


@pytest.mark.parametrize("minor", range(8, 16))
def test_memory_that_lies_never_raises_and_never_hangs(minor):
    randomness = random.Random(_SEED + minor)
    started = time.monotonic()
    for _ in range(20):
        memory = _lying_memory(randomness, load_layout(f"3.{minor}"))
        # Types with every flag, so that each reader believes what it sees.
        for reader in READERS:
            for address in range(_BASE, _BASE + 512, 8):
                reader(memory, address)

    assert time.monotonic() - started < 30


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("address", [0, -1, 1, 1 << 47, 1 << 63, (1 << 64) - 1, 1 << 70])
def test_an_impossible_address_gives_none(reader, address):
    assert reader(_own_memory(), address) is None


@pytest.mark.parametrize("reader", READERS)
def test_memory_that_vanishes_at_any_moment_gives_none_or_less(reader):
    class Thing:
        def __init__(self):
            self.a = 1

    kept = [Thing(), "text \u20ac", b"bytes", 2**70, (1, 2), [1, 2], {"a": 1, 2: 3}, _own_memory.__code__]
    for one in kept:
        for reads_left in range(12):
            left = iter(range(reads_left))

            def read(address, size, left=left):
                return read_memory(os.getpid(), address, size) if next(left, None) is not None else None

            reader(Memory(read, LAYOUT), id(one))


def test_a_dictionary_that_changes_while_it_is_read_is_partial():
    changing = {"a": 1}

    def read(address, size):
        changing[len(changing)] = 1
        return read_memory(os.getpid(), address, size)

    items = read_dictionary(Memory(read, LAYOUT), id(changing))

    assert items is not None
    assert items.is_partial


def test_a_dictionary_that_changed_once_is_read_again():
    changing = {"a": 1}
    changes = iter(range(3))

    def read(address, size):
        if next(changes, None) == 2:
            changing.update(dict.fromkeys(range(100)))
        return read_memory(os.getpid(), address, size)

    items = read_dictionary(Memory(read, LAYOUT), id(changing))

    assert [key for key, _ in items.pairs] == [id(key) for key in changing]
    assert not items.is_partial


def test_a_short_answer_counts_as_none():
    memory = Memory(lambda _address, size: bytes(size - 1), LAYOUT)

    assert memory.block(4096, 8) is None
    assert memory.pointer(4096) is None


def test_a_text_of_impossible_code_points_is_still_text():
    text = "\U0001f40d" * 10
    layout = LAYOUT

    def read(address, size):
        block = read_memory(os.getpid(), address, size)
        is_data = address == id(text) + layout.unicode_compact_size
        return b"\xff" * size if is_data else block

    assert read_text(Memory(read, layout), id(text)) == "\ufffd" * 10


def test_a_c_string_at_the_end_of_memory_is_read_to_its_end():
    def read(address, size):
        return b"name\0".rjust(4096, b"x")[address - 4096 :][:size] if address + size <= 8192 else None

    assert read_c_string(Memory(read, LAYOUT), 8192 - 5) == "name"
    assert read_c_string(Memory(read, LAYOUT), 8192 - 8, limit=5) == "xxxna"


def test_a_c_string_that_is_not_utf8_is_escaped():
    memory = Memory(lambda _address, size: b"a\xff\0".ljust(size, b"\0"), LAYOUT)

    assert read_c_string(memory, 4096) == "a\\xff"


def test_an_instance_is_known_by_its_ancestors():
    class Child(dict):
        pass

    class Grandchild(Child):
        pass

    one = Grandchild()

    assert is_instance(_own_memory(), id(one), "Child")
    assert is_instance(_own_memory(), id(one), "dict")
    assert not is_instance(_own_memory(), id(one), "list")


def test_a_type_that_is_its_own_ancestor_ends_the_search():
    def read(address, size):
        return struct.pack("<Q", 8192).ljust(size, b"\0") if size == 8 else b"\0" * size

    assert not is_instance(Memory(read, LAYOUT), 4096, "module")


def test_an_item_is_found_by_name_where_keys_are_not_the_same_object():
    name = "__file__"
    other = name[:4] + name[4:]
    pairs = ((id("x"), 1), (id(other), 2))
    memory = _own_memory()

    assert find_item(memory, Items(pairs, is_partial=False), name) == 2
    assert find_item(memory, Items(pairs, is_partial=False), name, limit=0) == 2
    assert find_item(memory, Items(pairs[:1], is_partial=False), name) is None
    assert find_item(replace(memory, names={}), Items(pairs, is_partial=False), name, limit=1) is None
