"""Entries and exits as they lie in the ring buffer become rows, with what each call took."""

import struct
from types import SimpleNamespace

import pytest

from pyxhon.bpf.function_records import FLOW_BYTES, FlowRun
from pyxhon.events import EventKind
from pyxhon.flow_recorder import FlowRecorder
from pyxhon.function_events import FlowKind

IMAGE, TID = 99, 8
CODES = {(0x1000, 0): 1, (0x2000, 0): 2, (0x1000, 1): 3}
RECORD = struct.Struct("<HHIQIIQQQQIIII")


class Store:
    """Keeps what would be stored."""

    def __init__(self):
        self.rows, self.counted = [], 0

    def add_call_flow(self, rows):
        self.rows += rows

    def count_call_flow(self):
        self.counted += 1


@pytest.fixture
def store():
    return Store()


def flow(kind, time_ns, code=0x1000, frame=0xA0, caller=0, generation=0, image=IMAGE):
    return RECORD.pack(EventKind.FLOW, 0, 0, time_ns, 7, TID, image, code, caller, frame, generation, 0, kind, 0)


def run(*records):
    return FlowRun(struct.pack("<Q", FLOW_BYTES).join(records))


def take(store, *records, limit=None, process=5):
    recorder = FlowRecorder(store)
    recorder.limit = limit
    recorder.take(run(*records), {IMAGE: SimpleNamespace(process=process, code=SimpleNamespace(functions=CODES))})
    return recorder


def test_a_call_has_its_duration_at_its_end(store):
    take(store, flow(FlowKind.START, 10), flow(FlowKind.RETURN, 25))

    assert store.rows == [(5, TID, 10, "start", 1, None, None), (5, TID, 25, "return", 1, None, 15)]


def test_calls_within_calls_and_pauses_have_their_own(store):
    take(
        store, flow(FlowKind.START, 10), flow(FlowKind.START, 20, 0x2000, 0xB0, 0x1000),
        flow(FlowKind.YIELD, 22, 0x2000, 0xB0), flow(FlowKind.RESUME, 30, 0x2000, 0xB0, 0x1000),
        flow(FlowKind.UNWIND, 37, 0x2000, 0xB0), flow(FlowKind.UNWIND, 40),
    )  # fmt: skip

    assert [(row[3], row[4], row[5], row[6]) for row in store.rows] == [
        ("start", 1, None, None), ("start", 2, 1, None), ("yield", 2, None, 2), ("resume", 2, 1, None),
        ("unwind", 2, None, 7), ("unwind", 1, None, 30),
    ]  # fmt: skip


def test_an_exit_without_its_entry_has_none(store):
    take(store, flow(FlowKind.RETURN, 5), flow(FlowKind.START, 6, 0x2000), flow(FlowKind.RETURN, 9))

    assert [row[6] for row in store.rows] == [None, None, None]


def test_a_lost_exit_leaves_the_next_call_in_the_frame_its_own_duration(store):
    take(store, flow(FlowKind.START, 1), flow(FlowKind.START, 50), flow(FlowKind.RETURN, 52))

    assert store.rows[-1][6] == 2


def test_code_objects_at_one_address_are_told_apart(store):
    take(store, flow(FlowKind.START, 1, generation=1))

    assert store.rows[0][4] == 3


def test_what_was_not_described_and_who_is_not_known_is_lost(store):
    recorder = take(store, flow(FlowKind.START, 1, 0x9000), flow(FlowKind.START, 1, image=1), flow(FlowKind.START, 2))

    assert len(store.rows) == 1
    assert recorder.losses() == {(5, "function", "ring_full"): 1, (None, "function", "unknown_process"): 1}


def test_no_more_are_stored_than_asked_for(store):
    recorder = take(store, *(flow(FlowKind.START, n) for n in range(9)), limit=4)

    assert (len(store.rows), recorder.is_full) == (4, True)


def test_the_counts_are_made_of_what_was_stored(store):
    take(store, flow(FlowKind.START, 1)).finish()
    FlowRecorder(store).finish()

    assert store.counted == 1
