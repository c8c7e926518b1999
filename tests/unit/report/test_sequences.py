"""Sequences and reactions in the report: rows, exit status, and what people read."""

import io
import json

import jsonschema
import pytest

from pyxhon.cli import run_command_line
from pyxhon.report.build_sequences import build_reactions
from pyxhon.report.sequence_model import Reaction, Sequence, SequenceStep
from pyxhon.report.text import write_text
from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT
from tests.unit.report.recording import APP, HTTP, Recording
from tests.unit.report.sample import make_location, make_report

SCHEMA = json.loads((CHECKOUT / "docs/report.schema.json").read_text())
SECRET = "/root/.ssh/id_rsa"
POLICY = """version: 1
packages: {requests: {allow: F-N}}
sequences:
  - name: mine
    steps: [{category: file, match: {path: ["~/.ssh/**"]}}, {name: socket.connect}]
    within: 60s
"""


@pytest.fixture
def trace(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    fetch = recording.stack((HTTP, "get", 59), (APP, "main", 12))
    recording.add("open", [SECRET, "r", 524288], fetch, first_ns=10**9, last_ns=10**9)
    address = [{"type": "socket.socket"}, ["10.0.0.1", 80]]
    recording.add("socket.connect", address, fetch, first_ns=3 * 10**9, last_ns=3 * 10**9, process=recording.worker)
    told = {"action": "stop", "pid": 4242, "time_ns": 5, "by": "pyxhon", "outcome": "sent", "package": "requests"}
    recording.store.set_meta(
        reactions=[{**told, "sequence": "mine"}, {"action": "stop"}, 5, {**told, "pid": "x"}, {**told, "by": "x"}]
    )
    recording.close()
    return tmp_path / "t.pyxhon"


def report(trace, tmp_path, *options):
    out = tmp_path / "report.json"
    status = run_command_line(["report", str(trace), "--format", "json", "--report", str(out), *options])
    found = json.loads(out.read_text())
    jsonschema.validate(found, SCHEMA)
    return status, found


def test_without_a_policy_a_builtin_sequence_is_told_and_judges_nothing(trace, tmp_path):
    status, found = report(trace, tmp_path)

    (row,) = found["sequences"]
    assert (row["name"], row["package"], row["verdict"], row["note"]) == (
        "secret then network",
        "requests",
        "unjudged",
        None,
    )
    ids = {each["id"]: each for each in found["behaviours"]}
    assert [ids[step["behaviour"]]["name"] for step in row["steps"]] == ["open", "socket.connect"]
    assert [(step["pid"], step["time_ns"], step["known"]) for step in row["steps"]] == [
        (4242, 10**9, True),
        (4243, 3 * 10**9, True),
    ]
    assert row["steps"][0]["location"] == {"file": HTTP, "line": 59, "function": "get"}
    assert status == 0


def test_a_sequence_of_the_policy_is_a_violation_of_the_package(trace, tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)

    status, found = report(trace, tmp_path, "--policy", str(tmp_path / "p.yaml"))

    assert status == 3
    assert [(row["name"], row["verdict"]) for row in found["sequences"]] == [
        ("mine", "violation"),
        ("secret then network", "unjudged"),
    ]
    assert {row["verdict"] for row in found["behaviours"]} == {"allowed"}
    assert [row["suggestion"] for row in found["packages"] if row["name"] == "requests"] == ["CodeReview"]


def test_a_policy_without_that_order_accepts(trace, tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY.replace("60s", "1s"))

    status, found = report(trace, tmp_path, "--policy", str(tmp_path / "p.yaml"))

    assert status == 0
    assert [row["verdict"] for row in found["sequences"]] == ["unjudged"]


def test_reactions_of_a_trace_that_are_none_are_left_out(trace):
    with open_trace(trace) as reader:
        assert build_reactions(reader) == [Reaction("stop", 4242, 5, "pyxhon", "sent", "requests", None, "mine")]


def text_of(**changes):
    out = io.StringIO()
    write_text(make_report(**changes), out)
    return out.getvalue()


def make_sequence(**changes):
    steps = [
        SequenceStep("b1", 1, "open", {"path": "/root/.ssh/\x1b[2Jid"}, 10**9, known=True, location=make_location()),
        SequenceStep("b2", 1, "socket.connect", {"address": "10.0.0.1:80"}, 3 * 10**9, known=False, location=None),
    ]
    row = {"name": "a\x1bb", "package": "requests", "verdict": "violation", "rule": "p.yaml:3 sequences: x"}
    return Sequence(**{**row, "reason": "why so", "path": None, "steps": steps, "note": "step 2 \x1b", **changes})


def test_the_text_shows_the_steps_with_their_times_and_escapes_what_the_target_chose():
    text = text_of(sequences=[make_sequence()])

    assert "1 violation, 1 sequence against the policy" in text
    assert "Acts in a telling order (1)\nrequests: a\\x1bb: violation, 2 steps in 2.000 s" in text
    assert "decided by p.yaml:3 sequences: x" in text
    assert "1. +0.000 s  open path=/root/.ssh/\\x1b[2Jid at /srv/app/fetch.py:12" in text
    assert "2. some time  socket.connect" in text
    assert "not certain: step 2 \\x1b" in text
    assert "\x1b" not in text


def test_many_sequences_are_cut():
    assert "… and 5 more" in text_of(sequences=[make_sequence()] * 25)


@pytest.mark.parametrize(
    "action, outcome, line",
    [
        ("stop", "sent", "process 7 was stopped for what evil did (sequence s)\nprocess 7 goes on with: kill -CONT 7"),
        ("kill", "sent", "process 7 was killed for what evil did (sequence s)\n"),
        ("kill", "it had ended", "process 7 was to be killed: it had ended (evil: sequence s)"),
    ],
)
def test_what_was_done_to_a_process_is_said(action, outcome, line):
    row = Reaction(action, 7, 1, "pyxhon", outcome, "evil", None, "s")

    assert line in text_of(reactions=[row])
