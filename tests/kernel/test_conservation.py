"""Nothing is lost silently: for every signal seen = stored + repeated + lost, also when the buffer is far too small."""

import json
from collections import Counter

import pytest

from pyxhon.trace.reader import TraceReader, open_trace
from tests.interpreters import every_python, find_interpreters
from tests.kernel.traced import tracing_program, unbalanced, unexplained_losses

pytestmark = pytest.mark.usefixtures("needs_bpf")

_THREADS, _DLLS = 4, 20
_INCOMPLETE = 4


def _flood(python, trace, events, *options):
    distinct, times = events
    report = ("--report", str(trace.with_suffix(".json")), "--format", "json")
    with tracing_program(trace, python, ["flood.py", distinct, times], *report, *options) as traced:
        traced.tell()
        return traced.finish()


def _count(reader: TraceReader, name: str) -> int:
    return sum(row.count for row in reader.events() if row.name == name)


@every_python(min=(3, 8))
def test_nothing_is_lost_of_a_flood_that_the_buffer_can_hold(python, tmp_path):
    trace = tmp_path / "flood.pyxhon"

    status, _, complained = _flood(python, trace, (400, 10), "--buffer", "64M")

    assert status == 0, complained
    with open_trace(trace) as reader:
        assert unbalanced(reader) == []
        assert unexplained_losses(reader, python) == []
        assert {row.lost for row in reader.counters()} == {0}
        assert _count(reader, "own.flood") == _count(reader, "builtins.id") == _THREADS * 400 * 10
        each = Counter()
        for row in reader.events():
            if row.name == "own.flood":
                each[tuple(row.arguments)] += row.count
        assert set(each.values()) == {10}
        dlls = [row.count for row in reader.events() if row.kind == "dll-load" and row.arguments["path"] == "libc.so.6"]
        assert sum(dlls) == _THREADS * _DLLS


@pytest.mark.parametrize("options", [(), ("--no-aggregate",)], ids=["counted", "streamed"])
@pytest.mark.parametrize("size", ["4K", "64K"])
def test_what_a_small_buffer_cannot_hold_is_counted_and_said(tmp_path, size, options):
    python = find_interpreters()[-1]
    trace = tmp_path / "flood.pyxhon"

    status, _, _ = _flood(python, trace, (4000, 1), "--buffer", size, *options)

    assert status == _INCOMPLETE
    assert json.loads(trace.with_suffix(".json").read_text())["losses"]["ring_full"] > 0
    with open_trace(trace) as reader:
        assert unbalanced(reader) == []
        [audit] = [row for row in reader.counters() if row.signal == "audit"]
        stored = [row for row in reader.events() if row.kind == "audit"]
        told = [row for row in reader.losses() if row.reason == "ring_full" and row.signal == "audit"]
        assert audit.lost > 0
        assert audit.stored == len(stored)
        assert audit.stored + audit.repeated == sum(row.count for row in stored)
        assert audit.lost == sum(row.count for row in told)
