"""Processes and threads in the trace: who began whom, which program, how it ended; and that none is lost."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pyxhon.trace.reader import TraceReader, open_trace
from pyxhon.trace.rows import ProcessRow
from tests.interpreters import Interpreter, every_python, find_interpreters
from tests.kernel.traced import tracing_program, unexplained_losses
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

_CHILDREN = 300


@every_python(min=(3, 8))
def test_300_children_that_end_at_once_are_all_resolved(python, tmp_path):
    trace = tmp_path / "short.pyxhon"

    with tracing_program(trace, python, ["short_lives.py"]) as traced:
        traced.tell()
        status, said, complained = traced.finish()

    assert status == 0, complained
    program = PROGRAMS / "short_lives.py"
    expected = Counter(
        (pid, number % 7, *_life(program, number), (str(program), "<module>", _line_of(program, "    live(")))
        for number, pid in enumerate(json.loads(said))
    )
    assert expected.total() == _CHILDREN
    with open_trace(trace) as reader:
        assert _lives(reader) == expected
        assert unexplained_losses(reader, python) == []


def _life(program: Path, number: int) -> tuple[str, int, tuple[str, str, int]]:
    if number % 2:
        return "own.life", number, (str(program), "live", _line_of(program, "sys.audit("))
    return "os.truncate", number, (str(program), "live", _line_of(program, "os.truncate("))


def _lives(reader: TraceReader) -> Counter[tuple[object, ...]]:
    children = {row.id: row for row in reader.processes() if row.origin == "fork"}
    lives: Counter[tuple[object, ...]] = Counter()
    for row in reader.events():
        if row.process in children and row.name in ("own.life", "os.truncate"):
            child = children[row.process]
            frames = ((frame.file, frame.function, frame.line) for frame in reader.stack(row.python_stack))
            lives[(child.pid, child.exit_code, row.name, row.arguments[-1], *frames)] += row.count
    return lives


def _line_of(program: Path, text: str) -> int:
    [line] = [number for number, line in enumerate(program.read_text().splitlines(), 1) if text in line]
    return line


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """Trace tests/programs/process_life.py; give the trace, the interpreters, and what the program said."""
    python, other = _two_interpreters()
    trace = tmp_path_factory.mktemp("life") / "life.pyxhon"
    with tracing_program(trace, python, ["process_life.py", other.path]) as traced:
        traced.tell()
        assert traced.hear() == "other is ready"
        traced.wait_until(lambda reader: _version_of(other) in {_version(row) for row in reader.processes()})
        traced.tell()
        status, said, complained = traced.finish()
    assert status == 0, complained
    with open_trace(trace) as reader:
        yield reader, python, other, json.loads(said)


def _two_interpreters() -> tuple[Interpreter, Interpreter]:
    found = [one for one in find_interpreters() if one.version >= (3, 8) and one.root == "/"]
    other = next((one for one in found if one.version[:2] != found[-1].version[:2]), None)
    return found[-1], other or found[-1]


def _version_of(python: Interpreter) -> str:
    return ".".join(map(str, python.version))


def _version(row: ProcessRow) -> str | None:
    return row.interpreter and row.interpreter["version"]


def _rows_of(life, child: str) -> list[ProcessRow]:
    reader, _, _, said = life
    return [row for row in reader.processes() if row.pid == said["children"][child]]


@pytest.mark.parametrize(
    "child, exit_code",
    [("exits with 0", 0), ("exits with 3", 3), ("is killed", 137), ("is terminated", 143), ("has a child", 2)],
)
def test_a_forked_child_has_its_parent_and_its_exit_code(life, child, exit_code):
    [row] = _rows_of(life, child)

    assert (row.origin, row.parent_pid, row.exit_code) == ("fork", life[3]["own"], exit_code)
    assert row.parent == _own(life).id
    assert row.started_ns < row.ended_ns
    assert _version(row) == _version_of(life[1])


def test_a_child_s_child_has_the_child_as_parent(life):
    reader, _, _, _ = life
    [child] = _rows_of(life, "has a child")

    [row] = [row for row in reader.processes() if row.parent == child.id]

    assert (row.origin, row.parent_pid, row.exit_code) == ("fork", child.pid, 1)


def test_a_program_that_is_not_python_is_followed_as_such(life):
    forked, row = _rows_of(life, "runs true")

    assert (forked.origin, forked.exit_code, forked.ended_ns) == ("fork", None, row.started_ns)
    assert (row.origin, row.parent, row.parent_pid) == ("exec", forked.id, life[3]["own"])
    assert (row.arguments, row.interpreter, row.exit_code) == (["true", "and", "arguments"], None, 0)
    assert row.executable.endswith("/true")


def test_another_interpreter_gets_its_own_row_and_its_events(life):
    reader, _, other, _ = life
    row = _rows_of(life, "runs another Python")[-1]

    events = [event for event in reader.events() if event.name == "other.event"]

    assert (row.origin, row.parent_pid, row.exit_code, _version(row)) == ("exec", life[3]["own"], 9, _version_of(other))
    assert [(event.process, event.arguments) for event in events] == [(row.id, [row.pid])]
    frames = [(frame.file, frame.function, frame.line) for frame in reader.stack(events[0].python_stack)]
    assert frames == [("<string>", "raise_event", 6), ("<string>", "<module>", 7)]
    # what it did before it was probed could not be seen
    assert [(loss.process, loss.count) for loss in reader.losses() if loss.reason == "python_untraced"] == [(row.id, 1)]


def test_the_command_itself_ends_with_its_exit_code(life):
    row = _own(life)

    assert (row.origin, row.exit_code) == ("run", 5)
    assert row.arguments[1:] == [str(PROGRAMS / "process_life.py"), life[2].path]


def test_each_thread_has_its_row_with_beginning_and_end(life):
    reader, _, _, said = life

    threads = {row.tid: row for row in reader.threads() if row.process == _own(life).id}

    assert threads.keys() == {said["own"], *said["threads"]}
    assert all(row.started_ns < row.ended_ns for row in threads.values())


def _own(life) -> ProcessRow:
    reader, _, _, said = life
    [row] = [row for row in reader.processes() if row.pid == said["own"]]
    return row
