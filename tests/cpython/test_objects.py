"""Objects of a live process, read from outside, against what the process says of them."""

import functools
import json

import pytest

from pyxhon.cpython.dictionaries import read_attributes, read_dictionary
from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.objects import (
    MAX_TEXT,
    Memory,
    read_bytes,
    read_integer,
    read_items,
    read_text,
    read_type,
)
from pyxhon.target.process import read_memory
from tests.interpreters import every_python
from tests.targets import running

_DIGITS_READ = 64 * 30


@pytest.fixture
def told(python):
    """Memory of a waiting program, and what the program says is where."""
    with running(python, "known_objects.py") as target:
        state = json.loads(target.hear())
        layout = load_layout(".".join(map(str, python.version)))
        yield Memory(functools.partial(read_memory, target.pid), layout), state


@every_python()
def test_objects_read_from_outside_are_what_the_process_says(told):
    memory, state = told

    assert [list(map(ord, read_text(memory, one))) for one, _ in state["texts"]] == [
        units[:MAX_TEXT] for _, units in state["texts"]
    ]
    assert [read_integer(memory, one) for one, _ in state["integers"]] == [value for _, value in state["integers"]]
    assert [list(read_bytes(memory, one)) for one, _ in state["strings"]] == [
        value[:MAX_TEXT] for _, value in state["strings"]
    ]
    assert [read_items(memory, one) for one, _ in state["sequences"]] == [items for _, items in state["sequences"]]
    assert [read_type(memory, one).name for one, _ in state["types"]] == [name for _, name in state["types"]]


@every_python()
def test_dictionaries_read_from_outside_are_whole_and_in_order(told):
    memory, state = told

    for address, pairs in state["dictionaries"]:
        items = read_dictionary(memory, address, limit=100000)

        assert [list(pair) for pair in items.pairs] == pairs
        assert not items.is_partial


@every_python()
def test_a_dictionary_longer_than_the_limit_is_partial(told):
    memory, state = told
    longest = max(state["dictionaries"], key=lambda one: len(one[1]))

    items = read_dictionary(memory, longest[0], limit=100)

    assert [list(pair) for pair in items.pairs] == longest[1][:100]
    assert items.is_partial


@every_python()
def test_attributes_of_instances_are_found_however_they_are_kept(told):
    memory, state = told

    for address, names in state["instances"]:
        items = read_attributes(memory, address)
        found = None if items is None else sorted(read_text(memory, key) for key, _ in items.pairs)

        assert (found or None) == (sorted(names) if names else None)


@every_python()
def test_an_object_of_another_type_is_refused(told):
    memory, state = told
    text, integer, string, sequence, dictionary = (
        state[kind][1][0] for kind in ("texts", "integers", "strings", "sequences", "dictionaries")
    )

    assert [read_text(memory, one) for one in (integer, string, sequence, dictionary)] == [None] * 4
    assert [read_integer(memory, one) for one in (text, string, sequence, dictionary)] == [None] * 4
    assert [read_bytes(memory, one) for one in (text, integer, sequence, dictionary)] == [None] * 4
    assert [read_items(memory, one) for one in (text, integer, string, dictionary)] == [None] * 4
    assert [read_dictionary(memory, one) for one in (text, integer, string, sequence)] == [None] * 4
