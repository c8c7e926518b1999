"""Containers among the arguments of calls, decoded from records as the probes send them."""

import struct

import pytest

from pyxhon import wire
from pyxhon.bpf.call_values import NO_PARENT
from pyxhon.bpf.poll import decode
from pyxhon.events import ActEvent, Argument, ArgumentKind, Event, EventKind, Signal

INT, TEXT, BYTES = ArgumentKind.INT, ArgumentKind.TEXT1, ArgumentKind.BYTES
TUPLE, LIST, DICT, NULL = ArgumentKind.TUPLE, ArgumentKind.LIST, ArgumentKind.DICTIONARY, ArgumentKind.NULL


def decoded(*slots, signal=Signal.CALL):
    """Decode an act; a slot is (kind, parent, value or text), of a container (kind, parent, length)."""
    record = bytearray(wire.offset_of(ActEvent, "data"))
    struct.pack_into(wire.format_of(Event).format, record, 0, EventKind.ACT, 0, 0, 0, 1, 1, 1)
    data = b""
    for index, (kind, parent, value) in enumerate(slots):
        is_text, is_container = isinstance(value, bytes), kind in (TUPLE, LIST, DICT)
        fields = (kind, parent, len(data), len(value) if is_text else value if is_container else 0,
                  len(value) if is_text else 0 if is_container else value)  # fmt: skip
        at = wire.offset_of(ActEvent, "arguments") + index * wire.format_of(Argument).size
        wire.format_of(Argument).pack_into(record, at, *fields)
        data += value if is_text else b""
    for name, kind, value in (("signal", "<I", signal), ("argument_count", "<I", len(slots))):
        struct.pack_into(kind, record, wire.offset_of(ActEvent, name), value)
    struct.pack_into("<I", record, wire.offset_of(ActEvent, "data_bytes"), len(data))
    return decode(bytes(record) + data).arguments


@pytest.mark.parametrize("kind", [TUPLE, LIST])
@pytest.mark.parametrize(("length", "expected"), [(2, [7, 8]), (9, {"items": [7, 8], "length": 9})])
def test_a_cut_list_tells_its_length(kind, length, expected):
    assert decoded((kind, NO_PARENT, length), (INT, 0, 7), (INT, 0, 8)) == [expected]


def test_an_empty_list_is_one():
    assert decoded((LIST, NO_PARENT, 0), (TUPLE, NO_PARENT, 0)) == [[], []]


def test_one_inside_another_tells_only_its_length():
    slots = [(LIST, NO_PARENT, 3), (TUPLE, 0, 2), (LIST, 0, 0), (DICT, 0, 4)]

    assert decoded(*slots) == [[{"items": [], "length": 2}, [], {"entries": {}, "length": 4}]]


def test_a_dict_is_told_by_key():
    slots = [(DICT, NO_PARENT, 3), (TEXT, 0, b"k"), (INT, 0, 1), (INT, 0, 5), (TEXT, 0, b"x"), (BYTES, 0, b"b"),
             (ArgumentKind.NONE, 0, 0)]  # fmt: skip

    assert decoded(*slots) == [{"entries": {"k": 1, "5": "x", "b'b'": None}}]


def test_a_cut_dict_tells_its_length():
    assert decoded((DICT, NO_PARENT, 9), (TEXT, 0, b"k"), (INT, 0, 1)) == [{"entries": {"k": 1}, "length": 9}]


def test_deleted_entries_and_those_whose_values_are_elsewhere_are_left_out():
    slots = [
        (DICT, NO_PARENT, 2),
        (NULL, 0, 0),
        (NULL, 0, 0),
        (TEXT, 0, b"x"),
        (NULL, 0, 0),
        (TEXT, 0, b"k"),
        (INT, 0, 1),
    ]

    assert decoded(*slots) == [{"entries": {"k": 1}, "length": 2}]


def test_a_key_that_is_no_text_is_shown_by_what_it_is():
    slots = [(DICT, NO_PARENT, 2), (TUPLE, 0, 2), (INT, 0, 1), (ArgumentKind.OTHER, 0, b"Key"), (INT, 0, 2)]

    assert decoded(*slots) == [{"entries": {"<tuple>": 1, "<Key>": 2}}]


def test_an_entry_without_its_value_is_left_out():
    assert decoded((DICT, NO_PARENT, 1), (TEXT, 0, b"k")) == [{"entries": {}, "length": 1}]


def test_audit_events_stay_as_they_are():
    slots = [(LIST, NO_PARENT, 9), (TUPLE, NO_PARENT, 9), (INT, 0, 7), (INT, 1, 8), (LIST, 1, 4)]

    assert decoded(*slots, signal=Signal.AUDIT) == [[7], (8, [])]


def test_a_parent_that_is_no_container_has_no_items():
    assert decoded((INT, NO_PARENT, 7), (INT, 0, 8), (INT, 9, 8)) == [7]
