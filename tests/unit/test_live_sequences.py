"""Sequences against the policy are told once, from batches of acts."""

import dataclasses

import pytest

from pyxhon import live_sequences
from pyxhon.join import Joined
from pyxhon.live_sequences import SequenceWatch
from pyxhon.rules import load_rules
from pyxhon.session_options import TraceOptions
from tests.unit.policy.behaviours import act, opened

POLICY = """version: 1
sequences:
  - name: key then network
    steps: [{category: file, match: {read: ["**/.ssh/*"]}}, {category: network}]
"""


class Reader:
    """A trace of no process that has a row."""

    def processes(self):
        return []


@pytest.fixture
def watch(tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    return SequenceWatch(Reader(), load_rules(TraceOptions(policy_paths=(str(tmp_path / "p.yaml"),))))


def at(time_ns, behaviour, last_ns=None):
    return dataclasses.replace(behaviour, first_ns=time_ns, last_ns=last_ns or time_ns, count=1 + bool(last_ns))


def found(watch, *behaviours, is_last=False):
    watch.take(Joined(behaviours, ()))
    watch._due_s = 0.0
    return [each.watched.rule.name for each in watch.find(is_last=is_last)]


READ = opened("/root/.ssh/id_rsa")
CONNECT = act("socket.connect", address="93.184.216.34:443")


def test_steps_of_different_batches_are_one_sequence_that_is_told_once(watch):
    assert found(watch, at(1, READ)) == []
    assert found(watch, at(2, opened("/etc/hosts"))) == []
    assert found(watch, at(3, CONNECT)) == ["key then network"]
    assert found(watch, at(4, READ), at(5, CONNECT)) == []
    assert found(watch, is_last=True) == []


def test_steps_in_another_order_are_none(watch):
    assert found(watch, at(1, CONNECT)) == []
    assert found(watch, at(2, READ), is_last=True) == []


def test_each_package_is_told_of(watch):
    other = {"owner": "requests"}

    assert found(watch, at(1, READ), at(2, CONNECT)) == ["key then network"]
    assert found(watch, at(3, opened("/root/.ssh/id_rsa", **other)), at(4, act("socket.connect", **other))) == [
        "key then network"
    ]


def test_what_is_not_certain_waits_for_the_end(watch):
    doubtful = dataclasses.replace(opened(".ssh/id_rsa"), is_truncated=True)

    assert found(watch, at(1, doubtful), at(2, CONNECT)) == []
    assert found(watch, is_last=True) == ["key then network"]


def test_acts_are_bounded_and_that_is_known(watch, monkeypatch):
    monkeypatch.setattr(live_sequences, "_MOST_ACTS", 2)
    keys = [at(number, opened(f"/root/.ssh/{number}")) for number in range(3)]

    assert found(watch, *keys) == []

    assert watch.is_cut
    assert len(watch._acts) == 2
