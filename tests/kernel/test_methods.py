"""C functions by name, on real interpreters: each call seen, with what it was given, and counted exactly."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.trace.reader import TraceReader, open_trace
from tests.extension import build_extension
from tests.interpreters import CHECKOUT, Interpreter, every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import attaching, tracing, unbalanced
from tests.targets import PROGRAMS, running

_KINDS = ("noargs", "o", "varargs", "keywords", "fast", "fast_keywords", "report")
_OF_TYPE = ("class_o", "static_o", "instance_fast")
_PYXHON = (sys.executable, "-m", "pyxhon")


def _names(python: Interpreter) -> list[str]:
    methods = (*_OF_TYPE, "method") if python.version >= (3, 9) else _OF_TYPE
    return [f"conventions.{kind}" for kind in _KINDS] + [f"conventions.Thing.{kind}" for kind in methods]


def _options(names: list[str]) -> list[str]:
    return [option for name in names for option in ("--function", name)]


def _calls(reader: TraceReader, name: str) -> list[tuple[object, object, object, int]]:
    """Give self, args, kwargs and count of each call that differs; 3.11 moves the instruction as it specialises it."""
    counts: dict[str, int] = {}
    for row in reader.events():
        if row.kind == "call" and row.name == name:
            key = json.dumps(row.arguments)
            counts[key] = counts.get(key, 0) + row.count
    calls = [(json.loads(key), count) for key, count in counts.items()]
    return [(call["self"], call["args"], call["kwargs"], count) for call, count in calls]


@pytest.fixture(scope="module")
def traced_runs(tmp_path_factory):
    """Trace the program once for each interpreter; gives the trace and what the program counted itself."""
    runs = {}

    def run(python: Interpreter):
        if python not in runs:
            folder = tmp_path_factory.mktemp("extension")
            build_extension(python, folder)
            trace = folder / "t.pyxhon"
            names = [*_names(python), "socket.socket.send", "os.system"]
            program = shutil.copy(PROGRAMS / "c_calls.py", folder)  # its own folder is on sys.path
            with tracing(trace, python.command(program, folder), *_options(names)) as traced:
                assert traced.hear() == "ready"
                traced.tell()
                counted = json.loads(traced.hear())
                assert traced.finish()[0] == 0
            runs[python] = (trace, counted)
        return runs[python]

    return run


@every_python(is_own_root=True)
def test_every_call_is_counted(python, traced_runs):
    trace, counted = traced_runs(python)

    with open_trace(trace) as reader:
        for name in _names(python):
            seen = sum(count for *_, count in _calls(reader, name))
            assert (name, seen) == (name, counted["counts"].get(name.rpartition(".")[2], 1))  # report: once
        assert unbalanced(reader) == []
        assert not [row for row in reader.losses() if row.signal == "call"]


@every_python(is_own_root=True)
def test_arguments_of_each_calling_convention_are_decoded(python, traced_runs):
    trace, _ = traced_runs(python)

    with open_trace(trace) as reader:
        assert _calls(reader, "conventions.noargs") == [(None, [], {}, 3)]
        assert _calls(reader, "conventions.o") == [(None, ["one"], {}, 1), (None, [{"bytes": "two"}], {}, 1)]
        assert _calls(reader, "conventions.varargs") == [(None, [1, "two", 3.5], {}, 1), (None, [], {}, 1)]
        assert _calls(reader, "conventions.keywords") == [
            (None, ["first"], {"second": 2, "third": "3"}, 1),
            (None, ["first"], {}, 1),
        ]
        assert _calls(reader, "conventions.fast") == [
            (None, ["again", None], {}, 1000),
            (None, list(range(10)), {}, 1),
        ]
        assert _calls(reader, "conventions.fast_keywords") == [
            (None, [1, 2], {"three": 3}, 1),
            (None, [], {"four": 4, "five": {"bytes": "5"}}, 1),
        ]


@every_python(is_own_root=True)
def test_methods_tell_whose_they_are(python, traced_runs):
    trace, _ = traced_runs(python)

    with open_trace(trace) as reader:
        assert _calls(reader, "conventions.Thing.class_o") == [({"class": "conventions.Thing"}, ["of a class"], {}, 1)]
        assert _calls(reader, "conventions.Thing.static_o") == [(None, ["of none"], {}, 1)]
        assert _calls(reader, "conventions.Thing.instance_fast") == [
            ({"type": "conventions.Thing"}, [["of an instance"]], {}, 1)
        ]
        if python.version >= (3, 9):
            assert _calls(reader, "conventions.Thing.method") == [
                ({"type": "conventions.Thing"}, ["told"], {"its": "class"}, 1)
            ]


@every_python(is_own_root=True)
def test_more_arguments_than_are_kept_are_marked(python, traced_runs):
    trace, _ = traced_runs(python)

    with open_trace(trace) as reader:
        cut = [row.arguments["args"] for row in reader.events() if row.name == "conventions.fast" and row.is_truncated]

    assert cut == [list(range(10))]


@every_python(is_own_root=True)
def test_send_tells_descriptor_bytes_and_length(python, traced_runs):
    trace, counted = traced_runs(python)
    own = {"type": "socket.socket", "fd": counted["fd"]}

    with open_trace(trace) as reader:
        calls = _calls(reader, "socket.socket.send")

    assert calls == [
        (own, [{"bytes": "hello"}], {}, 5),
        (own, [{"bytes": "x" * 1023, "length": 2000}], {}, 1),
    ]


@every_python(is_own_root=True)
def test_calls_have_the_python_line(python, traced_runs):
    trace, _ = traced_runs(python)
    lines = (PROGRAMS / "c_calls.py").read_text().splitlines()

    with open_trace(trace) as reader:
        for row in reader.events():
            if row.kind == "call" and row.name == "os.system":
                frame = reader.stack(row.python_stack)[0]
                assert (frame.function, 'os.system("true")' in lines[frame.line - 1]) == ("main", True)
                break
        else:
            raise AssertionError("os.system was not seen")


@every_python(is_own_root=True)
def test_a_call_and_its_audit_event_are_one_behaviour(python, traced_runs, tmp_path):
    trace, _ = traced_runs(python)

    report = _report(trace, tmp_path)

    found = [row for row in report["behaviours"] if row["name"] == "os.system"]
    assert [(row["kind"], row["count"]) for row in found] == [("audit", 1)]
    assert {"audit", "call"} <= set(found[0]["signals"])  # and the system call that it makes


@every_python(is_own_root=True)
def test_calls_are_behaviours_of_their_modules_category(python, traced_runs, tmp_path):
    trace, _ = traced_runs(python)

    report = _report(trace, tmp_path)

    sends = [row for row in report["behaviours"] if row["name"] == "socket.socket.send"]
    assert {(row["kind"], row["category"], row["level"], row["package"]) for row in sends} == {
        ("call", "network", "python", "application")
    }
    assert {row["category"] for row in report["behaviours"] if row["name"] == "conventions.o"} == {"dll"}
    coverage = {row["coverage"]["calls"] for row in report["processes"] if row["interpreter"]}
    assert all("socket.socket.send" in words and "conventions.o" in words for words in coverage)


def _report(trace: Path, folder: Path, *options: str) -> dict:
    out = folder / "report.json"
    command = [*_PYXHON, "report", str(trace), "--format", "json", "--report", str(out), *options]
    subprocess.run(command, cwd=CHECKOUT, check=False, capture_output=True)
    return json.loads(out.read_text())


@every_python(is_own_root=True)
def test_a_policy_that_denies_send_finds_it(python, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text('version: 1\npackages: {application: {functions: {deny: ["socket.socket.send"]}}}\n')
    program = tmp_path / "sends.py"
    program.write_text("import socket\nleft, right = socket.socketpair()\nleft.send(b'secret')\n")
    out = tmp_path / "report.json"

    options = ("-q", "--policy", policy, "--format", "json", "--report", out)
    done = pyxhon("run", *options, "--", *python.command(program))

    violations = [row for row in json.loads(out.read_text())["behaviours"] if row["verdict"] == "violation"]
    assert [(row["name"], row["location"]["line"], row["args"]["args"]) for row in violations] == [
        ("socket.socket.send", 3, ["secret"])
    ]
    assert "functions.deny" in violations[0]["rule"]
    assert done.returncode == 3


@every_python(is_own_root=True)
def test_a_running_process_is_searched_for_what_it_has_loaded(python, tmp_path):
    build_extension(python, tmp_path)
    trace = tmp_path / "t.pyxhon"
    names = ["conventions.fast", "socket.socket.send"]

    with running(python, "c_calls.py", tmp_path, "late") as target, attaching(trace, target.pid, *_options(names)):
        target.tell()
        counted = json.loads(target.hear())

    with open_trace(trace) as reader:
        assert sum(count for *_, count in _calls(reader, "conventions.fast")) == counted["counts"]["fast"]
        assert sum(count for *_, count in _calls(reader, "socket.socket.send")) == 6


@every_python(is_own_root=True)
def test_a_module_found_only_when_it_is_loaded_is_probed_then_and_said_to_be_late(python, tmp_path):
    build_extension(python, tmp_path)
    trace = tmp_path / "t.pyxhon"
    policy = tmp_path / "policy.yaml"
    policy.write_text('version: 1\npackages: {"*": {functions: {deny: ["conventions.fast"]}}}\n')
    report = tmp_path / "r.json"
    options = ("--policy", str(policy), "--report", str(report), "--format", "json")

    with tracing(trace, python.command(PROGRAMS / "c_calls.py", tmp_path, "late"), *options) as traced:
        assert traced.hear() == "ready"
        traced.wait_until(lambda reader: any("conventions.fast" in str(row.coverage) for row in reader.processes()))
        traced.tell()
        counted = json.loads(traced.hear())
        assert traced.finish()[0] == 3

    with open_trace(trace) as reader:
        assert sum(count for *_, count in _calls(reader, "conventions.fast")) == counted["counts"]["fast"]
        assert [(row.signal, row.reason) for row in reader.losses() if row.signal == "call"] == [
            ("call", "probed_late")
        ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("socket.socket.sendd", "did you mean socket.socket.send"),
        ("send", "it may be "),
        ("nonsense.of.names", "no such C function"),
        ("nonsense.of.names", "a Python function is written nonsense.of:names"),
        ("a:b:c", "a Python function's name has one colon"),
    ],
)
def test_a_name_that_means_no_function_is_refused(name, words):
    command = [*_PYXHON, "run", "--function", name, "--", "/usr/bin/python3", "-c", "print('ran')"]

    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


@every_python(is_own_root=True)
def test_lies_about_arguments_are_counted_and_hurt_nobody(python, tmp_path):
    build_extension(python, tmp_path)
    program = shutil.copy(PROGRAMS / "hostile_calls.py", tmp_path)
    trace = tmp_path / "t.pyxhon"
    names = [f"conventions.{kind}" for kind in _KINDS[1:-1]]

    with tracing(trace, python.command(program), *_options(names)) as traced:
        assert traced.hear() == "ready"
        traced.tell()
        said = traced.hear()
        assert traced.finish()[0] == 0

    with open_trace(trace) as reader:
        assert sum(count for name in names for *_, count in _calls(reader, name)) == int(said)
        assert (None, ["still here"], {}, 1) in _calls(reader, "conventions.o")
        assert unbalanced(reader) == []


@every_python(is_own_root=True)
def test_a_probe_of_a_function_that_is_overwritten_is_noticed(python, tmp_path):
    with running(python, "restores_a_function.py") as target:
        with attaching(tmp_path / "t.pyxhon", target.pid, "--function", "os.getpid") as traced:
            target.tell()
            assert target.hear() == "done"
            traced.wait_until(lambda reader: any(row.name == "probe overwritten" for row in reader.events()))
        target.tell()

    with open_trace(tmp_path / "t.pyxhon") as reader:
        sites = [row.arguments["site"] for row in reader.events() if row.name == "probe overwritten"]
    assert sites == ["method_noargs"]


def test_nothing_is_left_in_the_code_of_the_target(tmp_path):
    with running(next(iter(_system())), "c_calls.py", _built(tmp_path), "late") as target:
        with attaching(tmp_path / "t.pyxhon", target.pid, "--function", "os.system"):
            pass
        assert Path(f"/proc/{target.pid}").exists()
        target.tell()
        assert json.loads(target.hear())["counts"]["fast"] == 1001


def _system():
    return [Interpreter(os.path.realpath("/usr/bin/python3"), sys.version_info[:3])]


def _built(folder: Path) -> Path:
    build_extension(_system()[0], folder)
    return folder
