"""Calls as flame graphs: collapsed stacks and speedscope's file format."""

import itertools
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.errors import TraceError
from pyxhon.join.flow import MAX_DEPTH, ThreadFlow
from pyxhon.reporting import report_file
from pyxhon.session_options import TraceOptions
from pyxhon.trace.rows import CallFlowRow
from tests.unit.report.calls import APP, CLOSE, CONNECT, GET, MAIN, CallRecording, record_calls

FRAME = {
    "type": "object", "required": ["name"], "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "file": {"type": "string"}, "line": {"type": "number"}},
}  # fmt: skip
EVENT = {
    "type": "object", "required": ["type", "frame", "at"], "additionalProperties": False,
    "properties": {"type": {"enum": ["O", "C"]}, "frame": {"type": "integer"}, "at": {"type": "number"}},
}  # fmt: skip
COMMON = {
    "name": {"type": "string"}, "startValue": {"type": "number"}, "endValue": {"type": "number"},
    "unit": {"enum": ["bytes", "microseconds", "milliseconds", "nanoseconds", "none", "seconds"]},
}  # fmt: skip
SPEEDSCOPE = {  # from the types in speedscope's src/lib/file-format-spec.ts
    "type": "object", "required": ["$schema", "shared", "profiles"], "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://www.speedscope.app/file-format-schema.json"},
        "exporter": {"type": "string"}, "name": {"type": "string"},
        "shared": {"type": "object", "required": ["frames"], "properties": {"frames": {"items": FRAME}}},
        "profiles": {"minItems": 1, "items": {"oneOf": [
            {
                "type": "object", "required": ["type", "events", *COMMON], "additionalProperties": False,
                "properties": {"type": {"const": "evented"}, "events": {"items": EVENT}, **COMMON},
            },
            {
                "type": "object", "required": ["type", "samples", "weights", *COMMON], "additionalProperties": False,
                "properties": {
                    "type": {"const": "sampled"}, "weights": {"items": {"type": "number"}},
                    "samples": {"items": {"type": "array", "items": {"type": "integer"}}}, **COMMON,
                },
            },
        ]}},
    },
}  # fmt: skip


def written(trace, report_format):
    path = trace.with_suffix(".out")
    assert report_file(trace, TraceOptions(report_format=report_format, report_path=path)) == 0
    return path.read_text()


def speedscope_of(trace):
    data = json.loads(written(trace, "speedscope"))
    jsonschema.validate(data, SPEEDSCOPE)
    return data


def check_events(profile, frame_count):
    """Speedscope refuses events that go back in time or do not nest."""
    stack, last = [], profile["startValue"]
    for event in profile["events"]:
        assert last <= event["at"] <= profile["endValue"]
        assert 0 <= event["frame"] < frame_count
        last = event["at"]
        if event["type"] == "O":
            stack.append(event["frame"])
        else:
            assert stack.pop() == event["frame"]
    assert stack == []


def record_flow(path, *rows, tid=7):
    recording = CallRecording(path)
    recording.flow(*rows, tid=tid)
    recording.close()
    return path


@pytest.fixture
def traced(tmp_path):
    recording = CallRecording(tmp_path / "t.pyxhon")
    recording.flow(
        (1_000_000, "start", MAIN, None),
        (3_000_000, "start", GET, MAIN),
        (4_000_000, "start", CONNECT, GET),
        (9_000_000, "return", CONNECT, None),
        (9_500_000, "return", GET, None),
        (20_000_000, "unwind", MAIN, None),
    )
    recording.flow((2_000_000, "start", MAIN, None), (2_002_000, "return", MAIN, None), tid=8)
    recording.close()
    return tmp_path / "t.pyxhon"


def test_counted_calls_are_stacks_of_two(tmp_path):
    lines = written(record_calls(tmp_path / "t.pyxhon"), "collapsed").splitlines()

    assert f"main ({APP}:3);Session.get (/site/requests/api.py:50) 20" in lines
    assert f"<module> ({APP}:1) 1" in lines
    assert len(lines) == 8


def test_traced_calls_are_whole_stacks_with_their_own_microseconds(traced):
    main, get, connect = f"main ({APP}:3)", "Session.get (/site/requests/api.py:50)", "create_connection"

    lines = written(traced, "collapsed").splitlines()

    assert lines == [
        f"{main} 12502",
        f"{main};{get} 1500",
        f"{main};{get};{connect} (/usr/lib/python3.11/socket.py:800) 5000",
    ]


def test_without_exits_stacks_are_weighted_by_entries(tmp_path):
    trace = record_flow(
        tmp_path / "t.pyxhon",
        (1, "start", GET, MAIN), (2, "start", CLOSE, GET), (3, "start", CLOSE, GET), (4, "start", GET, MAIN),
    )  # fmt: skip

    lines = written(trace, "collapsed").splitlines()

    assert [line.count(";") for line in lines] == [1, 2]
    assert [line.rpartition(" ")[2] for line in lines] == ["2", "2"]


