"""--calls trace tells of every entry and exit in their order, as the interpreter itself does."""

import json
import sqlite3

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing
from tests.targets import PROGRAMS

ENTRIES = {"start", "resume"}
PROGRAM = PROGRAMS / "calls_in_sequence.py"
ORACLE = {"note", "noting", "<lambda>", "on_profile", "watch", "main", "<module>", "work"}


def trace_calls(trace, python, *arguments, options=()):
    command = python.command(PROGRAM, *arguments)
    with tracing(trace, command, "--calls", "trace", "--syscalls", "off", *options) as traced:
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
