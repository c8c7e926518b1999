"""The audit stream of the tracer against sys.addaudithook in the same processes: equal, to the last frame."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import Interpreter, every_python
from tests.kernel.oracle import Occurrence, Seen, by_thread, differences, read_traced, read_truth, seen_in
from tests.kernel.traced import tracing_program, unbalanced, unexplained_losses

pytestmark = pytest.mark.usefixtures("needs_bpf")

_BUFFER = "256M"


def _record(python: Interpreter, folder: Path, *options: str) -> tuple[list[Occurrence], Path]:
    trace, log = folder / "workload.pyxhon", folder / "oracle.log"
    arguments = ["audit_workload.py", log, folder / "files"]
    with tracing_program(trace, python, arguments, "--buffer", _BUFFER, *options) as traced:
        traced.tell()
        status, _, complained = traced.finish()
    assert status == 0, complained
    truth = read_truth(log)
    assert truth[-1].seen.name == "oracle.end", complained  # the program came to its end
    return truth, trace


@every_python(min=(3, 8))
def test_every_audit_event_is_counted_with_arguments_and_whole_stack(python, tmp_path):
    truth, trace = _record(python, tmp_path)

    with open_trace(trace) as reader:
        assert differences(truth, read_traced(reader)) == ""
        assert unbalanced(reader) == []
        assert unexplained_losses(reader, python) == []
    assert len({one.seen.name for one in truth}) >= 70
    assert len({one.seen.pid for one in truth}) >= 5
    assert len({one.tid for one in truth}) >= 10


@every_python(min=(3, 8))
def test_without_counting_every_occurrence_is_streamed_in_its_thread_s_order(python, tmp_path):
    truth, trace = _record(python, tmp_path, "--no-aggregate")

    with open_trace(trace) as reader:
        traced = read_traced(reader)
        assert unbalanced(reader) == []
        assert unexplained_losses(reader, python) == []
    assert differences(truth, traced) == ""
    assert {one.count for one in traced} == {1}
    assert by_thread(truth) == by_thread(traced)


@every_python(min=(3, 8))
def test_without_any_hook_every_event_that_the_program_raises_is_seen(python, tmp_path):
    trace = tmp_path / "self.pyxhon"

    with tracing_program(trace, python, ["audit_self.py"]) as traced:
        traced.tell()
        status, said, complained = traced.finish()

    assert status == 0, complained
    expected: Counter[Seen] = Counter()
    for line in said.splitlines():
        for pid, name, arguments, stack in json.loads(line):
            expected[Seen(pid, name, json.dumps(arguments), tuple(map(tuple, stack)))] += 1
    with open_trace(trace) as reader:
        assert seen_in(reader, "own.") == expected
