"""System calls on real runs: what is told of them, how they are counted, who made them."""

import json
import socket
import subprocess
import sys
import tempfile

import pytest

from pyxhon.cpython.layout import load_layout
from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT, Interpreter, every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import attaching, tracing_program, unbalanced
from tests.targets import running

PROGRAM = "system_calls.py"
PYTHON = Interpreter("/usr/bin/python3", sys.version_info[:3])


def record(trace, python, *arguments, options=()):
    with tracing_program(trace, python, [PROGRAM, *arguments], *options) as traced:
        traced.tell()
        _, said, complained = traced.finish()
        assert complained == ""
        return said


def calls(trace, name):
    with open_trace(trace) as reader:
        assert unbalanced(reader) == []
        return [row for row in reader.events() if row.kind == "syscall" and row.name == name]


def behaviours(trace):
    done = pyxhon("report", trace, "--format", "json")
    return json.loads(done.stdout)["behaviours"]


@every_python(min=(3, 8))
def test_the_answers_of_a_server_are_one_act(python, tmp_path):
    trace = tmp_path / "t.pyxhon"

    port = record(trace, python, "serve", 40).strip()

    sent = calls(trace, "sendto")
    answers = [row for row in sent if "addr" not in row.arguments]
    questions = [row for row in sent if row.arguments.get("addr") == f"127.0.0.1:{port}"]
    assert sum(row.count for row in answers) == sum(row.count for row in questions) == 40
    assert len(answers) + len(questions) < 40  # the first calls are told apart until their callers are learnt


def test_nobody_poses_as_a_server_by_an_accept_that_fails(tmp_path):
    trace = tmp_path / "t.pyxhon"

    ports = record(trace, PYTHON, "pose_as_server", 3).split()

    assert [row.arguments.get("addr") for row in calls(trace, "sendto")] == [f"127.0.0.1:{port}" for port in ports]


@every_python(min=(3, 8))
def test_both_folders_of_a_rename_are_told(python, tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, python, "rename", "/dev/shm", tmp_path)

    [row] = calls(trace, "renameat")
    assert row.arguments == {"oldpath": "/dev/shm/no-such", "newpath": f"{tmp_path}/neither"}
    assert (row.result, row.failed) == ("EXDEV", 1)


@every_python(min=(3, 8))
def test_one_relative_path_in_two_folders_is_two_acts(python, tmp_path):
    trace, folder = tmp_path / "t.pyxhon", tmp_path / "f"
    folder.mkdir()

    record(trace, python, "relative", folder)

    paths = {row.arguments["path"] for row in calls(trace, "mkdir")}
    assert {f"{folder}/one/inner", f"{folder}/two/inner"} <= paths


def test_folders_that_lie_where_removed_ones_lay_are_told_apart(tmp_path):
    trace = tmp_path / "t.pyxhon"

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        record(trace, PYTHON, "removed_folders", 120, folder)

    paths = [row.arguments["path"] for row in calls(trace, "unlink") for _ in range(row.count)]
    assert sorted(paths) == sorted(f"{folder}/{number}/inner" for number in range(120))


def test_files_that_lie_where_removed_ones_lay_are_told_apart(tmp_path):
    trace = tmp_path / "t.pyxhon"

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        record(trace, PYTHON, "removed_files", 120, folder)

    assert [row.count for row in calls(trace, "fchmod")] == [1] * 120


@every_python(min=(3, 8))
def test_fifty_threads_that_run_already_are_seen(python, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with running(python, PROGRAM, "threads", 50, tmp_path) as target, attaching(trace, target.pid) as traced:
        target.tell()
        traced.wait_until(lambda reader: sum(row.name == "mkdir" for row in reader.events()) >= 50)
        target.finish()

    rows = calls(trace, "mkdir")
    assert {row.arguments["path"] for row in rows} == {f"{tmp_path}/{number}" for number in range(50)}
    assert len({row.tid for row in rows}) == 50
    with open_trace(trace) as reader:
        assert {reader.stack(row.python_stack)[0].function.rpartition(".")[2] for row in rows} == {"work"}


@pytest.mark.parametrize("kind", ["flood", "flood_of_paths"])
def test_a_flood_hides_nothing_and_is_counted_exactly(kind, tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, kind, 200_000, tmp_path / "act")

    assert sum(row.count for row in calls(trace, "unlink")) == 200_000
    [row] = calls(trace, "mkdir")
    assert (row.arguments["path"], row.count, row.result) == (str(tmp_path / "act"), 1, 0)
    with open_trace(trace) as reader:
        assert reader.native_stack(row.native_stack).frames[0].symbol == "mkdir"


def test_a_flood_from_ever_other_stacks_hides_nothing(tmp_path):
    trace, library = tmp_path / "t.pyxhon", tmp_path / "calling.so"
    source = CHECKOUT / "scripts/bench/programs/calling.c"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)

    record(trace, PYTHON, "flood_of_callers", library, tmp_path / "act")

    unlinked = calls(trace, "unlink")
    assert sum(row.count for row in unlinked) == 20_000
    assert len(unlinked) < 6000
    [row] = calls(trace, "mkdir")
    assert (row.arguments["path"], row.result) == (str(tmp_path / "act"), 0)
    with open_trace(trace) as reader:
        assert {row.reason for row in reader.losses()} <= {"arguments_merged", "native_stack_truncated"}


@every_python(min=(3, 8), max=(3, 13))
def test_an_audit_hook_that_is_taken_out_is_noticed(python, tmp_path):
    layout = load_layout(".".join(map(str, python.version)))
    with running(python, "removes_a_hook.py", layout.runtime_audit_hooks) as target:
        with attaching(tmp_path / "t.pyxhon", target.pid) as traced:
            target.tell("go")
            assert target.hear() == "done"
            traced.wait_until(lambda reader: any(row.name == "audit hook removed" for row in reader.events()))
        target.tell("go")

    with open_trace(tmp_path / "t.pyxhon") as reader:
        [row] = [row for row in reader.events() if row.name == "audit hook removed"]
    assert (row.kind, row.count) == ("tamper", 1)
    assert row.arguments["hook"].startswith("C hook at ")


@every_python(min=(3, 8))
def test_ever_other_times_are_one_act(python, tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, python, "times", tmp_path)

    with open_trace(trace) as reader:
        counts = [row.count for row in reader.events() if (row.kind, row.name) == ("audit", "os.utime")]
    assert sum(counts) == 100
    assert len(counts) <= 2  # 3.11 stands on another instruction once the call is specialised
    assert sum(row.count for row in calls(trace, "utimensat")) == 100


@every_python(min=(3, 8))
def test_a_connect_of_python_and_one_of_c_are_told_apart(python, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        record(trace, python, "connect", port)

    found = {(row["level"], row["name"], row["count"]) for row in behaviours(trace) if f"127.0.0.1:{port}" in str(row)}
    assert found == {("python", "socket.connect", 1), ("native", "connect", 1)}


def test_without_system_calls_there_are_none(tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, "times", tmp_path, options=("--syscalls", "off"))

    with open_trace(trace) as reader:
        assert {row.kind for row in reader.events()} <= {"audit", "import", "dll-load"}
        assert {row.coverage["syscalls"] for row in reader.processes()} == {"off"}


def test_all_calls_are_counted_when_asked(tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, "times", tmp_path, options=("--syscalls", "all"))

    with open_trace(trace) as reader:
        counted = {row.name: row.count for row in reader.syscall_counts()}
    assert counted["read"] > 0
    assert "openat" not in counted
