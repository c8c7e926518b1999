"""--calls-budget keeps what counting costs the target near the budget, and says of which share the counts are."""

import os
import shutil
from pathlib import Path

import pytest

from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.trace.reader import open_trace
from tests.interpreters import Interpreter, every_python
from tests.kernel.traced import attaching
from tests.targets import running

BUDGET = 20
SECONDS = 4


def measure(target):
    target.tell(str(SECONDS))
    average, quiet, calls = map(float, target.hear().split())
    return (average / quiet - 1) * 100, calls


@pytest.fixture
def copied(python, tmp_path, monkeypatch):
    """A copy of the interpreter: nobody else's probes are in it."""
    runtime = find_runtime_in_file(python.path)
    program = Path(
        shutil.copy(os.path.realpath(python.path), tmp_path / f"python{python.version[0]}.{python.version[1]}")
    )
    if runtime.linkage == "shared":
        shutil.copy(runtime.file_path, tmp_path / Path(runtime.path).name)
        monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", str(Path(os.path.realpath(python.path)).parent.parent))
    return Interpreter(str(program), python.version)


@pytest.fixture(params=["fibonacci", "objects"])
def observed(copied, request, tmp_path):
    """Give the extra time in percent, the calls that there were, those counted, and what the trace says of them."""
    trace = tmp_path / "trace.pyxhon"
    with running(copied, "calls_in_slices.py", request.param) as target:
        with attaching(trace, target.pid, "--calls", "count", "--calls-budget", str(BUDGET), "--syscalls", "off"):
            measured = measure(target)
        target.finish()
    with open_trace(trace) as reader:
        counted = sum(row.starts or 0 for row in reader.calls())
        return *measured, counted, reader.meta().get("calls_observed")


@every_python(min=(3, 12), is_own_root=True)
def test_the_extra_time_is_near_the_budget_and_the_counts_are_a_sample(observed):
    extra, calls, counted, sample = observed

    # How near it is to the budget is measured, not tested: counted all the time, it were ten times as slow.
    assert extra < 10 * BUDGET
    assert sample["windows"] >= 5
    assert sample["share"] == pytest.approx(sample["observed_ns"] / sample["total_ns"])
    assert 0 < sample["share"] < 0.5
    assert 0 < counted < calls
