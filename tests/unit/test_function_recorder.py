"""Counts of entries become rows of the trace, each entry in one row, in whatever order they and descriptions come."""

from types import SimpleNamespace

from pyxhon.function_recorder import FunctionRecorder

_IMAGE, _CALLEE, _CALLER, _TID = 7, 0x1000, 0x2000, 30


class _Store:
    def __init__(self):
        self.rows = {}

    def add_call(self, row):
        self.rows[len(self.rows) + 1] = [row.callee, row.caller, row.starts]
        return len(self.rows)

    def update_call_counts(self, counts):
        for starts, _, _, row in counts:
            self.rows[row][2] = starts


class _Counting:
    """Stands for the kernel: entries counted until now."""

    mode = "count"
    is_seeing = False

    def __init__(self):
        self.starts = 0
        self.probes = self

    def counts(self):
        return [((_IMAGE, _CALLEE, _CALLER, _TID, 0, 0, 0), (self.starts, 0, 0, 0, 0, 1))]

    def forget_counts(self, keys):
        assert not keys


def test_entries_by_a_caller_that_is_described_later_are_in_one_row():
    store, counting = _Store(), _Counting()
    recorder = FunctionRecorder(store, None, None)
    recorder.entries = counting
    image = SimpleNamespace(number=_IMAGE, process=1, code=SimpleNamespace(functions={(_CALLEE, 0): 11}))

    counting.starts = 5
    recorder.update({_IMAGE: image})
    assert recorder.lost() == {(1, "function", "functions_ring_full"): 5}
    image.code.functions[_CALLER, 0] = 12
    counting.starts = 8
    recorder.update({_IMAGE: image})

    assert list(store.rows.values()) == [[11, 12, 8]]
    assert recorder.lost() == {}
