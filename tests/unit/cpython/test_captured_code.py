"""Code objects read out of memory that is cut, vanishes or lies; and those of the running interpreter, whole."""

import functools
import os
import random
import struct
import sys
import time

import pytest

from pyxhon.cpython.captured_code import Blocks, Described, columns_of, known_types, read_content
from pyxhon.cpython.constants import read_short_text, summarise
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.objects import Memory, TypeFacts
from pyxhon.target.process import read_memory

LAYOUT = load_layout(".".join(map(str, sys.version_info[:3])))
_LAYOUTS = [load_layout(f"3.{minor}") for minor in range(8, 16)]
_BASE = 0x10000
_NOTHING = Described(None, b"")


def _own_memory():
    return Memory(functools.partial(read_memory, os.getpid()), LAYOUT)


def sample(first, /, second=3, *, third=("a", ("b", 2.5))):
    """A function with a bit of everything."""
    kept = first

    def inner():
        return kept, 2**80, b"bytes", None, ...

    return inner, second, third


def test_a_function_of_this_process_is_read_whole():
    code = sample.__code__

    content = read_content(_own_memory(), id(code), id(None), Described(code.co_qualname, code.co_linetable))

    assert content.bytecode == code.co_code
    assert content.names == list(code.co_names)
    assert content.variables == list(code.co_varnames)
    assert content.cells == list(code.co_cellvars)
    assert (content.argument_count, content.positional_only_count, content.keyword_only_count) == (2, 1, 1)
    assert [one["text"] for one in content.constants if one["type"] != "code"] == [
        repr(one) for one in code.co_consts if not isinstance(one, type(code))
    ]
    assert len(content.inner) == 1
    assert content.missing == content.unresolved == 0


def test_equal_code_has_the_same_digest_wherever_it_lies():
    source = "def f(a):\n    return a + 1, 'text', (1, 2)\n"
    digests = set()
    for _ in range(2):
        namespace = {}
        exec(source, namespace)
        code = namespace["f"].__code__
        digests.add(read_content(_own_memory(), id(code), id(None), Described("f", code.co_linetable)).digest())

    assert len(digests) == 1


def test_other_constants_make_another_digest():
    digests = set()
    for text in ("one", "two"):
        namespace = {}
        exec(f"def f():\n    return '{text}'\n", namespace)
        code = namespace["f"].__code__
        digests.add(read_content(_own_memory(), id(code), id(None), Described("f", code.co_linetable)).digest())

    assert len(digests) == 2


@pytest.mark.parametrize("layout", _LAYOUTS, ids=lambda layout: f"3.{layout.version[1]}")
def test_memory_that_lies_ends_in_time(layout):
    randomness = random.Random(layout.version[1])
    started = time.monotonic()
    for _ in range(60):
        words = 2048
        block = b"".join(
            struct.pack(
                "<Q", randomness.choice([_BASE + randomness.randrange(words * 8), randomness.getrandbits(64), 0, 1, 40])
            )
            for _ in range(words)
        )
        kinds = [TypeFacts(name, 1 << bit, 0, 0, 0) for name, bit in (("tuple", 26), ("str", 28), ("bytes", 27))]
        types = {_BASE + 8 * number: randomness.choice(kinds) for number in range(words)}
        memory = Memory(Blocks([(_BASE, block)], None).read, layout, types)
        content = read_content(memory, _BASE + 8 * randomness.randrange(words), None, _NOTHING)
        if content is not None:
            assert len(content.bytecode) <= 65536
            assert len(columns_of(content)["names"]) <= 4096
            content.digest()

    assert time.monotonic() - started < 30


def test_a_tuple_within_itself_is_shown_to_a_depth():
    size = 64
    block = bytearray(size)
    struct.pack_into("<QQQQ", block, 0, 1, 0x9999, 1, _BASE)  # its only item is itself
    memory = Memory(Blocks([(_BASE, bytes(block))], None).read, LAYOUT, {0x9999: TypeFacts("tuple", 1 << 26, 0, 0, 0)})

    assert summarise(memory, _BASE, None)["text"] == "((((…),),),)"


def test_a_text_that_was_copied_in_part_is_cut():
    text = "long text " * 40
    live = _own_memory()
    copied = live.read(id(text), 112)
    types = {id(str): TypeFacts("str", 1 << 28, 0, 0, 0)}
    memory = Memory(Blocks([(id(text), copied)], None).read, LAYOUT, types)

    found = read_short_text(memory, id(text))

    assert found.endswith("…")
    assert text.startswith(found[:-1])
    assert len(found) > 40
    assert summarise(memory, id(text), None) == {"type": "str", "text": repr(found)}


def test_blocks_that_follow_each_other_are_read_as_one():
    blocks = Blocks([(100, b"abcd"), (104, b"efgh"), (102, b"c"), (300, b"z")], None)

    assert blocks.read(100, 8) == b"abcdefgh"
    assert blocks.read(101, 2) == b"bc"
    assert blocks.read(100, 9) is None
    assert blocks.read(99, 2) is None
    assert blocks.read(300, 1) == b"z"


def test_what_was_not_copied_comes_from_the_live_process():
    blocks = Blocks([(100, b"abcd")], lambda address, size: bytes([address % 256]) * size)

    assert blocks.read(100, 2) == b"ab"
    assert blocks.read(200, 3) == bytes([200]) * 3


def test_types_are_known_by_the_symbols_of_the_interpreter():
    types = known_types({"PyUnicode_Type": 0x10, "PyTuple_Type": 0x20}, 0x1000)

    assert {address: facts.name for address, facts in types.items()} == {0x1010: "str", 0x1020: "tuple"}
