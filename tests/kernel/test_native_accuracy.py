"""The native layer against `strace -f -k` and an audit hook in the process: real packages, the same run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interpreters import CHECKOUT

pytestmark = pytest.mark.usefixtures("needs_bpf")

_SCRIPTS = CHECKOUT / "scripts"
_SAME_OBJECT = 0.98


def _measure(command):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def _check(measured):
    details = json.dumps(measured["details"], indent=1)
    assert measured["events"] > 40, details
    assert measured["missed"] == measured["missed_when_counted"] == measured["respelled"] == 0, details
    assert measured["explained"] == 0, details


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """numpy and requests, from the demo's environment."""
    made = subprocess.run([_SCRIPTS / "make_demo_environment"], stdout=subprocess.PIPE, text=True, check=True)
    program = str(_SCRIPTS / "native_accuracy/measure.py")
    python = str(Path(made.stdout.strip()) / "bin/python")
    folder = str(tmp_path_factory.mktemp("accuracy"))
    return _measure([sys.executable, program, "--python", python, "--folder", folder, "numpy", "requests"])


@pytest.mark.parametrize("index, package", [(0, "numpy"), (1, "requests")])
def test_no_call_is_missed_and_none_falsely_invisible(short, index, package):
    assert short[index]["package"] == package
    _check(short[index])


def test_the_same_object_is_responsible(short):
    same = sum(one["same"] for one in short)
    compared = same + sum(one["different"] for one in short)

    assert same >= _SAME_OBJECT * compared, [one["details"]["different"] for one in short]
    assert sum(one["ours"] for one in short) == 0, [one["details"]["different"] for one in short]


@pytest.mark.full
def test_every_package_agrees_with_strace():
    names = sorted(path.stem.removeprefix("use_") for path in (CHECKOUT / "tests/programs/packages").glob("use_*.py"))
    measured = _measure([_SCRIPTS / "native_accuracy/run", *names])

    for one in measured:
        _check(one)
    same = sum(one["same"] for one in measured)
    assert same >= _SAME_OBJECT * (same + sum(one["different"] for one in measured))
