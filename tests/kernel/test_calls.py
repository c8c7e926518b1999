"""Entries of Python functions as the kernel counts them, against what the interpreter or the functions count."""

import ast
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.trace.reader import TraceReader, open_trace
from tests.interpreters import Interpreter, every_python, find_interpreters
from tests.kernel.called import Entered, different, read_entered, sums
from tests.kernel.traced import attaching, tracing_program, unexplained_losses
from tests.targets import running

pytestmark = pytest.mark.usefixtures("needs_bpf")

_EVERY_KIND = "calls_of_every_kind.py"
_KNOWN = "calls_in_known_numbers.py"
_PARTS = ("structure", "threads", "recursion", "tools", "reuse", "interpreters", "children")
_COUNT = ("--calls", "count", "--syscalls", "off", "--buffer", "64M")
_TESTED = (
    "test.test_textwrap", "test.test_json.test_decode", "test.test_json.test_scanstring", "test.test_json.test_indent",
    "test.test_json.test_dump", "test.test_json.test_pass1", "test.test_json.test_float",
)  # fmt: skip
_LIBRARY = ("/json/", "/textwrap.py", "/test/test_json/", "/test/test_textwrap.py")


def _trace(python: Interpreter, trace: Path, *arguments: object) -> str:
    """Count what a program enters from its beginning to its end; gives what it said after "ready"."""
    with tracing_program(trace, python, list(arguments), *_COUNT) as traced:
        traced.tell()
        status, said, complained = traced.finish()
    assert status == 0, complained
    with open_trace(trace) as reader:
        assert unexplained_losses(reader, python) == []
        assert _coverage(reader) == {"calibrated: every entry counted"}
    return said


def _coverage(reader: TraceReader) -> set[str]:
    return {row.coverage["calls"].partition(", ")[2] for row in reader.processes() if row.interpreter}


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory):
    """Run the workload once for each interpreter; gives what was traced and what its oracle counted."""

    @functools.cache
    def run(python: Interpreter) -> tuple[list[Entered], dict[str, list[int]]]:
        folder = tmp_path_factory.mktemp("every-kind")
        _trace(python, folder / "t.pyxhon", _EVERY_KIND, folder / "oracle", "late")
        return _compared(folder)

    return run


def _compared(folder: Path) -> tuple[list[Entered], dict[str, list[int]]]:
    with open_trace(folder / "t.pyxhon") as reader:
        entered = [one for one in read_entered(reader, _EVERY_KIND) if not _is_outside(one)]
    return entered, json.loads((folder / "oracle").read_text())


def _is_outside(one: Entered) -> bool:
    """Tell what is entered before the oracle is there or after it is gone, and what is part of the oracle."""
    is_file = one.file.endswith(".py") and one.name == "<module>"
    is_oracle = one.name in ("note", "on_start", "on_resume", "on_call")
    return is_file or is_oracle or (one.caller in ("<module>", "main") and str(one.caller_file).endswith(".py"))


def _is_traced(python: Interpreter, caller: str) -> bool:
    """Tell whether what is called by this one is sure to be seen: the first moments in another root are not."""
    return python.root == "/" or caller not in ("None", "<module>")


def _by_place(python: Interpreter, entered: list[Entered]) -> dict[str, list[int]]:
    is_qualified = python.version >= (3, 11)
    return sums(entered, lambda one: f"{one.name if is_qualified else one.last_name}:{one.line}")


@every_python()
def test_every_function_s_starts_and_resumptions_are_those_that_the_interpreter_tells(python, every_kind):
    entered, oracle = every_kind(python)

    assert different(oracle, _by_place(python, entered)) == {}
    assert sum(map(sum, oracle.values())) > 20_000
    assert len(oracle) > 50


@pytest.fixture(scope="module")
def known_numbers(tmp_path_factory):
    """Run all parts of the program once for each interpreter; gives what was traced and what it told."""

    @functools.cache
    def run(python: Interpreter) -> tuple[list[Entered], dict]:
        folder = tmp_path_factory.mktemp("known-numbers")
        _trace(python, folder / "t.pyxhon", _KNOWN, folder / "told", "late", *_PARTS)
        return _known(folder)

    return run


def _known(folder: Path) -> tuple[list[Entered], dict]:
    with open_trace(folder / "t.pyxhon") as reader:
        return read_entered(reader, _KNOWN, "<string>", "<script>"), json.loads((folder / "told").read_text())


def _wrong(known: tuple[list[Entered], dict], *names: str) -> dict:
    entered, told = known
    expected = {name: counts for name, counts in told["functions"].items() if name.startswith(names)}
    assert expected, names
    found = sums(entered, lambda one: one.last_name)
    return different(expected, {name: found.get(name, [0, 0]) for name in expected})


