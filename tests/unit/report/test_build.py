import json
import sqlite3

import jsonschema
import pytest

from pyxhon.errors import OutputError, PolicyError, TraceError
from pyxhon.outputs import check_outputs
from pyxhon.reporting import report_file
from pyxhon.rules import load_rules
from pyxhon.session_options import TraceOptions
from tests.unit.report.recording import APP, DOSSIER, HTTP, SOCKET, Recording, record_service
from tests.unit.report.test_as_json import SCHEMA

POLICY = """
version: 1
packages:
  requests:
    allow: F
    reason: it reads, it does not talk
  application:
    allow: F-O
"""


@pytest.fixture
def trace(tmp_path):
    return record_service(tmp_path / "service.pyxhon")


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    return str(tmp_path / "policy.yaml")


def report_as_json(trace, *policies, **options):
    path = trace.with_suffix(".json")
    chosen = TraceOptions(report_format="json", report_path=path, policy_paths=policies, **options)
    status = report_file(trace, chosen)
    return status, json.loads(path.read_bytes())


def report_as_text(trace, *policies):
    path = trace.with_suffix(".txt")
    report_file(trace, TraceOptions(report_path=path, policy_paths=policies))
    return path.read_text()


def behaviour_of(data, name):
    return next(row for row in data["behaviours"] if row["name"] == name)


def package_of(data, name):
    return next(row for row in data["packages"] if row["name"] == name)


def test_a_report_from_a_trace_is_valid_under_the_contract(trace, policy):
    for policies in ((), (policy,)):
        jsonschema.validate(report_as_json(trace, *policies)[1], SCHEMA)


def test_a_violation_ends_with_3(trace, policy):
    assert report_as_json(trace, policy)[0] == 3


def test_without_a_policy_nothing_is_judged_and_the_status_is_0(trace):
    status, data = report_as_json(trace)

    assert status == 0
    assert {row["verdict"] for row in data["behaviours"]} == {"unjudged"}
    assert {row["suggestion"] for row in data["packages"]} == {None}


def test_a_behaviour_has_its_owner_place_rule_and_stack(trace, policy):
    row = behaviour_of(report_as_json(trace, policy)[1], "socket.connect")

    assert (row["package"], row["category"], row["level"]) == ("requests", "network", "python")
    assert (row["verdict"], row["pid"], row["count"]) == ("violation", 4242, 12)
    assert row["location"] == {"file": HTTP, "line": 59, "function": "get"}
    assert [frame["file"] for frame in row["python_stack"]] == [SOCKET, HTTP, APP]
    assert "requests" in row["rule"]
    assert row["signals"] == ["audit"]


def test_the_same_act_of_two_processes_is_two_rows_and_counts_once(trace, policy):
    data = report_as_json(trace, policy)[1]

    rows = [row for row in data["behaviours"] if row["name"] == "socket.connect"]
    assert [row["pid"] for row in rows] == [4242, 4243]
    assert len({row["id"] for row in rows}) == 1
    use = package_of(data, "requests")["categories"]["network"]
    assert use == {"status": "violation", "python": 1, "native": 0, "detached": 0}


def test_the_matrix_has_policy_and_suggestion(trace, policy):
    data = report_as_json(trace, policy)[1]

    assert (package_of(data, "requests")["policy"], package_of(data, "requests")["suggestion"]) == ("F", "CodeReview")
    assert package_of(data, "application")["version"] is None
    assert package_of(data, "idna")["categories"]["file"]["status"] == "none"


def test_a_dll_has_what_its_file_says_and_nulls_where_nobody_looked(trace):
    dossiers = {row["path"]: row["dossier"] for row in report_as_json(trace)[1]["dlls"]}

    looked_at = dossiers["/site/numpy/_core.so"]
    assert {name: looked_at[name] for name in DOSSIER} == DOSSIER
    assert looked_at["entropy"] is None
    assert set(dossiers["/lib/libc.so.6"].values()) == {None}


def test_a_dll_names_its_loader_and_its_package(trace):
    dlls = {row["path"]: row for row in report_as_json(trace)[1]["dlls"]}

    loaded = dlls["/site/numpy/_core.so"]
    assert (loaded["package"], loaded["loaded_by"], loaded["sha256"]) == ("numpy", "application", "0" * 64)
    assert loaded["load_location"] == {"file": APP, "line": 20, "function": "main"}
    assert dlls["/lib/libc.so.6"]["loaded_by"] is None


def test_the_snapshot_is_of_the_attached_process_only(trace):
    (snapshot,) = report_as_json(trace)[1]["snapshots"]

    assert (snapshot["pid"], snapshot["threads"]) == (4242, [4242])
    assert [row["name"] for row in snapshot["modules"]] == ["_json", "socket"]
    assert snapshot["open_files"] == [{"descriptor": 3, "kind": "socket", "description": "tcp 127.0.0.1:8000"}]


def test_times_are_rfc_3339(trace):
    data = report_as_json(trace)[1]

    assert (data["started"], data["duration_s"]) == ("2025-11-22T17:40:12.000000Z", 8.0)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("ring_full", 4), ("table_full", 4), ("unreadable", 4), ("python_stack_truncated", 0), ("line_unknown", 0)],
)
def test_a_loss_that_could_hide_a_violation_ends_with_4(tmp_path, reason, status):
    trace = record_service(tmp_path / "t.pyxhon", losses={(None, "audit", reason): 2, (1, "audit", reason): 3})

    found, data = report_as_json(trace)

    assert (found, data["losses"], data["complete"]) == (status, {reason: 5}, status == 0)


