"""A process that violates the policy is stopped or killed, it alone, and the evidence is in the trace."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT, Interpreter
from tests.kernel.commands import pyxhon
from tests.kernel.traced import attaching, tracing_program
from tests.targets import PROGRAMS, running

pytestmark = pytest.mark.usefixtures("needs_bpf")

PYTHON = Interpreter(os.path.realpath(sys.executable), sys.version_info[:3])
FOR_ALL = '  "*": {functions: {deny: [os.system]}}\n'  # decided in the kernel
FOR_ONE = "  application: {functions: {deny: [os.system]}}\n"  # decided when it is known whose act it is
FREED = f"{FOR_ALL}  application: {{functions: {{allow: [os.system]}}}}\n"
# Runs a command as a shell with job control does: in a group of its own, whose last tie to the session is the command.
AS_JOB = (
    sys.executable,
    "-c",
    "import os, subprocess, sys; os.setsid();"
    "sys.exit(subprocess.Popen(sys.argv[1:], preexec_fn=lambda: os.setpgid(0, 0)).wait())",
)
_PATIENCE_S = 60


@pytest.fixture
def policy(tmp_path):
    def write(packages, more=""):
        (tmp_path / "p.yaml").write_text(f"version: 1\npackages:\n{packages}{more}")
        return str(tmp_path / "p.yaml")

    return write


def state(pid):
    """Give the letter of a process's state; nothing when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def becomes(pid, states):
    deadline = time.monotonic() + _PATIENCE_S
    while state(pid) not in states:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def evidence(trace):
    """Give what a trace holds: names of events, and reactions."""
    with open_trace(trace) as reader:
        reader.check()
        return {row.name for row in reader.events()}, reader.meta().get("reactions", [])


def test_a_run_is_killed_in_the_kernel_and_the_evidence_is_reported(policy, tmp_path):
    out = tmp_path / "report.json"
    command = PYTHON.command(PROGRAMS / "violates.py", "main:system", "main:wait:60")

    done = pyxhon(
        "run", "-q", "--on-violation", "kill", "--policy", policy(FOR_ALL), "--format", "json", "--report", out, "--",
        *command,
    )  # fmt: skip

    report = json.loads(out.read_text())
    assert done.returncode == 3
    assert done.stdout == b"ready\n"  # it ends before the act is done
    assert report["processes"][0]["exit_code"] == 128 + signal.SIGKILL
    (reaction,) = report["reactions"]
    (violation,) = [row for row in report["behaviours"] if row["verdict"] == "violation"]
    assert (reaction["by"], reaction["outcome"], reaction["behaviour"]) == ("kernel", "sent", violation["id"])
    assert violation["name"] == "os.system"
    assert violation["location"]["function"] == "system"
    assert len(report["processes"]) == 1


