"""A signal reaches the process that acted, and nobody else who may have its number."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pyxhon.target.signalling import ANOTHER, ENDED, ITSELF, SENT, is_down, is_stopped, send_signal

NOBODY = int(Path("/proc/sys/kernel/pid_max").read_text())


@pytest.fixture
def process():
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


def until(is_so):
    deadline = time.monotonic() + 20
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def test_a_process_is_killed(process):
    assert send_signal(process.pid, signal.SIGKILL, time.monotonic_ns()) == SENT
    assert process.wait() == -signal.SIGKILL


def test_a_process_is_stopped_and_that_is_seen(process):
    assert not is_down(process.pid)

    assert send_signal(process.pid, signal.SIGSTOP, time.monotonic_ns()) == SENT

    assert until(lambda: is_stopped(process.pid))
    assert is_down(process.pid)


def test_one_that_began_after_the_act_is_another(process):
    acted_ns = time.monotonic_ns() - 60 * 10**9

    assert send_signal(process.pid, signal.SIGKILL, acted_ns) == ANOTHER
    assert process.poll() is None


def test_one_that_has_ended_gets_none():
    with subprocess.Popen(["/bin/true"]) as process:
        assert until(lambda: is_down(process.pid))  # it waits for us to take note of its end
        assert send_signal(process.pid, signal.SIGKILL, time.monotonic_ns()) == ENDED
        process.wait()
        assert send_signal(process.pid, signal.SIGKILL, time.monotonic_ns()) == ENDED

    assert send_signal(NOBODY, signal.SIGKILL, time.monotonic_ns()) == ENDED
    assert is_down(NOBODY)
    assert not is_stopped(NOBODY)


def test_we_never_signal_ourselves():
    assert send_signal(os.getpid(), signal.SIGKILL, time.monotonic_ns()) == ITSELF
