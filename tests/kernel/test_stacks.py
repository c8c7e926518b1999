"""Stacks are those of the thread that acted: each event of the program tells its own stack, thread and process."""

import re

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing_program

pytestmark = pytest.mark.usefixtures("needs_bpf")

_EVENTS = 5 * 10 * 40  # processes, threads, events of each kind


@every_python(min=(3, 8))
def test_a_stack_of_another_thread_or_process_is_never_shown(python, tmp_path):
    trace = tmp_path / "own.pyxhon"

    with tracing_program(trace, python, ["own_stacks.py"]) as traced:
        traced.tell()
        status, _, complained = traced.finish()

    assert status == 0, complained
    wrong, total = [], 0
    with open_trace(trace) as reader:
        pids = {row.id: row.pid for row in reader.processes()}
        for row in reader.events():
            told = next((text for text in row.arguments if isinstance(text, str)), "") if row.kind == "audit" else ""
            claim = re.fullmatch(r"(?:/nowhere/own\.stack )?(\d+) (\d+) (\d+)", told)
            if claim is None:
                continue
            functions = [frame.function for frame in reader.stack(row.python_stack)]
            path = "".join(name[1] for name in reversed(functions) if re.fullmatch(r"d\d", name))
            total += row.count
            if (str(pids[row.process]), str(row.tid), path) != claim.groups():
                wrong.append((told, pids[row.process], row.tid, functions))
    assert wrong == []
    assert total == 2 * _EVENTS
