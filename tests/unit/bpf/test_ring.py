"""Records come out of the ring buffer in order; entries and exits that lie one after the other as one record."""

import struct

import pytest

from pyxhon.bpf.function_records import FLOW_BYTES, FlowRun
from pyxhon.bpf.ring import _PAGE, RingReader
from pyxhon.events import EventKind

BUSY, DISCARDED = 1 << 31, 1 << 30
SIZE = 1 << 14


def flow(number):
    return EventKind.FLOW.to_bytes(2, "little") + bytes(6) + number.to_bytes(8, "little") + bytes(FLOW_BYTES - 16)


OTHER = EventKind.FUNCTION.to_bytes(2, "little") + b"x" * (FLOW_BYTES - 2)
SHORT = EventKind.ACT.to_bytes(2, "little") + b"y" * 9


def laid(record, flag=0):
    return struct.pack("<II", len(record) | flag, 0) + record + bytes(-len(record) % 8)


def ring(content, position=0):
    """A ring buffer that holds this from a position on, as the kernel maps it: its data twice."""
    data = bytearray(SIZE)
    for at, byte in enumerate(content, position):
        data[at % SIZE] = byte
    reader = object.__new__(RingReader)
    reader._mask = SIZE - 1
    reader._consumer = bytearray(struct.pack("<Q", position))
    reader._data = struct.pack("<Q", position + len(content)).ljust(_PAGE, b"\0") + bytes(data) * 2
    return reader


def times(record):
    return [row[0] for row in FlowRun(record).rows()]


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 150])
@pytest.mark.parametrize("position", [0, SIZE - 3 * (FLOW_BYTES + 8)])
def test_a_run_of_entries_and_exits_is_one_record(count, position):
    reader = ring(b"".join(laid(flow(number)) for number in range(count)) + laid(SHORT), position)

    run, after = reader.read()

    assert times(run) == list(range(count))
    assert after == SHORT
    assert reader.read() == []


def test_other_records_of_their_size_end_a_run():
    run, other, rest = ring(laid(flow(1)) + laid(flow(2)) + laid(OTHER) + laid(flow(3))).read()

    assert (times(run), other, times(rest)) == ([1, 2], OTHER, [3])


def test_what_is_not_finished_ends_it_too_and_comes_later():
    reader = ring(laid(flow(1)) + laid(flow(2), BUSY) + laid(flow(3)))

    assert [times(record) for record in reader.read()] == [[1]]
    assert reader.read() == []


def test_what_was_given_up_is_left_out():
    records = ring(laid(flow(1)) + laid(flow(2), DISCARDED) + laid(flow(3))).read()

    assert [times(record) for record in records] == [[1], [3]]
