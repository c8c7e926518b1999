"""`pyxhon top` on a real terminal: tmux's."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT
from tests.kernel.commands import eventually, pyxhon, refusal

pytestmark = pytest.mark.usefixtures("needs_bpf")

TARGET = """
import os, socket, time
while True:
    socket.socket().close()
    os.listdir("/")
    time.sleep(0.02)
"""
POLICY = "version: 1\npackages:\n  application:\n    allow: F\n"


@pytest.fixture
def target(tmp_path):
    program = tmp_path / "busy.py"
    program.write_text(TARGET)
    with subprocess.Popen([sys.executable, program]) as process:
        yield process
        process.kill()


@pytest.fixture
def terminal(tmp_path):
    """A terminal of 80 columns and 24 lines."""
    server = ["tmux", "-S", tmp_path / "tmux", "-f", "/dev/null"]

    def tmux(*words):
        return subprocess.run([*server, *words], capture_output=True, text=True, timeout=60, check=True).stdout

    tmux("new-session", "-d", "-x", "80", "-y", "24", "sh")
    yield tmux
    tmux("kill-server")


def screen_of(terminal):
    return terminal("capture-pane", "-p")


def test_top_shows_what_a_process_does_and_leaves_it_alone(target, terminal, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    words = ["top", target.pid, "--policy", tmp_path / "policy.yaml", "-o", tmp_path / "t.pyxhon"]
    command = shlex.join(["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "pyxhon", *map(str, words)])
    terminal("send-keys", f"clear; {command}; echo status=$?", "Enter")

    eventually(lambda: "violation: application: socket.__new__" in screen_of(terminal))
    eventually(lambda: re.search(r"^application +1 +1 +- .* [1-9]\d* +[1-9]\d*$", screen_of(terminal), re.MULTILINE))
    eventually(lambda: re.search(r"^System calls: .*socket \d", screen_of(terminal), re.MULTILINE))
    first = screen_of(terminal)
    eventually(lambda: screen_of(terminal).split("\n")[:5] != first.split("\n")[:5])
    terminal("send-keys", "q")
    eventually(lambda: "status=0" in screen_of(terminal))

    assert first.startswith(f"pyxhon top: pid {target.pid}, ")
    after = screen_of(terminal)
    assert re.search(r"^pyxhon: .* 1 violation, 0 lost$", after, re.MULTILINE), after
    assert "q quits" not in after
    assert target.poll() is None
    terminal("send-keys", "echo typed words", "Enter")  # the terminal shows again what is typed
    eventually(lambda: screen_of(terminal).count("typed words") == 2)
    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert "socket.__new__" in {row.name for row in reader.events()}


def test_top_without_a_terminal_says_so():
    assert "needs a terminal" in refusal(pyxhon("top", os.getpid()))
