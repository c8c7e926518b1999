"""Where a JIT is on, coverage says that counts are lower bounds."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from pyxhon.cpython.jit import Jit
from pyxhon.lower_bounds import describe_doubt

ON = "lower bounds: a JIT is on"


@dataclass
class _Interpreter:
    jit: Jit | None


@pytest.mark.parametrize(
    ("jit", "value", "expected"),
    [
        (None, "1", ""),
        (Jit(is_default=False), "1", ON),
        (Jit(is_default=False), None, ""),
        (Jit(is_default=True), None, ON),
        (Jit(is_default=True), "0", ""),
        (Jit(is_default=None), None, "lower bounds where its JIT is on, which is not known"),
    ],
)
def test_the_environment_of_the_process_decides(jit, value, expected):
    environment = {"PATH": "/usr/bin"} | ({} if value is None else {"PYTHON_JIT": value})
    command, pipe = [sys.executable, "-c", "print(flush=True); input()"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as target:
        target.stdout.readline()  # only now is its environment certain to be there
        try:
            assert describe_doubt(_Interpreter(jit), target.pid, ["python3"]) == expected
        finally:
            target.communicate(b"\n")


def test_a_process_that_is_gone_has_our_environment(monkeypatch):
    monkeypatch.setattr(os, "environ", {"PYTHON_JIT": "1"})

    assert describe_doubt(_Interpreter(Jit(is_default=False)), 2**22 + 1, ["python3"]) == ON


def test_what_runs_no_python_has_no_doubt():
    assert describe_doubt(None, os.getpid(), []) == ""
