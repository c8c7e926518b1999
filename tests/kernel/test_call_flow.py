"""--calls trace tells of every entry and exit in their order, as the interpreter itself does."""

import io
import json
import sqlite3
import time

import pytest

from pyxhon.report.as_collapsed import write_collapsed
from pyxhon.report.as_speedscope import write_speedscope
from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing_program
from tests.targets import PROGRAMS

OPTIONS = ("--calls", "trace", "--syscalls", "off")
ENTRIES = {"start", "resume"}
PROGRAM = PROGRAMS / "calls_in_sequence.py"
ORACLE = {"note", "noting", "<lambda>", "on_profile", "watch", "main", "<module>", "work"}


def trace_calls(trace, python, *arguments, options=()):
    with tracing_program(trace, python, [PROGRAM, *arguments], *OPTIONS, *options) as traced:
        traced.tell()
        status, said, complained = traced.finish()
    assert status == 0, (said, complained)


def read_sequences(trace):
    """Give (kind, "name:first line") of the program's own functions by thread, in the order they happened."""
    found = {}
    database = sqlite3.connect(f"file:{trace}?mode=ro", uri=True)
    rows = database.execute(
        "SELECT tid, kind, qualified_name, first_line, duration_ns FROM call_flow "
        "JOIN code ON code.id = call_flow.code WHERE file = ? ORDER BY tid, time_ns, call_flow.id", (str(PROGRAM),)
    )  # fmt: skip
    for tid, kind, name, line, _ in rows:
        found.setdefault(tid, []).append((kind, f"{name.rpartition('.')[2]}:{line}"))
    return {tid: without_oracle(rows) for tid, rows in found.items()}


def without_oracle(rows):
    """Leave out what the oracle enters, and what it does not see: the functions that it is switched on and off in."""
    return [(kind, name) for kind, name in rows if name.rpartition(":")[0] not in ORACLE]


@pytest.fixture
def sequences(python, tmp_path):
    trace, told = tmp_path / "trace.pyxhon", tmp_path / "told.json"
    trace_calls(trace, python, told)
    expected = {int(tid): without_oracle(map(tuple, rows)) for tid, rows in json.loads(told.read_text()).items()}
    with open_trace(trace) as reader:
        assert [row for row in reader.losses() if row.signal == "function"] == []
    found = read_sequences(trace)
    workers = [tid for tid, rows in expected.items() if rows]
    return {tid: found[tid] for tid in workers}, {tid: expected[tid] for tid in workers}


def as_entries(rows):
    return [row for row in rows if row[0] in ENTRIES]


@every_python(min=(3, 12))
def test_entries_and_exits_are_those_that_monitoring_tells_in_their_order(sequences):
    found, expected = sequences

    assert sum(map(len, expected.values())) > 10_000
    assert found == expected


@every_python(max=(3, 11))
def test_entries_are_those_that_a_profile_function_is_told(sequences):
    found, expected = sequences

    assert {tid: [name for _, name in as_entries(rows)] for tid, rows in found.items()} == {
        tid: [name for _, name in as_entries(rows)] for tid, rows in expected.items()
    }


@every_python(max=(3, 10))
def test_exits_are_those_that_a_profile_function_is_told(sequences):
    found, expected = sequences

    assert {tid: [(kind in ENTRIES, name) for kind, name in rows] for tid, rows in found.items()} == {
        tid: [(kind in ENTRIES, name) for kind, name in rows] for tid, rows in expected.items()
    }


TREE = """
import os, time
os.write(1, b"ready\\n")
os.read(0, 1)
def wait(ms):
    end = time.perf_counter() + ms / 1000
    while time.perf_counter() < end: pass
def leaf(): wait(4)
def middle(times):
    for _ in range(times): leaf()
    wait(6)
def paused():
    leaf()
    yield 1
    leaf()
def failing(depth):
    if depth: failing(depth - 1)
    wait(3)
    raise ValueError
def tree():
    middle(2)
    list(paused())
    try: failing(2)
    except ValueError: pass
tree()
"""
# What the functions of the tree take in ms, as the leaves of stacks.
WEIGHTS = {
    "tree;middle;leaf;wait": 8, "tree;middle;wait": 6, "tree;paused;leaf;wait": 8,
    "tree;failing;failing;failing;wait": 3,
}  # fmt: skip


@pytest.fixture
def tree(python, tmp_path):
    trace, program = tmp_path / "trace.pyxhon", tmp_path / "tree.py"
    program.write_text(TREE)
    with tracing_program(trace, python, [program], *OPTIONS) as traced:
        traced.tell()
        assert traced.finish()[0] == 0
    with open_trace(trace) as reader:
        yield reader


def last_names(stack):
    names = [name.partition(" (")[0].rpartition(".")[2] for name in stack.split(";")]
    return ";".join(names[names.index("tree") :]) if "tree" in names else ""


@every_python(but=(3, 11))
def test_collapsed_stacks_are_the_tree_of_calls_with_their_times(tree):
    out = io.StringIO()

    write_collapsed(tree, out)

    found = {
        last_names(stack): int(us) for stack, _, us in (line.rpartition(" ") for line in out.getvalue().splitlines())
    }
    for stack, ms in WEIGHTS.items():
        assert ms * 1000 <= found[stack], stack  # or longer: others run, too


@every_python(min=(3, 11), max=(3, 11))
def test_without_exits_they_are_the_tree_of_calls_with_their_numbers(tree):
    out = io.StringIO()

    write_collapsed(tree, out)

    found = {
        last_names(stack): int(n) for stack, _, n in (line.rpartition(" ") for line in out.getvalue().splitlines())
    }
    assert found["tree;middle;leaf;wait"] == 2
    assert found["tree;middle;wait"] == 1


@every_python()
def test_speedscope_has_events_that_open_and_close_in_turn(tree):
    out = io.StringIO()

    write_speedscope(tree, out)

    written = json.loads(out.getvalue())
    [profile] = written["profiles"]
    open_frames, last = [], 0
    for event in profile["events"]:
        assert event["at"] >= last
        last = event["at"]
        if event["type"] == "O":
            open_frames.append(event["frame"])
        else:
            assert open_frames.pop() == event["frame"]
    assert open_frames == []
    assert "tree" in {frame["name"].partition(" (")[0] for frame in written["shared"]["frames"]}


@every_python()
def test_calls_have_the_counts_of_the_stream(tree):
    counts = {}
    codes = tree.called_codes()
    for row in tree.calls():
        name = codes[row.callee].qualified_name
        counts[name] = counts.get(name, 0) + row.starts

    assert {name: counts[name] for name in ("tree", "middle", "leaf", "paused", "failing")} == {
        "tree": 1, "middle": 1, "leaf": 4, "paused": 1, "failing": 3,
    }  # fmt: skip


@every_python(min=(3, 12))
def test_the_stream_ends_after_so_many_and_the_target_goes_on(python, tmp_path):
    trace, told = tmp_path / "trace.pyxhon", tmp_path / "told.json"

    trace_calls(trace, python, told, options=("--max-events", "5000"))

    with open_trace(trace) as reader:
        assert sum(1 for _ in reader.call_flow()) == 5000
    for _ in range(500):
        if told.exists() and told.read_text():
            break
        time.sleep(0.02)
    assert json.loads(told.read_text())
