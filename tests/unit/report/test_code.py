"""Code made at run time in the report: found by its hash, shown with origin, acts and instructions, always escaped."""

import io
import json

import pytest

from pyxhon.errors import TraceError
from pyxhon.join import join
from pyxhon.policy.parse import load_categories
from pyxhon.report.build_code import build_codes, build_listing
from pyxhon.report.build_instructions import InstructionFinder
from pyxhon.report.code_listing import write_code_json
from pyxhon.report.model import Instruction
from pyxhon.report.text import write_text
from pyxhon.report.text.code import write_code_text
from pyxhon.reporting import judge_joined
from pyxhon.rules import Rules
from pyxhon.trace.reader import open_trace
from tests.unit.report.recording import APP, Recording
from tests.unit.report.sample import make_behaviour, make_report

HASH = "ab" * 32
_EVIL = "\x1b[31mred\u202e"
_NAMES = {
    "constants": [{"type": "str", "text": repr("/etc")}, {"type": "str", "text": _EVIL}, None, 7, {"type": 1}],
    "names": ["os", "listdir", _EVIL, None, ["not", "text"]],
}
_CONTENT = {
    "version": "3.11", "name": _EVIL, "first_line": 1, "flags": 64, "argument_count": 0, "positional_only_count": 0,
    "keyword_only_count": 0, "stack_size": 4,
    # RESUME 0, LOAD_CONST 0, LOAD_CONST 1, LOAD_NAME 2, RETURN_VALUE
    "bytecode": bytes([151, 0, 100, 0, 100, 1, 101, 2, 83, 0]), "bytecode_bytes": 10,
    "variables": [], "cells": [], "free": [], "all_locals": [], "line_table": b"\xf0\x00\x00\x00",
    "exception_table": b"\x81\x02\x03\x01", "unresolved": 1, "missing": 1, **_NAMES,
}  # fmt: skip


@pytest.fixture
def reader(tmp_path):
    recording = Recording(tmp_path / "code.pyxhon")
    top = recording.stack((APP, "main", 20))
    layer = recording.stack(("<layer>", "<module>", 1), (APP, "main", 20))
    made = recording.add("exec", [{"code": "<module>"}], top)
    recording.add("os.listdir", ["/etc"], layer)
    for row in recording.store._query("SELECT id FROM code WHERE file = '<layer>'"):
        recording.store.set_code_content(row[0], HASH, _CONTENT)
        recording.store.add_code_origin(row[0], event=made)
    recording.close()
    with open_trace(recording.store.path) as opened:
        yield opened


def _judged(reader):
    tables = load_categories()
    return judge_joined(join(reader, None, tables), Rules(None), reader)


def test_made_code_is_listed_with_origin_and_acts(reader):
    [made] = build_codes(reader, _judged(reader))

    assert (made.hash, made.file, made.package, made.count, made.cut) == (HASH, "<layer>", "application", 1, False)
    assert [(step.by, step.location.file) for step in made.origin] == [("exec", APP)]
    assert len(made.behaviours) == 1
    assert [line.split() for line in made.disassembly][1][-2:] == ["LOAD_CONST", "'/etc'"]


def test_the_instruction_under_a_frame_is_found_by_its_code(reader):
    finder = InstructionFinder(reader)
    event = next(row for row in reader.events() if row.name == "os.listdir")
    innermost = reader.stack(event.python_stack)[0]

    found = finder.of_frame(innermost)

    assert (found.opcode, found.offset, found.code) == ("RESUME", 0, HASH)
    assert finder.of_frame(reader.stack(event.python_stack)[1]) is None


def test_the_evidence_of_a_violation_tells_the_instruction():
    shown = io.StringIO()
    instruction = Instruction("CALL", 44, "1", 12, 12, 4, 30, HASH)

    write_text(make_report(behaviours=[make_behaviour(instruction=instruction)]), shown)

    assert "by CALL 1, offset 44, columns 4-30, code abababababab" in shown.getvalue()


def test_a_listing_shows_nothing_that_steers_a_terminal(reader):
    out = io.StringIO()

    write_code_text(build_listing(reader, _judged(reader), HASH[:6], "0.1.0"), out)

    shown = out.getvalue()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[31mred" in shown
    assert "LOAD_NAME" in shown
    assert "could not be put back" in shown
    assert "the memory was gone" in shown


def test_a_listing_as_json_has_every_byte(reader):
    out = io.StringIO()

    write_code_json(build_listing(reader, _judged(reader), HASH, "0.1.0"), out)

    content = json.loads(out.getvalue())
    assert content["schema"] == "pyxhon.code/1"
    assert bytes.fromhex(content["bytecode"]) == _CONTENT["bytecode"]
    assert content["places"][0]["origin"][0]["by"] == "exec"
    assert content["acts"][0]["name"] == "os.listdir"


@pytest.mark.parametrize("prefix", ["", "cd", HASH + "0"])
def test_a_prefix_of_no_code_object_is_refused(reader, prefix):
    with pytest.raises(TraceError, match="the hash"):
        build_listing(reader, (), prefix, "0.1.0")
