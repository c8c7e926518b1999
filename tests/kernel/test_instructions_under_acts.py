"""The instruction under each frame of an event equals what dis says of f_lasti in the same process."""

import json

import pytest

from pyxhon.join import Frame
from pyxhon.report.build_instructions import InstructionFinder
from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing_program, unexplained_losses

pytestmark = pytest.mark.usefixtures("needs_bpf")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Trace the program once for each interpreter; gives the trace and what the program told."""
    known = {}

    def record(python):
        if python not in known:
            folder = tmp_path_factory.mktemp("instructions")
            trace, told = folder / "all.pyxhon", folder / "told.json"
            with tracing_program(trace, python, ["instructions_under_acts.py", told], "--no-aggregate") as traced:
                traced.tell()
                assert traced.hear() == "done"
                traced.wait_until(lambda reader: any(row.name == "open" for row in reader.events()))
                traced.tell()
                status, _, complained = traced.finish()
            assert status == 0, complained
            known[python] = trace, json.loads(told.read_text())
        return known[python]

    return record


def _events(reader):
    """Give the events of the program by token."""
    return {row.arguments[0]: row for row in reader.events() if row.kind == "audit" and row.name == "code.here"}


def _place(row):
    return Frame(row.file, row.line, row.function)


@every_python()
def test_each_frame_stands_at_the_instruction_that_dis_names(python, recorded):
    trace, told = recorded(python)

    wrong, compared = [], 0
    with open_trace(trace) as reader:
        finder, events = InstructionFinder(reader), _events(reader)
        for token, frames in told:
            rows = reader.stack(events[token].python_stack)
            for row, expected in zip(rows[1:], frames, strict=True):
                file, _, _, offset, opcode, has_argument, words, line, columns = expected
                found = finder.of_frame(row)
                compared += 1
                place = found and (row.file, found.offset, found.opcode, row.line, found.argument is not None)
                if (
                    place != (file, offset, opcode, line, has_argument)
                    or (columns and [found.line, found.end_line, found.column, found.end_column] != columns)
                    or (found.argument is not None and not _is_same(found.argument, words))
                ):
                    wrong.append((expected, row, found))

    assert wrong[:5] == []
    assert compared > 1000


def _is_same(argument, words):
    """Tell whether an argument is what dis shows; dis adds what is pushed besides a name, and shows code by address."""
    shown, value, *_ = words
    if value.startswith("<code object"):
        return argument.startswith("<code ")
    if argument in ("is", "is not", "in", "not in"):
        return True
    parts = shown.replace("NULL|self + ", "").replace("NULL + ", "").split(" + ")[0]
    return argument in (*words, parts)


@every_python()
def test_the_frame_that_acts_stands_at_its_call(python, recorded):
    trace, told = recorded(python)

    wrong = []
    with open_trace(trace) as reader:
        finder, events = InstructionFinder(reader), _events(reader)
        for token, _ in told:
            frame = reader.stack(events[token].python_stack)[0]
            found = finder.under(events[token].id, _place(frame))
            if found is None or "CALL" not in found.opcode or found.line != frame.line:
                wrong.append((token, frame, found))

    assert wrong[:5] == []
    assert len(told) > 150


@every_python()
def test_no_instruction_is_lost(python, recorded):
    trace, _ = recorded(python)

    with open_trace(trace) as reader:
        losses = [row for row in unexplained_losses(reader, python) if row.signal in ("code", "stack", "records")]

    assert losses == []
