"""What a report tells of Python functions that ran."""

import jsonschema
import pytest

from tests.unit.report.calls import APP, CONNECT, GET, MAIN, CallRecording, record_calls
from tests.unit.report.recording import HTTP, SOCKET
from tests.unit.report.test_as_json import SCHEMA
from tests.unit.report.test_build import report_as_json, report_as_text

SAMPLE = {"share": 0.25, "windows": 12, "observed_ns": 2_000_000_000, "total_ns": 8_000_000_000}


@pytest.fixture
def counted(tmp_path):
    return record_calls(tmp_path / "counted.pyxhon")


@pytest.fixture
def seen(tmp_path):
    return record_calls(tmp_path / "seen.pyxhon", is_counted=False)


def end(function, package):
    file, name, line = function
    return {"file": file, "function": name, "line": line, "package": package}


def rows_of(data, function):
    return [row for row in data["calls"] if row["callee"]["function"] == function[1]]


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_report_of_calls_is_valid_under_the_contract(tmp_path, is_counted):
    trace = record_calls(tmp_path / "t.pyxhon", is_counted=is_counted)

    jsonschema.validate(report_as_json(trace)[1], SCHEMA)


def test_threads_and_processes_are_put_together(counted):
    data = report_as_json(counted)[1]

    [row] = rows_of(data, GET)
    assert row == {"caller": end(MAIN, "application"), "callee": end(GET, "requests"), "count": 20}
    detail = data["call_details"][data["calls"].index(row)]
    assert detail == {
        "kind": "python", "resumptions": 4, "threads": 3, "had_run": False, "name": None, "arguments": [],
    }  # fmt: skip


def test_what_was_only_seen_has_no_count(seen):
    data = report_as_json(seen)[1]

    assert {row["count"] for row in data["calls"]} == {None}
    assert {row["resumptions"] for row in data["call_details"]} == {None}


def test_code_without_a_file_is_of_no_known_package(counted):
    [row] = rows_of(report_as_json(counted)[1], ("<string>", "__init__"))

    assert row["callee"]["package"] is None


def test_what_ran_before_says_so(counted):
    data = report_as_json(counted)[1]

    said = {
        row["callee"]["function"]: more["had_run"]
        for row, more in zip(data["calls"], data["call_details"], strict=True)
    }
    assert [name for name, had_run in said.items() if had_run] == ["encode"]


def test_functions_that_ran_are_held_against_those_defined(seen):
    rows = {row["package"]: row for row in report_as_json(seen)[1]["functions"]}

    assert list(rows) == ["application", "idna", "requests", "stdlib", None]
    assert rows["application"] == {
        "package": "application", "ran": 1, "defined": 2, "ran_of_defined": 1, "files": 1, "unread": {},
    }  # fmt: skip
    assert (rows["requests"]["ran_of_defined"], rows["requests"]["defined"]) == (1, 3)
    assert (rows["idna"]["ran"], rows["idna"]["defined"], rows["idna"]["unread"]) == (1, None, {"no such file": 1})
    assert (rows["stdlib"]["ran"], rows["stdlib"]["defined"]) == (2, None)


def test_calls_within_the_standard_library_can_be_left_out(counted):
    data = report_as_json(counted, exclude_stdlib=True)[1]

    assert rows_of(data, CONNECT)
    assert not rows_of(data, (SOCKET, "socket.close"))
    assert len(data["calls"]) == len(data["call_details"])
    assert "stdlib" not in {row["package"] for row in data["functions"]}


def test_a_sample_is_marked_as_one(tmp_path):
    trace = record_calls(tmp_path / "t.pyxhon", sample=SAMPLE)

    assert report_as_json(trace)[1]["calls_sampled"] == SAMPLE
    text = report_as_text(trace)
    assert "Counts are of 25 % of the time (sampled): 2.0 of 8.0 s in 12 windows, 68/s" in text
    assert "\N{MULTIPLICATION SIGN}20 10/s Session.get" in text


def test_without_windows_nothing_is_said_of_a_sample(counted):
    assert report_as_json(counted)[1]["calls_sampled"] is None
    assert "sampled" not in report_as_text(counted)


def test_calls_of_c_functions_stay_beside_them(tmp_path):
    recording = CallRecording(tmp_path / "t.pyxhon")
    stack = recording.stack((HTTP, "get", 59), (APP, "main", 12))
    recording.add("socket.socket.send", {"args": [], "kwargs": {}}, stack, kind="call", signal="call", count=4)
    recording.call(MAIN, None, 1, 0)
    recording.close()

    data = report_as_json(recording.store.path)[1]

    first, second = data["calls"]
    assert first["callee"] == end((None, "socket.socket.send", None), None)
    assert first["caller"] == end((HTTP, "get", 59), "requests")
    assert [row["kind"] for row in data["call_details"]] == ["c", "python"]
    assert second["caller"] is None
    text = report_as_text(recording.store.path)
    assert "Calls of functions asked for by name (4)" in text
    assert "Functions that ran (1)" in text


@pytest.mark.parametrize(
    "line",
    [
        "Functions that ran (6, 1 before the trace began)",
        "  application: 1 of 2 functions, 1 file",
        "  requests 2.31.0: 1 of 3 functions, 1 file",
        "  idna 3.6: 1 function, 1 file (1 not read: no such file)",
        "  stdlib: 2 functions, 1 file",
        "  no known package: 1 function, 1 file",
        "  Hottest calls (8 between two functions)",
        "    \N{MULTIPLICATION SIGN}90 socket.close /usr/lib/python3.11/socket.py:500 by create_connection of stdlib",
        "  Calls between packages",
        "    application > requests: 1 edge, \N{MULTIPLICATION SIGN}20",
        "    requests > stdlib: 1 edge, \N{MULTIPLICATION SIGN}20",
    ],
)
def test_the_text_tells_who_ran_and_who_called(counted, line):
    assert line in report_as_text(counted).split("\n")


def test_the_text_of_what_was_only_seen_has_no_counts(seen):
    text = report_as_text(seen).partition("Functions that ran")[2].partition("\nImports")[0]

    assert "Hottest" not in text
    assert "Calls between packages, by the first caller of each function" in text
    assert "    application > requests: 1 edge\n" in text


def test_long_lists_and_hostile_names_stay_within_the_page(tmp_path):
    recording = CallRecording(tmp_path / "t.pyxhon")
    for number in range(40):
        package = f"evil\x1b[31m{number}" + "x" * 90
        file = f"/site/{'y' * 90}\n{number}.py"
        recording.store.add_file(0, file, ("distribution", package, "1" * 50, None, None))
        recording.call((file, "f\u202e" + "z" * 200, number), MAIN, number + 1, 0)
        recording.store.add_source(0, file, "\x1b]0;" + "r" * 200)
    recording.close()

    text = report_as_text(recording.store.path).partition("Functions that ran")[2].partition("\nCoverage")[0]

    assert max(map(len, text.split("\n"))) <= 100
    assert "\x1b" not in text
    assert "\u202e" not in text
    for count in (40 - 8, 40 - 10, 40 - 5):
        assert f"… and {count} more (--full shows them)" in text


def test_a_trace_without_calls_has_no_section(tmp_path):
    recording = CallRecording(tmp_path / "t.pyxhon")
    recording.close()

    assert "Functions that ran" not in report_as_text(recording.store.path)
