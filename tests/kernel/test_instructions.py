"""--instructions tells of each executed instruction, in order, as the interpreter itself does in another run."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

PROGRAM = PROGRAMS / "executes_instructions.py"
OWN = {"on_event", "see", "told", "main", "run", "<module>"}
# How frames begin, and how loops over generators end: tracing in the process does not tell of it, or does not come by.
UNTOLD = {"RESUME", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "END_FOR", "NOT_TAKEN"}
IMPORTS = {
    "IMPORT_NAME", "IMPORT_FROM", "IMPORT_STAR", "LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "PRECALL", "CALL",
    "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_FUNCTION_EX", "CALL_METHOD",
}  # fmt: skip
COLUMNS = (
    "SELECT tid, qualified_name, first_line, instruction, name FROM bytecode_flow JOIN code ON code.id = code "
    "JOIN opcode ON opcode.id = opcode WHERE file IN (?, '<string>') ORDER BY tid, time_ns, bytecode_flow.id"
)


def trace_instructions(trace, command, *options, is_waiting=False):
    with tracing(trace, command, "--calls", "off", "--syscalls", "off", *options) as traced:
        if is_waiting:
            assert traced.hear() == "ready"
            traced.wait_until(lambda reader: any(row.interpreter for row in reader.processes()))
            traced.tell()
        status, said, complained = traced.finish()
    assert status == 0, (said, complained)


def read_instructions(trace):
    """Give (function, offset, opcode) of the program's own functions, by thread."""
    found = {}
    database = sqlite3.connect(f"file:{trace}?mode=ro", uri=True)
    for tid, name, line, offset, opcode in database.execute(COLUMNS, (str(PROGRAM),)):
        function = name.rpartition(".")[2]
        if function not in OWN:
            found.setdefault(tid, []).append((f"{function}:{line}", offset, opcode))
    return found


def is_ours(python):
    return python.root == "/" and Path(python.path).samefile(sys.executable)


def assert_refused(python, trace):
    """All would be probed in pyxhon, too, which runs by the same file."""
    trace_instructions(trace, python.command("-S", "-c", ""), "--instructions", "all")

    with open_trace(trace) as reader:
        [coverage] = [row.coverage["calls"] for row in reader.processes() if row.interpreter]
    assert coverage.startswith("instructions unavailable: PyXhon runs on the same interpreter")


def without_untold(rows, untold):
    return [row for row in rows if row[:2] not in untold]


def untold_places(rows):
    """Give what an oracle cannot tell of, with what follows a generator's beginning and the end of a loop over it."""
    ends = {(function, offset + 2) for function, offset, opcode in rows if opcode in {"RETURN_GENERATOR", "END_FOR"}}
    begins = {function: offset for function, offset, opcode in rows if opcode == "RETURN_GENERATOR"}
    return {
        (function, offset)
        for function, offset, opcode in rows
        if opcode in UNTOLD or offset < begins.get(function, 0) or (opcode == "POP_TOP" and (function, offset) in ends)
    }


@pytest.fixture
def runs(python, tmp_path):
    """What was traced by its options, and what the interpreter told of another run, by the number of the thread."""

    def run(*options):
        trace, plain, oracle = (tmp_path / name for name in ("trace.pyxhon", "plain.json", "oracle.json"))
        options = (*options, "--buffer", "128M")  # on a busy machine they come much faster than they are written
        trace_instructions(trace, python.command(PROGRAM, plain, "plain"), *options, is_waiting=True)
        subprocess.run(
            python.command(PROGRAM, oracle, "oracle"), check=True, timeout=60, input=b"go\n", stdout=subprocess.DEVNULL
        )
        with open_trace(trace) as reader:
            assert [row for row in reader.losses() if row.signal == "instruction"] == []
            assert all(row.seen == row.stored for row in reader.counters() if row.signal == "instruction")
        threads = {index: tid for index, (tid, _) in json.loads(plain.read_text()).items()}
        told = {index: [tuple(row) for row in rows] for index, (_, rows) in json.loads(oracle.read_text()).items()}
        found = read_instructions(trace)
        return {index: found[tid] for index, tid in threads.items()}, told

    return run