def test_a_process_attached_to_is_stopped_for_a_thread_and_goes_on_when_told(policy, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with running(PYTHON, "violates.py", "thread:system", "main:getpid") as target:
        options = ("--on-violation", "stop", "--policy", policy(FOR_ALL))
        with attaching(trace, target.pid, *options) as traced:
            target.tell()
            assert traced.tracer.wait(_PATIENCE_S) == 3

        assert state(target.pid) == "T"
        os.kill(target.pid, signal.SIGCONT)
        target.tell()
        assert target.finish().split() == ["system", "getpid"]
    names, reactions = evidence(trace)
    assert "os.system" in names
    assert [(row["action"], row["pid"]) for row in reactions] == [("stop", target.pid)]


def test_a_run_that_is_stopped_is_left_so_and_the_report_says_how_it_goes_on(policy, tmp_path):
    out = tmp_path / "report.txt"
    policy_file = policy(FOR_ONE, "on_violation: stop\n")
    command = PYTHON.command(PROGRAMS / "violates.py", "main:system", "main:wait:30")

    with (tmp_path / "said").open("wb") as said:
        options = ("--exit-code", "command", "--policy", policy_file, "--report", out)
        done = pyxhon("run", *options, "--", *command, before=AS_JOB, stdout=said, stderr=said)

    assert done.returncode == 3
    (line,) = [line for line in out.read_text().splitlines() if "kill -CONT" in line]
    pid = int(line.split()[-1])
    assert line == f"process {pid} goes on with: kill -CONT {pid}"
    assert f"process {pid} was stopped for what application did" in out.read_text()
    assert line in (tmp_path / "said").read_text()
    assert state(pid) == "T"
    os.kill(pid, signal.SIGCONT)
    assert becomes(pid, "RS")
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("packages", [FOR_ALL, FOR_ONE])
def test_a_child_is_killed_and_its_parent_is_not(policy, tmp_path, packages):
    trace = tmp_path / "t.pyxhon"
    options = ("--on-violation", "kill", "--policy", policy(packages))
    with tracing_program(trace, PYTHON, ["violates.py", "child:system"], *options) as traced:
        traced.tell()
        said = sorted([traced.hear(), traced.hear()])
        child = int(said[0].split()[1])
        assert traced.hear() == "system"  # the parent, once the child has ended

        status, _, complained = traced.finish()

    names, reactions = evidence(trace)
    assert status == 3, complained
    assert said[1] == "parent"
    assert "os.system" in names
    assert [(row["action"], row["pid"], row["outcome"]) for row in reactions] == [("kill", child, "sent")]
    with open_trace(trace) as reader:
        codes = {row.pid: row.exit_code for row in reader.processes()}
    assert codes.pop(child) == 128 + signal.SIGKILL
    assert set(codes.values()) <= {0, None}


def test_a_system_call_denied_to_everybody_is_answered_in_the_kernel(policy, tmp_path):
    out = tmp_path / "report.json"
    command = PYTHON.command(PROGRAMS / "violates.py", "main:memfd", "main:wait:60")
    denied = policy('  "*": {syscalls: {deny: [memfd_create]}}\n', "on_violation: kill\n")

    done = pyxhon("run", "-q", "--policy", denied, "--format", "json", "--report", out, "--", *command)

    report = json.loads(out.read_text())
    assert done.returncode == 3
    assert done.stdout == b"ready\n"
    (violation,) = [row for row in report["behaviours"] if row["verdict"] == "violation"]
    assert (violation["kind"], violation["name"]) == ("memory", "memfd_create")
    assert [(row["by"], row["behaviour"]) for row in report["reactions"]] == [("kernel", violation["id"])]
    assert {row["name"] for row in report["behaviours"]}.isdisjoint({"fork", "os.fork", "execve"})


def test_pyxhon_does_not_answer_itself_though_the_target_started_it(policy, tmp_path):
    trace, denied = tmp_path / "t.pyxhon", policy('  "*": {syscalls: {deny: [bpf, perf_event_open, memfd_create]}}\n')
    options = ["-q", "--on-violation", "kill", "--policy", denied, "--duration", "1", "-o", str(trace)]
    program = (
        "import os, subprocess, sys\n"
        f"done = subprocess.run([sys.executable, '-m', 'pyxhon', 'record', *{options!r}, str(os.getpid())])\n"
        "print(done.returncode)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)

    assert done.stdout == "0\n", done.stderr
    with open_trace(trace) as reader:
        assert len(reader.processes()) == 1
    assert evidence(trace)[1] == []


def test_what_is_allowed_is_never_answered(policy, tmp_path):
    trace = tmp_path / "t.pyxhon"
    other = "  other: {functions: {deny: [os.system, os.listdir]}}\n"
    lists = '  application: {files: {read: ["**"], write: ["**"]}, allow: F-N-D-O-B}\n'
    options = ("--on-violation", "kill", "--policy", policy(other + lists), "--policy", policy_of(tmp_path, FREED))
    acts = ("main:system", "thread:system", "child:system", "main:getpid", f"main:write:{tmp_path}/x")
    with tracing_program(trace, PYTHON, ["violates.py", *acts], *options) as traced:
        for _ in acts:
            traced.tell()
        traced.tell()
        status, said, complained = traced.finish()

    assert status == 0, complained
    assert said.split()[-2:] == ["getpid", "write"]
    assert evidence(trace)[1] == []


def policy_of(tmp_path, packages):
    (tmp_path / "second.yaml").write_text(f"version: 1\npackages:\n{packages}")
    return str(tmp_path / "second.yaml")


def test_a_sequence_kills_when_it_is_complete(tmp_path):
    trace, policy, path = tmp_path / "t.pyxhon", tmp_path / "p.yaml", tmp_path / "x"
    policy.write_text(
        "version: 1\non_violation: kill\nsequences:\n"
        "  - {name: mine, steps: [{name: os.listdir}, {match: {write: ['**/x']}}, {name: os.listdir}]}\n"
    )
    acts = [f"main:write:{path}", "main:getpid", f"main:write:{path}", "main:wait:2", "main:getpid", "main:wait:60"]
    with tracing_program(trace, PYTHON, ["violates.py", *acts], "--policy", str(policy)) as traced:
        for _ in acts:
            traced.tell()
        status, said, complained = traced.finish()

    names, reactions = evidence(trace)
    assert status == 3, complained
    assert said.split() == ["write", "getpid", "write", "wait", "getpid"]
    assert {"os.listdir", "open"} <= names
    assert [(row["sequence"], row["outcome"]) for row in reactions] == [("mine", "sent")]
