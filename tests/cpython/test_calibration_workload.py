"""The workload of calibration knows its own entries: the interpreter's own account of the same run is equal."""

from collections import Counter

import pytest

from pyxhon.cpython.calibration_run import started_workload
from pyxhon.cpython.runtime import find_runtime
from tests.interpreters import every_python
from tests.targets import running

FEWEST_ENTRIES = 190


@pytest.fixture
def workload(python):
    with running(python, "idle.py") as target, started_workload(find_runtime(target.pid), target.pid) as workload:
        yield workload


@every_python()
def test_it_makes_the_entries_that_it_says(workload):
    expected = workload.run("plain", has_thrown=True)

    assert expected == workload.run_under_oracle()


@every_python()
def test_it_makes_the_same_entries_each_time_and_traced(workload):
    expected = workload.run("plain")

    phases = ("plain", "traced", "untraced", "traced", "untraced")

    assert [workload.run(phase) == expected for phase in phases] == [True] * len(phases)


@every_python()
def test_it_is_rich(workload):
    names = workload.names()

    entries = Counter((names[entry.code], entry.is_resumption) for entry in workload.run("plain"))

    assert sum(entries.values()) >= FEWEST_ENTRIES
    assert sum(count for (_, is_resumption), count in entries.items() if is_resumption) >= FEWEST_ENTRIES // 4
    assert {"deep", "SOURCE", "dying.<lambda>", "ticks", "Meta.__call__", "comprehensions.<genexpr>"} <= {
        name for name, _ in entries
    }


@every_python()
def test_every_function_of_it_is_entered(workload):
    names = workload.names()

    entered = {names[entry.code] for entry in workload.run("plain")}
    entered |= {names[code] for code, _ in workload.see_instructions()}

    ours = ("see_", "trace_", "name_codes", "<")  # what prepares the rest, too
    unused = {name for name in set(names.values()) - entered if not name.startswith(ours)}
    assert {name for name in unused if not name[0].isupper() or "." in name} == set()  # else bodies of classes


@every_python(min=(3, 11))
def test_what_is_thrown_is_no_entry(workload):
    names = workload.names()

    entries = [(names[entry.code], entry.is_resumption) for entry in workload.run("plain")]

    assert entries.count(("nothing", False)) == 6  # in three tasks, twice; others are closed before they start


@every_python()
def test_it_executes_the_same_instructions_each_time(workload):
    workload.execute()

    first, second = workload.see_instructions(), workload.see_instructions()

    assert len(first) > 14_000
    assert first == second
