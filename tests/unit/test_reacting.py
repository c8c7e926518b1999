"""Violations are answered, once, to the process that did them; nothing else is."""

import os
import signal
import subprocess
import time

import pytest

from pyxhon.join import Joiner, join
from pyxhon.reacting import Reactions
from pyxhon.reporting import find_ordered, judge_joined
from pyxhon.rules import load_rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import open_trace
from tests.unit.report.recording import APP, HTTP, Recording, add_process

DENIED = "packages: {requests: {functions: {deny: [os.system]}}}\n"
ORDERED = """sequences:
  - {name: s, steps: [{name: os.listdir}, {name: os.system}, {name: os.listdir}]}
"""


class Running:
    """A trace of a process that runs, and the reactions to it."""

    def __init__(self, folder, pid, policy, action):
        self.pid = pid
        self.recording = Recording(folder / "t.pyxhon")
        self.process = add_process(self.recording.store, pid, os.getpid())
        self.stack = self.recording.stack((HTTP, "get", 59), (APP, "main", 12))
        (folder / "p.yaml").write_text(f"version: 1\n{policy}")
        self.rules = load_rules(TraceOptions(policy_paths=(str(folder / "p.yaml"),), on_violation=action))
        self.recording.store.commit(is_forced=True)
        self._last = 0

    def open(self, reader):
        self.reader = reader
        self.joiner = Joiner(reader, self.rules.tables)
        self.reactions = Reactions(self.rules.action, reader, self.rules)

    def act(self, name, **changes):
        """Do one act now, and let it be seen and answered."""
        now = time.monotonic_ns()
        values = {"process": self.process, "first_ns": now, "last_ns": now} | changes
        self.recording.add(name, [{"bytes": "ls"}], self.stack, **values)
        return self.look()

    def see(self):
        """Let what was done be seen."""
        self.recording.store.commit(is_forced=True)
        rows = list(self.reader.events(self._last))
        self._last = rows[-1].id if rows else self._last
        joined = self.joiner.join(rows)
        self.reactions.watch(joined, judge_joined(joined, self.rules, self.reader))

    def look(self):
        self.see()
        done = self.reactions.react(is_last=False)
        for _ in range(2):
            time.sleep(0.25)  # it rests between two looks, and looks twice
            done = done or self.reactions.react(is_last=False)
        return done


@pytest.fixture
def target():
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def running(tmp_path, target):
    opened = []

    def run(policy, action="kill", pid=None):
        found = Running(tmp_path, pid or target.pid, policy, action)
        reader = open_trace(tmp_path / "t.pyxhon")
        opened.append((reader, found))
        found.open(reader.__enter__())
        return found

    yield run
    for reader, found in opened:
        reader.__exit__(None, None, None)
        found.recording.close()


def test_a_violation_kills_the_process_once(running, target):
    run = running(DENIED)

    (row,) = run.act("os.system")

    assert (row.action, row.pid, row.by, row.outcome, row.package) == ("kill", target.pid, "pyxhon", "sent", "requests")
    assert target.wait() == -signal.SIGKILL
    assert run.act("os.system", python_stack=None) == []


def test_what_is_allowed_is_not_answered(running, target):
    run = running(DENIED)

    assert run.act("os.listdir") == []
    assert run.act("os.system", python_stack=run.recording.stack((APP, "main", 12))) == []
    assert target.poll() is None


def test_what_is_no_violation_at_the_second_look_is_not_answered(running, target):
    run = running(DENIED)
    event = run.recording.add("os.system", [{"bytes": "ls"}], run.stack, process=run.process)
    run.see()
    assert run.reactions.react(is_last=False) == []

    run.recording.store._execute("UPDATE event SET name = 'os.listdir' WHERE id = ?", (event,))

    assert run.look() == []
    assert run.reactions.react(is_last=True) == []
    assert target.poll() is None


def test_at_the_end_it_is_answered_at_once(running, target):
    run = running(DENIED)
    now = time.monotonic_ns()
    run.recording.add("os.system", [{"bytes": "ls"}], run.stack, process=run.process, first_ns=now, last_ns=now)
    run.see()

    assert [row.outcome for row in run.reactions.react(is_last=True)] == ["sent"]
    assert target.wait() == -signal.SIGKILL


def test_a_stop_ends_tracing(running):
    run = running(DENIED, "stop")
    assert not run.reactions.is_over

    assert [row.action for row in run.act("os.system")] == ["stop"]

    assert run.reactions.is_over


def test_a_process_that_ended_is_told_and_ends_nothing(running, target):
    run = running(DENIED, "stop")
    run.reactions.is_traced = lambda _pid: False

    (row,) = run.act("os.system")

    assert row.outcome == "it had ended"
    assert not run.reactions.is_over
    assert target.poll() is None


def test_another_process_with_that_number_is_let_be(running, target):
    run = running(DENIED)
    before_ns = time.monotonic_ns() - 3600 * 10**9

    (row,) = run.act("os.system", first_ns=before_ns, last_ns=before_ns)

    assert row.outcome == "another process has its number since"
    assert target.poll() is None


def test_what_the_kernel_answered_is_not_answered_again(running, target):
    run = running(DENIED)
    run.reactions.sent = lambda: frozenset({"os.system"})
    target.kill()
    target.wait()

    (row,) = run.act("os.system")

    assert (row.by, row.outcome) == ("kernel", "sent")


def test_a_sequence_is_answered_when_it_is_complete(running, target):
    run = running(ORDERED)

    assert run.act("os.listdir") == []
    assert run.act("os.system") == []
    (row,) = run.act("os.listdir", python_stack=run.recording.stack((HTTP, "put", 60), (APP, "main", 12)))

    assert (row.sequence, row.behaviour, row.outcome) == ("s", None, "sent")
    assert target.wait() == -signal.SIGKILL


def test_a_repeat_that_the_kernel_counted_completes_a_sequence(running, target):
    run = running(ORDERED)
    first = time.monotonic_ns()
    run.act("os.listdir", first_ns=first, last_ns=first)
    assert run.act("os.system") == []

    event = next(iter(run.reader.events()))
    run.recording.store._execute(
        "UPDATE event SET count = 2, last_ns = ? WHERE id = ?", (time.monotonic_ns(), event.id)
    )

    assert [row.sequence for row in run.look()] == ["s"]


def test_a_sequence_that_is_not_certain_is_for_the_report_alone(running, target):
    run = running(ORDERED.replace("s, ", "s, within: 10ms, ", 1))
    now = time.monotonic_ns()

    assert run.act("os.system", first_ns=now, last_ns=now) == []
    assert run.act("os.listdir", first_ns=now - 10**9, last_ns=now + 10**9, count=9) == []

    (found,) = find_ordered(join(run.reader, None, run.rules.tables), run.rules, run.reader)
    assert not found.is_certain
    assert run.act("os.chdir") == []
    assert target.poll() is None