def test_a_violation_weighs_more_than_a_loss(tmp_path, policy):
    trace = record_service(tmp_path / "t.pyxhon", losses={(None, "audit", "ring_full"): 2})

    assert report_as_json(trace, policy)[0] == 3


def test_counters_that_do_not_add_up_are_a_loss(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    recording.store.set_counters([("audit", 10, 3, 4, 1)])
    recording.close()

    status, data = report_as_json(tmp_path / "t.pyxhon")

    assert (status, data["losses"]) == (4, {"unaccounted": 2})


def test_a_recording_cut_off_says_so_and_is_incomplete(tmp_path):
    trace = record_service(tmp_path / "t.pyxhon", is_finished=False)

    status, data = report_as_json(trace)

    assert (status, data["losses"]) == (4, {"recording_cut_off": 1})
    assert data["duration_s"] == 2.0


def test_an_empty_trace_gives_a_valid_report(tmp_path):
    Recording(tmp_path / "t.pyxhon").close()

    status, data = report_as_json(tmp_path / "t.pyxhon")

    jsonschema.validate(data, SCHEMA)
    assert (status, data["behaviours"]) == (0, [])


def test_text_and_json_are_made_of_the_same(trace, policy):
    text = report_as_text(trace, policy)

    assert "requests: network: socket.connect" in text.replace("requests 2.31.0", "requests")
    assert "15 times, pids 4242, 4243" in text
    assert "it reads, it does not talk" in text


def test_the_standard_librarys_own_acts_can_be_left_out(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    recording.add("os.system", ["ls"], recording.stack((SOCKET, "own", 1)))
    recording.close()

    with_it = report_as_json(tmp_path / "t.pyxhon")[1]
    without = report_as_json(tmp_path / "t.pyxhon", exclude_stdlib=True)[1]

    assert [row["package"] for row in with_it["behaviours"]] == ["stdlib"]
    assert without["behaviours"] == []
    assert "stdlib" not in [row["name"] for row in without["packages"]]


def test_versions_of_several_processes_stand_in_one_row(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    recording.store.add_file(1, "/other/idna/core.py", ("distribution", "idna", "2.0", "idna.core", None))
    recording.close()

    assert package_of(report_as_json(tmp_path / "t.pyxhon")[1], "idna")["version"] == "3.6 / 2.0"


def test_hostile_arguments_reach_both_formats_escaped(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    hostile = "\x1b[2J\u202e\0" + "x" * 5000
    recording.add("open", [hostile, "w", 0], recording.stack((APP, hostile, 1)), is_truncated=True)
    recording.close()

    data = report_as_json(tmp_path / "t.pyxhon")[1]

    assert behaviour_of(data, "open")["args"]["path"] == hostile
    assert data["details"][0]["truncated"] is True
    assert all(line.isprintable() for line in report_as_text(tmp_path / "t.pyxhon").split("\n"))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"report_path": "/does/not/exist/r.json"}, "--report /does/not/exist/r.json: No such file or directory"),
        ({"report_path": "/"}, "it is a directory"),
        ({"output": "/does/not/exist/t.pyxhon"}, "-o /does/not/exist/t.pyxhon"),
        ({"output": "/tmp/same", "report_path": "/tmp/../tmp/same"}, "cannot both be"),
    ],
)
def test_an_unwritable_output_is_refused_before_tracing(tmp_path, options, why):
    paths = {name: tmp_path.joinpath(value) for name, value in options.items()}

    with pytest.raises(OutputError, match=why):
        check_outputs(TraceOptions(**paths))


def test_checking_an_output_leaves_it_as_it_was(tmp_path):
    (tmp_path / "old").write_text("precious")

    check_outputs(TraceOptions(output=tmp_path / "new", report_path=tmp_path / "old"))

    assert (tmp_path / "old").read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_a_full_disk_under_the_report_is_one_error(trace, tmp_path):
    (tmp_path / "full").symlink_to("/dev/full")

    with pytest.raises(OutputError, match="No space left on device"):
        report_file(trace, TraceOptions(report_path=tmp_path / "full", report_format="json"))


def test_an_invalid_policy_is_refused_before_the_trace_is_read(tmp_path):
    (tmp_path / "bad.yaml").write_text("version: 1\npackage: {}\n")

    with pytest.raises(PolicyError, match="packages"):
        load_rules(TraceOptions(policy_paths=(str(tmp_path / "bad.yaml"),)))


@pytest.mark.parametrize("content", [b"", b"no trace", b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_trace_is_refused(tmp_path, content):
    (tmp_path / "x.pyxhon").write_bytes(content)

    with pytest.raises(TraceError):
        report_file(tmp_path / "x.pyxhon", TraceOptions())


def test_a_trace_that_does_not_say_where_it_was_taken_is_refused(trace):
    with sqlite3.connect(trace) as database:
        database.execute("DELETE FROM meta WHERE key = 'host'")
    database.close()

    with pytest.raises(TraceError, match="host"):
        report_file(trace, TraceOptions(report_path=trace.with_suffix(".txt")))


def test_writing_a_report_twice_gives_the_same_bytes(trace):
    first = report_as_json(trace)

    assert report_as_json(trace) == first
