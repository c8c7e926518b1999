"""Acts in a telling order are found in real runs: in order, in time, by one package."""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.interpreters import CHECKOUT, Interpreter
from tests.kernel.commands import pyxhon
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

PYTHON = Interpreter(os.path.realpath(sys.executable), sys.version_info[:3])
PACKAGE = """import os, socket, sys
def read(path):
    with open(path) as file:
        return file.read()
def connect(port):
    with socket.socket() as peer:
        peer.connect_ex(("127.0.0.1", int(port)))
"""


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def secret(tmp_path):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_rsa").write_text("key")
    return tmp_path / ".ssh" / "id_rsa"


@pytest.fixture
def run(tmp_path):
    def run(*acts, policy=None, program="violates.py"):
        out = tmp_path / "report.json"
        options = ["--policy", policy] if policy else []
        command = PYTHON.command(PROGRAMS / program if isinstance(program, str) else program, *acts)
        done = pyxhon("run", "-q", *options, "--format", "json", "--report", out, "--", *command)
        report = json.loads(out.read_text())
        assert report["losses"].keys() <= {"python_stack_truncated"}
        return done.returncode, report["sequences"]

    return run


def found(sequences):
    return {(row["name"], row["package"], row["path"]) for row in sequences}


def test_planted_acts_are_found_in_their_order(run, tmp_path, secret, port):
    dropped, path_file = tmp_path / "dropped", tmp_path / "evil.pth"
    acts = (
        f"main:write:{dropped}", f"child:read:{secret}", f"main:run:{dropped}", "main:memfd",
        f"main:write:{path_file}", f"thread:connect:{port}",
    )  # fmt: skip

    status, sequences = run(*acts)

    assert status == 0
    assert found(sequences) == {
        ("secret then network", "application", None),
        ("written then run", "application", str(dropped)),
        ("memory file then program", "application", None),
        ("persistence by Python", "application", str(path_file)),
    }
    assert {row["verdict"] for row in sequences} == {"unjudged"}
    (row,) = [row for row in sequences if row["name"] == "secret then network"]
    assert [step["name"] for step in row["steps"]] == ["open", "socket.connect"]
    assert row["note"] is None
    assert len({step["pid"] for step in row["steps"]}) == 2
    assert row["steps"][0]["time_ns"] < row["steps"][1]["time_ns"]


def test_another_order_is_none_and_a_policy_makes_a_violation_of_the_right_one(run, tmp_path, secret, port):
    policy = tmp_path / "p.yaml"
    policy.write_text(
        f"""version: 1
sequences:
  - name: mine
    within: 1m
    steps: [{{category: network, match: {{connect: ['*:{port}']}}}}, {{category: file, match: {{read: ['{secret}']}}}}]
  - name: too quick
    within: 20ms
    steps: [{{category: network, match: {{connect: ['*:{port}']}}}}, {{name: os.listdir}}]
"""
    )

    status, sequences = run(
        f"main:connect:{port}", f"main:read:{secret}", "main:wait:0.05", "main:getpid", policy=policy
    )

    assert status == 3
    assert [(row["name"], row["verdict"]) for row in sequences] == [("mine", "violation")]


def test_the_acts_of_two_packages_are_not_put_together(run, tmp_path, secret, port):
    site = tmp_path / "site-packages"
    for name in ("reader", "talker", "both"):
        (site / f"{name}-1.0.dist-info").mkdir(parents=True)
        (site / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (site / f"{name}-1.0.dist-info" / "RECORD").write_text(f"{name}.py,,\n")
        (site / f"{name}.py").write_text(PACKAGE)
    program = tmp_path / "app.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(site)!r})\nimport reader, talker, both\n"
        f"reader.read({str(secret)!r}); talker.connect({port}); both.read({str(secret)!r}); both.connect({port})\n"
    )

    assert found(run(program=program)[1]) == {("secret then network", "both", None)}


def test_a_sequence_against_the_policy_is_told_once_while_the_program_runs(tmp_path, secret, port):
    policy, program, gate = tmp_path / "p.yaml", tmp_path / "app.py", tmp_path / "gate"
    policy.write_text(
        "version: 1\nsequences:\n  - name: key then network\n"
        f"    steps: [{{category: file, match: {{read: ['{secret}']}}}}, {{name: socket.connect}}]\n"
    )
    os.mkfifo(gate)
    program.write_text(
        f"import socket, time\nfor each in range(3):\n    open({str(secret)!r}).close()\n    time.sleep(0.3)\n"
        f"    socket.create_connection(('127.0.0.1', {port})).close()\nopen({str(gate)!r}).read()\n"
    )
    command = [sys.executable, "-m", "pyxhon", "run", "--policy", policy, "--report", tmp_path / "report.txt", "--"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    with subprocess.Popen(
        [*command, *PYTHON.command(program)], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        told = [process.stderr.readline() for _ in range(3)]  # while the program waits at the gate
        gate.write_text("")
        rest = process.stderr.read()

    assert told[0] == "pyxhon: violation: application: sequence key then network\n"
    assert told[1].startswith(f"    1. open path={secret}")
    assert "/app.py:3 <module> (pid " in told[1]
    assert told[2].startswith(f"    2. socket.connect address=127.0.0.1:{port} at ")
    assert "violation" not in rest
    assert process.returncode == 3
    assert "key then network: violation" in (tmp_path / "report.txt").read_text()
