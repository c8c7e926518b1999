import os
import signal
import subprocess
import sys

import pytest

from pyxhon.errors import TargetError
from pyxhon.launch import Child, stop_signals


def make_child(*command):
    return Child(command[0], command)


def test_a_command_that_was_never_let_go_is_not_run_when_the_tracer_goes(tmp_path):
    child = make_child("/bin/sh", "-c", f"echo > {tmp_path}/made")

    os.close(child._release)  # as the kernel does when we are killed

    assert os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]) == 127
    assert not (tmp_path / "made").exists()
    os.close(child._failure)


def test_a_command_that_was_let_go_is_run(tmp_path):
    child = make_child("/bin/sh", "-c", f"echo > {tmp_path}/made; exit 3")

    child.start()

    assert child.exit_status() == 3
    assert (tmp_path / "made").exists()


def test_a_command_that_the_kernel_does_not_run_is_told(tmp_path):
    child = make_child(str(tmp_path / "none"))

    with pytest.raises(TargetError, match=r"cannot run .*/none: No such file or directory; "):
        child.start()


def test_only_signals_that_are_not_ignored_ask_for_the_end():
    program = """
import os, signal
from pyxhon.launch import stop_signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with stop_signals() as stop:
    os.kill(os.getpid(), signal.SIGHUP)
    print(stop.is_asked, end=' ')
    os.kill(os.getpid(), signal.SIGTERM)
    print(stop.is_asked)
"""

    assert subprocess.check_output([sys.executable, "-c", program], timeout=30) == b"False True\n"


def test_signals_are_as_before_after_a_session():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with stop_signals():
        pass

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