@every_python()
def test_each_function_is_counted_by_who_called_it(python, known_numbers):
    entered, told = known_numbers(python)
    main = [one for one in entered if one.file.endswith(_KNOWN) and one.pid == entered[0].pid]

    edges = sums(main, lambda one: one.edge)

    expected = {edge: counts for edge, counts in told["edges"].items() if _is_traced(python, edge.partition(" < ")[2])}
    assert different(expected, {edge: edges.get(edge) for edge in expected}) == {}
    assert len(expected) > 5
    assert _wrong((main, told), "leaf", "pausing") == {}


@every_python()
def test_eight_threads_are_counted_apart(python, known_numbers):
    entered, told = known_numbers(python)

    threads = sums([one for one in entered if one.last_name == "working"], lambda one: str(one.tid))

    assert different({tid: [starts, 0] for tid, starts in told["by_thread"].items()}, threads) == {}
    assert len(threads) == 8


@every_python(min=(3, 11))
def test_from_3_11_on_a_recursion_counts_every_entry_but_the_one_that_is_refused(python, known_numbers):
    _, told = known_numbers(python)

    assert told["refused"] == 5
    assert _wrong(known_numbers(python), "recursing") == {}


@every_python(max=(3, 10))
def test_up_to_3_10_the_entry_that_is_refused_for_its_depth_counts_too(python, known_numbers):
    entered, told = known_numbers(python)
    counted, _ = told["functions"]["recursing"]

    [starts, _] = sums(entered, lambda one: one.last_name)["recursing"]

    assert starts == counted + told["refused"] == counted + 5


@every_python()
def test_counts_stay_exact_while_tracing_profiling_and_monitoring_are_switched(python, known_numbers):
    assert _wrong(known_numbers(python), "watched", "switching_within", "watched_pausing") == {}


@every_python()
def test_functions_made_again_and_again_at_the_same_addresses_are_told_apart(python, known_numbers):
    assert _wrong(known_numbers(python), "made_") == {}


@pytest.mark.full
@pytest.mark.parametrize("part", ["generations", "crowd"])
@every_python()
def test_ever_so_many_functions_at_ever_so_many_addresses_are_told_apart(python, part, tmp_path):
    _trace(python, tmp_path / "t.pyxhon", _KNOWN, tmp_path / "told", "late", part)

    assert _wrong(_known(tmp_path), "made_") == {}


@every_python()
def test_functions_of_other_interpreters_in_the_process_are_counted(python, known_numbers):
    assert _wrong(known_numbers(python), "in_another") == {}


@every_python()
def test_children_by_fork_and_by_exec_are_counted_by_process(python, known_numbers):
    entered, told = known_numbers(python)

    processes = sums([one for one in entered if one.last_name == "forking"], lambda one: str(one.pid))

    assert different({pid: [starts, 0] for pid, starts in told["by_process"].items()}, processes) == {}
    assert len(processes) == 3


