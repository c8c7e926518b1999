"""Which records are taken at once, and which wait: none for long, none is held back or put in another order."""

import pytest

from pyxhon import batches
from pyxhon.batches import Batches
from pyxhon.events import EventKind


class Probes:
    """Gives what was put there."""

    def __init__(self):
        self.records, self.stacks = [], []

    def read_records(self):
        given, self.records = self.records, []
        return given

    def read(self):
        given, self.stacks = self.stacks, []
        return self.read_records(), given


@pytest.fixture
def clock(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(batches.time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def probes():
    return Probes()


def record(kind, number=0, size=8):
    return int(kind).to_bytes(2, "little") + number.to_bytes(size, "little")


def ignore(records):
    pass


def settled(probes):
    """Give batches that have begun: their first one is taken at once."""
    begun = Batches(probes, ignore)
    probes.records = [record(EventKind.ACT)]
    assert begun.read(is_last=False)[0]
    return begun


def test_the_first_records_are_taken_at_once(probes, clock):
    probes.records, probes.stacks = [record(EventKind.ACT)], [b"stack"]

    assert Batches(probes, ignore).read(is_last=False) == ([record(EventKind.ACT)], [b"stack"])


def test_others_wait_and_keep_their_order(probes, clock):
    begun = settled(probes)
    for number in range(3):
        probes.records, probes.stacks = [record(EventKind.ACT, number)], [bytes([number])]
        assert begun.read(is_last=False) == ([], [])
        assert not begun.is_idle

    clock[0] += 0.3

    assert begun.read(is_last=False) == ([record(EventKind.ACT, number) for number in range(3)], [b"\0", b"\1", b"\2"])
    assert begun.is_late
    assert begun.read(is_last=False) == ([], [])
    assert begun.is_idle


@pytest.mark.parametrize("kind", [EventKind.FORK, EventKind.EXEC, EventKind.EXIT])
def test_what_begins_or_ends_a_process_is_taken_with_what_was_before_and_what_comes_next(kind, probes, clock):
    begun = settled(probes)
    probes.records = [record(EventKind.ACT, 1)]
    begun.read(is_last=False)
    probes.records = [record(kind)]

    assert begun.read(is_last=False)[0] == [record(EventKind.ACT, 1), record(kind)]

    assert begun.read(is_last=False)[0] == []
    probes.records = [record(EventKind.ACT, 2)]
    assert begun.read(is_last=False)[0] == [record(EventKind.ACT, 2)]
    probes.records = [record(EventKind.ACT, 3)]
    assert begun.read(is_last=False)[0] == []


def test_the_last_records_do_not_wait(probes, clock):
    begun = settled(probes)
    probes.records = [record(EventKind.ACT, 1)]

    assert begun.read(is_last=True)[0] == [record(EventKind.ACT, 1)]


def test_much_does_not_wait(probes, clock):
    begun = settled(probes)
    probes.records = [record(EventKind.ACT, 1, size=9 << 20)]

    assert len(begun.read(is_last=False)[0]) == 1


def test_what_is_fetched_early_is_seen_once_and_given_in_order(probes, clock):
    seen = []
    begun = Batches(probes, seen.extend)
    numbered = [record(EventKind.ACT, number) for number in range(4)]
    probes.records = numbered[:2]
    begun.fetch()
    probes.records, probes.stacks = numbered[2:3], [b"stack"]
    begun.fetch()
    probes.records = numbered[3:]

    assert begun.read(is_last=True) == (numbered, [b"stack"])

    assert seen == numbered
    assert begun.read(is_last=True) == ([], [])
    assert begun.is_idle


def test_what_comes_faster_than_it_is_taken_stays_where_it_is(probes, clock):
    begun = Batches(probes, ignore)
    probes.records = [record(EventKind.ACT, 1, size=9 << 20)]
    begun.fetch()
    probes.records = [record(EventKind.ACT, 2)]

    begun.fetch()

    assert probes.records == [record(EventKind.ACT, 2)]
    assert len(begun.read(is_last=False)[0]) == 2
