"""Code objects that were made and never run are captured, with who made them and what lies within them."""

import json
import os
import sys

import pytest

from pyxhon.join.code_origins import Origins
from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.capturing import captured, differences
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing, tracing_program, unexplained_losses

pytestmark = pytest.mark.usefixtures("needs_bpf")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Give what an interpreter's process told, the trace and the report."""
    known = {}

    def record(python):
        if python not in known:
            folder = tmp_path_factory.mktemp("made")
            trace = folder / "made.pyxhon"
            with tracing_program(trace, python, ["made_code.py", folder]) as traced:
                traced.tell()
                status, _, complained = traced.finish()
            assert status == 0, complained
            report = json.loads(pyxhon("report", trace, "--format", "json").stdout)
            known[python] = json.loads((folder / "told.json").read_text()), trace, report
        return known[python]

    return record


@every_python()
def test_what_was_made_is_captured_whole_with_all_that_lies_within(python, recorded):
    told, trace, _ = recorded(python)

    wrong = []
    with open_trace(trace) as reader:
        known = captured(reader)
    for _, _, expected in told:
        found = known.get((expected["file"], expected["name"], expected["first_line"], expected["bytecode"]), [])
        if not any(differences(expected, content) == [] for content in found):
            wrong.append((expected["file"], expected["name"], [differences(expected, content) for content in found]))

    assert wrong == []
    assert len(told) > 12


@every_python()
def test_its_origin_is_what_made_it(python, recorded):
    told, trace, _ = recorded(python)

    found = {}
    with open_trace(trace) as reader:
        origins = Origins(reader)
        for code, row in origins.codes.items():
            first = [(step.by, step.location and step.location.line) for step in origins.find(code).steps[:1]]
            found.setdefault((row.file, row.qualified_name, row.first_line), []).append((first, origins.has_run(code)))
    wrong = []
    for maker, line, expected in told:
        seen = found.get((expected["file"], expected["name"], expected["first_line"]), [])
        # before 3.10.7 marshal raises an event for each code object instead
        makers = {maker, "code.__new__"} if maker.startswith("marshal") and python.version < (3, 10, 7) else {maker}
        if not any(([(one, line)], False) in seen for one in makers):
            wrong.append((maker, line, expected["file"], expected["name"], seen))

    assert wrong == []


@every_python()
def test_what_is_run_elsewhere_shows_both_places(python, recorded):
    _, _, report = recorded(python)

    [row] = [row for row in report["code"] if row["file"] == "<given on>"]

    assert [(step["by"], step["location"]["function"]) for step in row["origin"][:2]] == [
        ("exec", "given_on"),
        ("compile", "main"),
    ]
    assert row["ran"]


@every_python()
def test_nothing_of_what_was_made_is_lost(python, recorded):
    _, trace, _ = recorded(python)

    with open_trace(trace) as reader:
        losses = [row for row in unexplained_losses(reader, python) if row.signal in ("code", "stack", "records")]

    assert losses == []


def test_what_is_not_copied_for_its_number_is_counted(tmp_path):
    source = "\n".join(f"def f{number}(): return {number}" for number in range(900))
    program = f"code = compile({source!r}, '<many>', 'exec'); print(len(code.co_consts), flush=True); input()"
    trace = tmp_path / "many.pyxhon"

    with tracing(trace, [os.path.realpath(sys.executable), "-c", program]) as traced:
        constants = int(traced.hear())
        traced.tell()
        traced.finish()

    with open_trace(trace) as reader:
        found = {row.qualified_name for row in reader.captured_codes().values() if row.file == "<many>"}
        lost = {row.reason: row.count for row in reader.losses() if row.signal == "code"}
    assert constants > 900
    assert found == {"<module>", *(f"f{number}" for number in range(len(found) - 1))}
    assert len(found) - 1 + lost["code_ring_full"] >= 900
