"""From a live target to a report, through the command line."""

import json
import shutil
import signal
import subprocess
import sys

import jsonschema
import pytest

from tests.interpreters import CHECKOUT
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

PROGRAM = "five_categories.py"
SCHEMA = json.loads((CHECKOUT / "docs/report.schema.json").read_text())
POLICY = "version: 1\npackages:\n  application:\n    allow: F-D-O-B\n"


def pyxhon(*arguments, **how):
    command = [sys.executable, "-m", "pyxhon", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **how)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """One run with a policy: the finished process, the trace, the report as JSON, the policy."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "policy.yaml").write_text(POLICY)
    # Away from the checkout, whose files belong to the distribution pyxhon.
    shutil.copy(PROGRAMS / PROGRAM, folder)
    options = ["-o", folder / "t.pyxhon", "--format", "json", "--report", folder / "r.json"]
    command = [*options, "--policy", folder / "policy.yaml", "--", sys.executable, folder / PROGRAM]
    return pyxhon("run", *command), folder


def report_of(folder):
    return json.loads((folder / "r.json").read_bytes())


def acts_of_application(data):
    return {row["name"]: row for row in data["behaviours"] if row["package"] == "application"}


def test_a_live_report_is_valid_under_the_contract(recorded):
    jsonschema.validate(report_of(recorded[1]), SCHEMA)


def test_a_violation_of_a_live_run_ends_with_3_and_is_told_at_once(recorded):
    process, _ = recorded

    assert process.returncode == 3
    assert b"pyxhon: violation: application: network: socket.connect address=127.0.0.1:9 at " in process.stderr


def test_the_commands_output_is_untouched(recorded):
    assert recorded[0].stdout == b"done\n"


@pytest.mark.parametrize(
    ("name", "category", "count"),
    [
        ("open", "file", 5),
        ("socket.connect", "network", 1),
        ("ctypes.dlopen", "dll", None),
        ("os.system", "os", 1),
        ("compile", "builtins", 1),
    ],
)
def test_every_category_is_seen_with_its_count_and_line(recorded, name, category, count):
    row = acts_of_application(report_of(recorded[1]))[name]

    lines = (PROGRAMS / PROGRAM).read_text().splitlines()
    assert row["category"] == category
    assert count is None or row["count"] == count
    assert row["location"]["file"] == str(recorded[1] / PROGRAM)
    assert 0 < row["location"]["line"] <= len(lines)


def test_only_what_the_policy_forbids_is_a_violation(recorded):
    rows = [row for row in report_of(recorded[1])["behaviours"] if row["package"] == "application"]

    assert {row["category"] for row in rows if row["verdict"] == "violation"} == {"network"}
    assert {row["verdict"] for row in rows if row["category"] != "network"} == {"allowed"}


def test_nothing_was_lost(recorded):
    data = report_of(recorded[1])

    assert data["complete"]
    for row in data["counters"]:
        assert row["seen"] == row["stored"] + row["repeated"] + row["lost"], row


def test_the_offline_report_is_the_live_one(recorded):
    _, folder = recorded

    offline = pyxhon("report", folder / "t.pyxhon", "--policy", folder / "policy.yaml", "--format", "json")

    assert offline.returncode == 3
    assert offline.stdout == (folder / "r.json").read_bytes()


def test_another_policy_gives_another_verdict_offline(recorded, tmp_path):
    _, folder = recorded
    (tmp_path / "all.yaml").write_text('version: 1\npackages:\n  "*":\n    allow: F-N-D-O-B\n')

    offline = pyxhon("report", folder / "t.pyxhon", "--policy", tmp_path / "all.yaml")

    assert offline.returncode == 0
    assert b"Accept: nothing against the policy" in offline.stdout


def test_the_text_of_a_live_report_fits_100_columns(recorded):
    text = pyxhon("report", recorded[1] / "t.pyxhon").stdout.decode()

    assert max(map(len, text.split("\n"))) <= 100
    assert "\x1b" not in text


def test_record_writes_only_the_trace(tmp_path):
    trace = tmp_path / "t.pyxhon"

    process = pyxhon("record", "-o", trace, "--", sys.executable, "-c", "print(open('/etc/hosts').name)")

    assert (process.returncode, process.stdout) == (0, b"/etc/hosts\n")
    assert b"open path=/etc/hosts" in pyxhon("report", trace).stdout


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.abort()", 134)])
def test_run_can_end_as_the_command_did(tmp_path, code, status):
    options = ["--exit-code", "command", "--report", tmp_path / "r.txt"]

    assert pyxhon("run", *options, "--", sys.executable, "-c", code).returncode == status


def test_ctrl_c_detaches_and_prints_the_report(tmp_path):
    program = "import time\nprint('ready', flush=True)\nwhile True: open('/etc/hosts').close(); time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as target:
        try:
            target.stdout.readline()
            command = [sys.executable, "-m", "pyxhon", "attach", str(target.pid), "-o", str(tmp_path / "t.pyxhon")]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tracer:
                wait_for_events(tmp_path / "t.pyxhon", tracer)
                tracer.send_signal(signal.SIGINT)
                said, error = tracer.communicate(timeout=60)
            assert target.poll() is None
        finally:
            target.kill()

    assert (tracer.returncode, error) == (0, b"")
    assert b"open path=/etc/hosts" in said


def wait_for_events(trace, tracer):
    """Wait until the trace has an event."""
    import sqlite3
    import time

    for _ in range(600):
        assert tracer.poll() is None, tracer.stderr.read()
        try:
            with sqlite3.connect(f"file:{trace}?mode=ro", uri=True) as database:
                if database.execute("SELECT count(*) FROM event").fetchone()[0]:
                    return
        except sqlite3.Error:
            pass
        finally:
            if "database" in locals():
                database.close()
        time.sleep(0.1)
    pytest.fail("no event within a minute")


def test_a_full_disk_is_one_line(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", small], check=True)
    try:
        program = "for n in range(3000): compile(str(n), 'x', 'eval')"
        process = pyxhon("run", "-q", "-o", small / "t.pyxhon", "--", sys.executable, "-c", program)
    finally:
        subprocess.run(["umount", small], check=True)

    assert process.returncode == 1
    assert process.stderr.startswith(b"pyxhon: ")
    assert process.stderr.count(b"\n") == 1