def test_speedscope_gets_one_profile_of_events_for_each_thread(traced):
    data = speedscope_of(traced)

    assert [profile["name"] for profile in data["profiles"]] == ["pid 4242, thread 7", "pid 4242, thread 8"]
    assert {(profile["startValue"], profile["endValue"]) for profile in data["profiles"]} == {(0, 19_000_000)}
    first = data["profiles"][0]
    names = [data["shared"]["frames"][event["frame"]]["name"].split(" ")[0] for event in first["events"]]
    assert names == ["main", "Session.get", "create_connection", "create_connection", "Session.get", "main"]
    for profile in data["profiles"]:
        check_events(profile, len(data["shared"]["frames"]))


def test_speedscope_gets_counted_calls_as_weighted_stacks(tmp_path):
    data = speedscope_of(record_calls(tmp_path / "t.pyxhon", sample={"share": 0.25}))

    [profile] = data["profiles"]
    assert profile["type"] == "sampled"
    assert profile["name"] == "calls by caller and function, of 25 % of the time"
    assert profile["endValue"] == sum(profile["weights"]) == 136
    assert len(profile["samples"]) == len(profile["weights"]) == 8
    frames = data["shared"]["frames"]
    assert {"name": "main (/srv/app.py:3)", "file": "/srv/app.py", "line": 3} in frames


def test_inferred_ends_are_named_so(tmp_path):
    trace = record_flow(tmp_path / "t.pyxhon", (1, "start", GET, MAIN), (2, "start", CLOSE, MAIN))

    [profile] = speedscope_of(trace)["profiles"]

    assert profile["name"].endswith("ends of functions inferred")
    assert [event["type"] for event in profile["events"]] == ["O", "O", "C", "O", "C", "C"]


@pytest.mark.parametrize("report_format", ["collapsed", "speedscope"])
def test_a_trace_without_counts_is_refused_clearly(tmp_path, report_format):
    trace = record_calls(tmp_path / "t.pyxhon", is_counted=False)

    with pytest.raises(TraceError, match="no calls were counted or traced; record with --calls count"):
        report_file(trace, TraceOptions(report_format=report_format, report_path=tmp_path / "out"))


def test_names_of_a_target_cannot_break_the_lines(tmp_path):
    evil = ("/srv/a;b\n.py", "f;g\nh\x1b[31m", 1)
    trace = record_flow(tmp_path / "t.pyxhon", (1, "start", evil, MAIN))

    [line] = written(trace, "collapsed").splitlines()

    assert line.count(";") == 1
    assert "\x1b" not in line


FUNCTIONS = st.integers(1, 4)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["start", "resume", "return", "yield", "unwind"]),
        FUNCTIONS,
        st.none() | FUNCTIONS,
    ),
    max_size=60,
)


def rows_of(steps):
    times = itertools.accumulate(elapsed for elapsed, *_ in steps)
    return [
        CallFlowRow(0, 1, 7, time, kind, code, caller, None)
        for time, (_, kind, code, caller) in zip(times, steps, strict=True)
    ]


@given(ROWS, st.booleans())
def test_whatever_was_lost_functions_nest_and_end(steps, has_exits):
    thread, stack, last = ThreadFlow(1, 7, has_exits), [], 0
    rows = rows_of(steps)

    told = [step for row in rows for step in thread.take(row)] + list(thread.close(1 << 40))

    for step in told:
        assert step.time_ns >= last
        last = step.time_ns
        if step.is_entry:
            stack.append(step.code)
        else:
            assert stack.pop() == step.code
    assert stack == []
    entries = sum(kind in ("start", "resume") for _, kind, _, _ in steps)
    assert sum(step.is_entry and step.is_called for step in told) == entries


def test_recursion_without_exits_does_not_grow_for_ever():
    thread = ThreadFlow(1, 7, has_exits=False)

    for number in range(10_000):
        list(thread.take(CallFlowRow(0, 1, 7, number, "start", 3, 3, None)))

    assert len(thread.stack) == 2


def test_stacks_are_told_to_a_bound():
    thread = ThreadFlow(1, 7, has_exits=True)
    down = [CallFlowRow(0, 1, 7, n, "start", n, n - 1 if n else None, None) for n in range(MAX_DEPTH + 50)]
    up = [CallFlowRow(0, 1, 7, 10_000, "return", row.code, None, None) for row in reversed(down)]

    told = [step for row in (*down, *up) for step in thread.take(row)]

    assert len(told) == 2 * MAX_DEPTH
    assert thread.stack == []
