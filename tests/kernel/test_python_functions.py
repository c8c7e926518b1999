"""Calls of Python functions by name: what the trace says they were given, against what they got."""

import functools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pyxhon.trace.reader import TraceReader, open_trace
from pyxhon.trace.rows import EventRow, LossRow
from tests.interpreters import CHECKOUT, Interpreter, every_python
from tests.kernel.traced import attaching, tracing_program, unbalanced, unexplained_losses
from tests.targets import running

pytestmark = pytest.mark.usefixtures("needs_bpf")

_RECEIVING = ("received", "received_by_cells", "received_plainly")
_NAMES = (
    "keeps_cells", "Kept.*", "paused", "awaited", "<lambda>", "outer", "outer.<locals>.*", "many", "wild_*",
    "overwrites",
)  # fmt: skip
_CALLS = 10_000
# Until it is decided whether a function is wanted by a glob, all its calls are told: as Python starts these are many.
_BUFFER = ("--buffer", "256M")


def _losses(reader: TraceReader, python: Interpreter) -> list[LossRow]:
    """Give those that must not be; the programs that tell calls leave the bytecode to be read from the process."""
    return [row for row in unexplained_losses(reader, python) if row.signal != "code"]


def _options(names: tuple[str, ...]) -> list[str]:
    return [option for name in names for option in ("--function", f"__main__:{name}")]


def _calls(reader: TraceReader) -> list[EventRow]:
    return [row for row in reader.events() if row.kind == "call"]


def _received(python: Interpreter, folder: Path, *options: str) -> tuple[Counter[str], Counter[str], set[int]]:
    """Have functions called with random arguments; gives what they got, what the trace says, and its counts."""
    trace, log = folder / "t.pyxhon", folder / "log"
    options = (*_options(_RECEIVING), "--syscalls", "off", "--calls", "off", *_BUFFER, *options)
    with running(python, "receives_arguments.py", log, _CALLS, 20260) as target:
        with attaching(trace, target.pid, *options):
            target.tell()
            assert target.hear() == "done"
        target.tell()
        assert target.hear() == "written"
    got: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        name, told = json.loads(line)
        got[_written(f"__main__:{name}", told)] += 1
    with open_trace(trace) as reader:
        assert _losses(reader, python) == []
        assert unbalanced(reader) == []
        rows = _calls(reader)
    told: Counter[str] = Counter()
    for row in rows:
        told[_written(row.name, row.arguments["args"])] += row.count
    return got, told, {row.count for row in rows}


def _written(name: str, arguments: dict) -> str:
    return f"{name} {json.dumps(arguments, sort_keys=True)}"


@every_python()
def test_ten_thousand_random_argument_lists_are_told_as_the_functions_got_them(python, tmp_path):
    got, told, _ = _received(python, tmp_path)

    assert list((got - told).items())[:3] == []
    assert list((told - got).items())[:3] == []
    assert got.total() == _CALLS
    assert len(got) > 0.9 * _CALLS


@pytest.mark.full
@every_python()
def test_without_counting_each_random_argument_list_is_told_by_itself(python, tmp_path):
    got, told, counts = _received(python, tmp_path, "--no-aggregate")

    assert got == told
    assert counts == {1}


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """Trace the program once for each interpreter."""

    @functools.cache
    def run(python: Interpreter) -> Path:
        trace = tmp_path_factory.mktemp("functions") / "t.pyxhon"
        with tracing_program(trace, python, ["calls_python_functions.py"], *_options(_NAMES), *_BUFFER) as program:
            program.tell()
            assert program.finish()[0] == 0
        return trace

    return run


def _told(trace: Path, name: str) -> list[tuple[dict, int]]:
    """Give arguments and count of each call that differs, in order; where it was called from makes no difference."""
    counts: Counter[str] = Counter()
    with open_trace(trace) as reader:
        for row in _calls(reader):
            if row.name == f"__main__:{name}":
                counts[json.dumps(row.arguments["args"])] += row.count
    return [(json.loads(text), count) for text, count in counts.items()]