@every_python()
def test_a_running_process_is_counted_from_when_it_is_attached_to(python, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with running(python, _KNOWN, tmp_path / "told", "late", "structure", "threads") as target:
        with attaching(trace, target.pid, *_COUNT):
            target.tell()
            assert target.hear() == "done"

        known = _known(tmp_path)

    entered, told = known
    before = ("main < <module>", "<module> < None")
    edges = sums(entered, lambda one: one.edge)
    assert different({edge: told["edges"][edge] for edge in told["edges"] if edge not in before},
                     {edge: edges.get(edge) for edge in told["edges"]}) == {}  # fmt: skip
    assert _wrong(known, "leaf", "pausing") == {}


def _some(chosen: Callable[[Interpreter], bool], always: Callable[[Interpreter], bool]) -> pytest.MarkDecorator:
    """Run a test on the interpreters chosen; each takes its time, so that most are left to --full."""
    return pytest.mark.parametrize(
        "python",
        [
            pytest.param(one, id=one.name, marks=() if always(one) else pytest.mark.full)
            for one in find_interpreters()
            if one.version >= (3, 8) and chosen(one)
        ],
    )


def _has_tests(python: Interpreter) -> bool:
    """Tell whether it comes with the standard library's own tests; Debian's do without."""
    return _test_folder(python).is_dir()


def _test_folder(python: Interpreter) -> Path:
    version = ".".join(map(str, python.version[:2]))
    return Path(python.root, python.path.lstrip("/")).parent.parent / f"lib/python{version}/test/test_json"


@_some(_has_tests, always=lambda python: python.version[:2] in ((3, 10), (3, 13)))
def test_functions_and_callers_of_a_library_s_test_run_are_those_that_the_interpreter_tells(python, tmp_path):
    said = _trace(python, tmp_path / "t.pyxhon", "counts_a_library.py", tmp_path / "oracle", *_TESTED)

    oracle: dict[tuple, list[int]] = {}
    for line in (tmp_path / "oracle").read_text().splitlines():
        *place, starts, resumptions = ast.literal_eval(line)
        before = oracle.get(tuple(place), [0, 0])  # a caller may be one of several comprehensions
        oracle[tuple(place)] = [before[0] + starts, before[1] + resumptions]
    with open_trace(tmp_path / "t.pyxhon") as reader:
        entered = read_entered(reader, *_LIBRARY)
    if python.version < (3, 11):  # any() gives one of its generators up: sys.setprofile takes that for a resumption
        entered = [one for one in entered if one.edge != "<genexpr> < _handle_long_word"]
        oracle = {
            place: oracle[place] for place in oracle if place[1] != "<genexpr>" or place[4] != "_handle_long_word"
        }
    assert different(oracle, sums(entered, lambda one: _place(python, one))) == {}
    assert int(said.split()[0]) > 100  # tests
    assert len({place[:3] for place in oracle}) > 100


def _place(python: Interpreter, one: Entered) -> tuple[str, str, int, str | None, str | None]:
    """Give a call as the oracle does: up to 3.10 code objects have only the last part of the name."""
    if python.version >= (3, 11):
        return one.file, one.name, one.line, one.caller_file, one.caller
    caller = one.caller and one.caller.rpartition(".")[2]
    return one.file, one.last_name, one.line, one.caller_file, caller


@_some(lambda python: python.root == "/", always=lambda python: python.version[:2] in ((3, 8), (3, 13)))
def test_a_stripped_copy_gives_the_same_counts(python, tmp_path, monkeypatch):
    stripped = _strip(python, tmp_path, monkeypatch)

    _trace(stripped, tmp_path / "t.pyxhon", _EVERY_KIND, tmp_path / "oracle", "late")

    entered, oracle = _compared(tmp_path)
    assert different(oracle, _by_place(python, entered)) == {}
    with open_trace(tmp_path / "t.pyxhon") as reader:
        [interpreter] = [row.interpreter for row in reader.processes() if row.interpreter]
    assert interpreter["stripped"]
    assert interpreter["path"].startswith(str(tmp_path))


def _strip(python: Interpreter, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Interpreter:
    """Copy an interpreter, and its library where it has one, without their symbols."""
    runtime = find_runtime_in_file(("" if python.root == "/" else python.root) + python.path)
    home = Path(os.path.realpath(python.path)).parent.parent
    program = folder / f"python{python.version[0]}.{python.version[1]}"
    shutil.copy(os.path.realpath(python.path), program)
    files = [program]
    if runtime.linkage == "shared":
        files.append(Path(shutil.copy(runtime.file_path, folder / Path(runtime.path).name)))
        monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    subprocess.run(["strip", "--strip-all", *map(str, files)], check=True)
    monkeypatch.setenv("PYTHONHOME", str(home))
    return Interpreter(str(program), python.version)


@every_python(min=(3, 11), but=(3, 12))
def test_functions_seen_are_those_with_a_count_and_their_first_callers_are_callers(python, tmp_path):
    files = {}
    for mode in ("seen", "count"):
        trace = tmp_path / f"{mode}.pyxhon"
        arguments = [_EVERY_KIND, tmp_path / "oracle", "none", "late"]
        with tracing_program(trace, python, arguments, "--calls", mode) as traced:
            traced.tell()
            assert traced.finish()[0] == 0
        with open_trace(trace) as reader:
            assert unexplained_losses(reader, python) == []
            files[mode] = [one for one in read_entered(reader, _EVERY_KIND) if _is_traced(python, str(one.caller))]

    counted = {(one.file, one.name, one.line) for one in files["count"] if one.starts or one.resumptions}
    callers = {(one.file, one.name, one.line, one.caller_file, one.caller) for one in files["count"]}
    assert {(one.file, one.name, one.line) for one in files["seen"]} == counted
    assert {(one.file, one.name, one.line, one.caller_file, one.caller) for one in files["seen"]} <= callers
    assert {one.starts for one in files["seen"]} == {None}
    assert len(counted) > 50


@every_python(min=(3, 12), max=(3, 12))
def test_on_3_12_functions_are_not_seen_unless_counted_and_coverage_says_why(python, tmp_path):
    arguments = [_KNOWN, tmp_path / "told.json", "late"]
    with tracing_program(tmp_path / "t.pyxhon", python, arguments, "--calls", "seen") as traced:
        traced.tell()
        traced.finish()

    with open_trace(tmp_path / "t.pyxhon") as reader:
        [coverage] = [row.coverage["calls"] for row in reader.processes() if row.interpreter]
        assert coverage.startswith("unavailable: CPython 3.12 does not replace RESUME")
        assert list(reader.calls()) == []