@every_python(max=(3, 15))
def test_all_instructions_are_those_that_the_interpreter_tells_in_their_order(python, runs, tmp_path):
    if is_ours(python):
        assert_refused(python, tmp_path / "trace.pyxhon")
        return

    found, told = runs(
        "--instructions", "all", "--instructions-package", "__main__", "--instructions-package", "<string>"
    )

    for index, rows in found.items():
        untold = untold_places(rows)
        assert without_untold(rows, untold) == [
            row for row in without_untold(told[index], untold) if row[2] not in UNTOLD
        ]
    assert sum(map(len, told.values())) > 20_000


@every_python(min=(3, 12), max=(3, 15))
def test_code_that_is_monitored_by_its_own_process_is_told_the_same(python, tmp_path):
    trace, oracle = tmp_path / "trace.pyxhon", tmp_path / "oracle.json"
    options = ("--instructions", "all", "--instructions-package", "__main__", "--instructions-package", "<string>")
    command = python.command(PROGRAM, oracle, "oracle", "short")

    trace_instructions(trace, command, *options, "--buffer", "256M", is_waiting=True)

    found = read_instructions(trace)
    for tid, rows in json.loads(oracle.read_text()).values():
        told, untold = [tuple(row) for row in rows], untold_places(found[tid])
        told = [row for row in without_untold(told, untold) if row[2] not in UNTOLD]
        assert without_untold(found[tid], untold) == told


@every_python(max=(3, 15))
def test_imports_calls_and_loads_are_those_among_them(runs):
    found, told = runs("--instructions", "imports")

    names = IMPORTS - ({"CALL"} if any(row[2] == "PRECALL" for row in told["0"]) else set())
    for index, rows in found.items():
        assert rows == [row for row in told[index] if row[2] in names]


@every_python(min=(3, 12), max=(3, 12))
def test_instructions_of_other_packages_are_left_out(python, tmp_path):
    trace = tmp_path / "trace.pyxhon"
    command = python.command("-c", "import json, shlex; json.dumps([1]); shlex.split('a b')")

    trace_instructions(trace, command, "--instructions", "all", "--instructions-package", "json")

    files = "SELECT DISTINCT file FROM bytecode_flow JOIN code ON code.id = code"
    found = [file for (file,) in sqlite3.connect(trace).execute(files)]
    assert found
    assert all("/json/" in file for file in found)


@every_python(min=(3, 12), max=(3, 12))
def test_no_more_are_kept_than_asked_for(python, tmp_path):
    trace = tmp_path / "trace.pyxhon"
    command = python.command("-c", "for number in range(100_000): str(number)")

    trace_instructions(trace, command, "--instructions", "all", "--max-events", "5000")

    assert sqlite3.connect(trace).execute("SELECT count(*) FROM bytecode_flow").fetchone() == (5000,)


@every_python(min=(3, 12), max=(3, 12))
def test_what_the_ring_could_not_hold_is_counted(python, tmp_path):
    trace, first = tmp_path / "trace.pyxhon", tmp_path / "first.pyxhon"
    command = python.command("-c", "def f(n):\n for i in range(n): j = i\nf(30_000)")
    trace_instructions(first, python.command("-c", ""), "--instructions", "all")  # calibrates with a ring of its size

    trace_instructions(trace, command, "--instructions", "all", "--buffer", "16K")

    stored = sqlite3.connect(trace).execute("SELECT count(*) FROM bytecode_flow").fetchone()[0]
    with open_trace(trace) as reader:
        lost = sum(row.count for row in reader.losses() if row.signal == "instruction")
        [counter] = [row for row in reader.counters() if row.signal == "instruction"]
    assert lost >= counter.lost > 0
    assert counter.seen == counter.stored + counter.lost
    assert stored + lost >= 30_000 * 4