_KEPT, _CLASS = {"type": "Kept"}, {"type": "type"}


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("keeps_cells", [
            ({"first": "one", "second": 2, "key": None, "rest": [3.5, "four"], "named": {"dict": {"x": [True]}}}, 1),
            ({"first": {"bytes": "one"}, "second": None, "key": 1, "rest": [], "named": {"dict": {}}}, 1),
        ]),
        ("Kept.__init__", [
            ({"self": _KEPT, "value": "a value"}, 1),
            ({"self": _KEPT, "value": 1}, 1),
            ({"self": _KEPT, "value": 2}, 1),
        ]),
        ("Kept.method", [({"self": _KEPT, "value": "again", "also": _KEPT}, 3)]),
        ("Kept.of", [({"cls": _CLASS, "value": 1}, 1), ({"cls": _CLASS, "value": 2}, 1)]),
        ("Kept.still", [({"value": "still"}, 1)]),
        ("Kept.shown", [({"self": _KEPT}, 1)]),
        ("Kept.Inner.deep", [({"self": {"type": "Inner"}, "value": [1, {"items": [], "length": 1}]}, 1)]),
        ("outer", [({"value": 7}, 1)]),
        ("outer.<locals>.Made", [({}, 1)]),
        ("outer.<locals>.inner", [({"other": 8}, 1)]),
        ("wild_one", [({"value": 1}, 1), ({"value": 3}, 1), ({"value": 4}, 1)]),
        ("overwrites", [({"value": 1}, 1)]),
        ("awaited", [({"value": "soon"}, 1)]),
        ("unwanted", []),
        ("calls", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@every_python()
def test_a_function_s_calls_are_told_with_its_arguments_by_name(python, name, calls, traced):
    assert _told(traced(python), name) == calls


@every_python()
def test_generators_are_told_when_they_start_and_not_when_they_go_on(python, traced):
    started = [({"limit": 5}, 1), ({"limit": 2}, 1)]  # the third never does

    assert _told(traced(python), "paused") == started


@every_python(min=(3, 11))
def test_a_lambda_is_told_by_its_own_name(python, traced):
    assert _told(traced(python), "<lambda>") == [({"value": "short"}, 1), ({"value": 1}, 1)]


@every_python(max=(3, 10))
def test_a_lambda_is_told_by_its_last_name_where_code_objects_have_no_other(python, traced):
    assert ({"value": "short"}, 1) in _told(traced(python), "….<lambda>")


@every_python()
def test_parameters_beyond_the_twelfth_are_left_out_and_the_call_is_marked(python, traced):
    with open_trace(traced(python)) as reader:
        rows = [row for row in _calls(reader) if row.name == "__main__:many"]

    assert [list(row.arguments["args"]) for row in rows] == [list("abcdefghijkl")] * 2
    assert [row.arguments["args"]["l"] for row in rows] == [[1, 2, 3], 11]
    assert [row.is_truncated for row in rows] == [True, True]


@every_python()
def test_a_forked_child_s_calls_are_its_own(python, traced):
    with open_trace(traced(python)) as reader:
        forked = {row.id for row in reader.processes() if row.origin == "fork"}
        said = {row.arguments["args"]["value"]: row.process in forked for row in _calls(reader) if "two" in row.name}

    assert said == {2: False, "in the child": True, "in the parent": False}


@every_python()
def test_only_functions_that_were_asked_for_are_told_and_nothing_is_lost(python, traced):
    with open_trace(traced(python)) as reader:
        names = {row.name.removeprefix("__main__:") for row in _calls(reader)}
        assert _losses(reader, python) == []
        assert unbalanced(reader) == []

    wanted = ("keeps_cells", "Kept.", "paused", "awaited", "<lambda>", "outer", "many", "wild_", "overwrites")
    assert [name for name in names if not name.startswith((*wanted, "….<"))] == []


@every_python()
def test_a_name_is_found_among_thousands_of_functions_at_the_same_addresses(python, tmp_path):
    batches, size = 40, 500
    options = ("--function", "*:needle", "--syscalls", "off", "--calls", "off", "--buffer", "4M")
    with tracing_program(tmp_path / "t.pyxhon", python, ["many_functions.py", batches, size], *options) as traced:
        traced.tell()
        status, _, complained = traced.finish()
    assert status == 0, complained

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert _losses(reader, python) == []
        calls = {row.arguments["args"]["batch"]: row.count for row in _calls(reader)}
    assert calls == dict.fromkeys(range(batches), 3)


@every_python(is_own_root=True)
def test_a_policy_that_denies_a_python_function_finds_who_calls_it(python, tmp_path):
    policy, program, out = tmp_path / "policy.yaml", tmp_path / "calls.py", tmp_path / "report.json"
    policy.write_text('version: 1\npackages: {application: {functions: {deny: ["__main__:Vault.open"]}}}\n')
    program.write_text(
        "class Vault:\n    def open(self, key):\n        return key\n\ndef act(vault):\n    vault.open('token')\n\n"
        "def look(vault):\n    return vault\n\nact(look(Vault()))\n"
    )

    command = [sys.executable, "-m", "pyxhon", "run", "-q", "--policy", policy]
    command += ["--format", "json", "--report", out, "--"]
    done = subprocess.run([*command, *python.command(program)], cwd=CHECKOUT, capture_output=True, check=False)

    assert done.returncode == 3, done.stderr
    report = json.loads(out.read_text())
    violations = [row for row in report["behaviours"] if row["verdict"] == "violation"]
    assert [(row["kind"], row["name"], row["args"], row["count"]) for row in violations] == [
        ("call", "__main__:Vault.open", {"self": "<Vault>", "key": "token"}, 1)
    ]
    assert (violations[0]["location"]["function"], violations[0]["location"]["line"]) == ("act", 6)
    assert {row["name"]: row["suggestion"] for row in report["packages"]}["application"] == "CodeReview"
