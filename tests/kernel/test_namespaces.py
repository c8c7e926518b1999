"""Containers: the tracer inside one, and a target inside one named by the number that it has there."""

import subprocess
import sys

import pytest

from pyxhon.trace.reader import open_trace
from tests.kernel.commands import PYXHON
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
FAR_PID = 3_000_000  # no process of the host has such a number


def events_of(trace, name):
    with open_trace(trace) as reader:
        pids = {row.id: row.pid for row in reader.processes()}
        return [(event.arguments[0], pids[event.process]) for event in reader.events() if event.name == name]


def test_a_tracer_inside_a_container_sees_the_numbers_of_the_container(tmp_path):
    trace = tmp_path / "t.pyxhon"
    command = [*PYXHON, "run", "-q", "-o", trace, "--report", tmp_path / "r", "--"]
    program = [sys.executable, PROGRAMS / "in_a_container.py"]

    done = subprocess.run([*CONTAINER, *command, *program], input=b"go\n", capture_output=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    [(said, seen)] = events_of(trace, "container.act")
    [(child_said, child_seen)] = events_of(trace, "container.child")
    assert said == seen
    assert child_said == child_seen != said


@pytest.fixture
def contained():
    """Start a program in a PID namespace; it does not know its number outside."""
    program = f"echo {FAR_PID} > /proc/sys/kernel/ns_last_pid; {sys.executable} {PROGRAMS / 'in_a_container.py'}; true"
    with subprocess.Popen(
        [*CONTAINER, "sh", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_target_is_found_by_the_number_that_it_has_in_its_container(contained, tmp_path):
    inner = int(contained.stdout.readline().split()[1])
    trace = tmp_path / "t.pyxhon"
    command = [*PYXHON, "attach", str(inner), "--duration", "2", "-q", "-o", trace, "--report", tmp_path / "r"]

    with subprocess.Popen(command) as tracer:
        while tracer.poll() is None:
            contained.stdin.write("go\n")
            contained.stdin.flush()
            assert contained.stdout.readline() == "done\n"

    assert tracer.returncode == 0
    assert inner > FAR_PID
    with open_trace(trace) as reader:
        [attached] = [row for row in reader.processes() if row.origin == "attach"]
    assert attached.namespace_pid == inner != attached.pid
    assert {said for said, _ in events_of(trace, "container.act")} == {inner}
