"""A program that is run again and again: its runs are counted together, and what differs in one of them is told."""

import json
from collections import Counter

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing_program, unbalanced, unexplained_losses
from tests.targets import PROGRAMS
from tests.unit.dossier.builds import build

pytestmark = pytest.mark.usefixtures("needs_bpf")

_PROGRAM = "runs_programs.py"
_SINGLE_RUNS = 16
_FIRST, _COUNT, _PRELOADED = 20, 80, 3
_TOGETHER = "; what earlier runs of it did is counted with them"
_OPENS = (
    "#include <fcntl.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
    '__attribute__((constructor)) static void look(void) { close(open(getenv("OPENED"), O_RDONLY)); }'
)


@pytest.fixture
def record(tmp_path):
    """Give a function that traces the program and gives the trace, the files it opened and the DLL preloaded."""
    file, other = tmp_path / "file", tmp_path / "other"
    for each in (file, other):
        each.write_text("a")
    dll = build(tmp_path, "opens", _OPENS)
    trace = tmp_path / "t.pyxhon"

    def run(python, *options):
        with tracing_program(trace, python, [_PROGRAM, file, other, dll, _FIRST, _COUNT], *options) as traced:
            traced.tell()
            traced.wait_until(lambda reader: len(_runs(reader)) == _FIRST)  # by then the callers' places are learnt
            traced.tell()
            status, _, complained = traced.finish()
        assert (status, complained) == (0, "")
        return trace, str(file), str(other), str(dll)

    return run


def _runs(reader):
    return [row for row in reader.processes() if row.executable.endswith("/cat") and row.exit_code is not None]


def _lines():
    lines = (PROGRAMS / _PROGRAM).read_text().splitlines()
    return {line.rpartition("# ")[2]: number for number, line in enumerate(lines, 1) if "**quiet)  # " in line}


@every_python(min=(3, 8))
def test_runs_of_a_program_are_counted_together_line_by_line(python, record):
    trace, file, other, dll = record(python)

    behaviours = json.loads(pyxhon("report", trace, "--format", "json").stdout)["behaviours"]
    opened = [row for row in behaviours if row["name"] == "openat" and row["args"].get("path") == file]
    counts, rows, preloaded = Counter(), Counter(), Counter()
    for row in opened:
        if row["native_stack"][1]["object"] == dll:
            preloaded[row["object"], row["location"]["line"]] += row["count"]
        else:
            counts[row["location"]["line"]] += row["count"]
            rows[row["location"]["line"]] += 1
    lines = _lines()
    assert counts == {lines["here"]: _COUNT, lines["there"]: _COUNT}
    assert preloaded == {(dll, lines["there"]): _PRELOADED}
    assert rows[lines["here"]] <= _FIRST + _SINGLE_RUNS + 4
    assert rows[lines["there"]] <= _SINGLE_RUNS + 4 + _PRELOADED
    [odd] = [row for row in behaviours if row["name"] == "openat" and row["args"].get("path") == other]
    assert (odd["count"], odd["result"]) == (1, 3)


@every_python(min=(3, 8))
def test_every_run_has_its_process_and_nothing_is_lost(python, record):
    trace, *_ = record(python)

    with open_trace(trace) as reader:
        runs = _runs(reader)
        assert [row.exit_code for row in runs] == [0] * (2 * _COUNT + 1)
        together = [row for row in runs if row.coverage["syscalls"].endswith(_TOGETHER)]
        assert len(together) >= 2 * _COUNT - _FIRST - 2 * _SINGLE_RUNS
        assert unbalanced(reader) == []
        assert unexplained_losses(reader, python) == []


@every_python(min=(3, 12), max=(3, 12))
def test_without_counting_every_run_is_told_whole(python, record):
    trace, file, *_ = record(python, "--no-aggregate")

    with open_trace(trace) as reader:
        opened = [row for row in reader.events() if row.name == "openat" and row.arguments.get("path") == file]
        assert [row.count for row in opened] == [1] * (2 * _COUNT + _PRELOADED)
        assert not [row for row in reader.processes() if row.coverage["syscalls"].endswith(_TOGETHER)]
        assert unbalanced(reader) == []
