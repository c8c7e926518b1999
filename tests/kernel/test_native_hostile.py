"""DLLs that hide: every act they plant is in the report once, with the right DLL, level, Python line and count."""

import functools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interpreters import Interpreter, find_interpreters
from tests.kernel.commands import pyxhon
from tests.kernel.native_programs import (
    STATUS,
    Program,
    build,
    list_techniques,
    not_done,
    run_under_strace,
)
from tests.kernel.native_report import disagreements


def _find_pythons() -> list[Interpreter]:
    """Give the static interpreter of the distribution first, then one with a shared libpython, then the others."""
    own = [one for one in find_interpreters() if one.root == "/" and (3, 8) <= one.version[:2] <= (3, 14)]
    return sorted(own, key=lambda one: (not one.path.startswith("/usr/bin/"), one.version[:2] != (3, 12)))


_PYTHONS = _find_pythons()
_Run = tuple[Program, dict[str, object]]

_every = pytest.mark.parametrize(
    "python",
    [pytest.param(one, id=one.name, marks=[pytest.mark.full] * (at > 1)) for at, one in enumerate(_PYTHONS)],
)
_chosen = pytest.mark.parametrize("python", [pytest.param(one, id=one.name) for one in _PYTHONS[:2]])
_MODULES = list_techniques()
_technique = pytest.mark.parametrize("name", [name for names in _MODULES.values() for name in names])
_module = pytest.mark.parametrize("module", list(_MODULES))


@_technique
def test_what_is_planted_really_happens(name, libraries, tmp_path):
    program = Program(libraries, tmp_path, (name,))

    status, said, lines = run_under_strace(program, _PYTHONS[0])

    assert status == STATUS, said
    assert said.endswith(f"has done {name}\n")
    assert list(not_done(program.planted(name), lines)) == []


@_every
@_technique
@pytest.mark.usefixtures("needs_bpf")
def test_each_planted_act_is_reported_once_and_blamed_rightly(name, python, runs):
    program, report = runs(python, _module_of(name))

    assert disagreements(program.planted(name), report) == []


@_every
@_technique
@pytest.mark.usefixtures("needs_bpf")
def test_a_hostile_program_does_under_the_tracer_what_it_does_alone(name, python, runs, libraries, tmp_path):
    alone = Program(libraries, tmp_path, (name,)).command(python)

    bare = subprocess.run(alone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)

    program, _ = runs(python, _module_of(name))
    assert program.said(name) == bare.stdout + b"%d" % bare.returncode


@_every
@_module
@pytest.mark.usefixtures("needs_bpf")
def test_every_act_of_hostile_programs_is_accounted_for(module, python, runs):
    _, report = runs(python, module)

    counters = report["counters"]
    assert [row for row in counters if row["seen"] != row["stored"] + row["repeated"] + row["lost"]] == []
    lost = {reason for reason in report["losses"] if not reason.startswith("code_")}  # it is copied where there is room
    assert lost <= {"python_stack_truncated", "native_stack_truncated"}


@_chosen
@_technique
@pytest.mark.full
@pytest.mark.usefixtures("needs_bpf")
def test_a_technique_by_itself_is_reported_as_among_others(name, python, libraries, tmp_path):
    program = Program(libraries, tmp_path, (name,))

    report = _traced(program, python)

    assert disagreements(program.planted(name), report) == []


@_every
@pytest.mark.usefixtures("needs_bpf")
def test_an_act_amid_200000_others_is_found_and_all_are_counted(python, libraries, tmp_path):
    program = Program(libraries, tmp_path, ("flood",), size=200_000)

    report = _traced(program, python)

    assert disagreements(program.planted("flood"), report) == []
    assert set(report["losses"]) <= {"python_stack_truncated", "native_stack_truncated"}


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the hostile DLLs once."""
    return build(tmp_path_factory.mktemp("libraries"))


@pytest.fixture(scope="session")
def runs(libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Interpreter, str], _Run]:
    """Give what runs a module's techniques on an interpreter under one tracer, once for all tests."""

    @functools.cache
    def run(python: Interpreter, module: str) -> _Run:
        program = Program(libraries, tmp_path_factory.mktemp(module), _MODULES[module])
        return program, _traced(program, python)

    return run


def _module_of(technique: str) -> str:
    return next(name for name, names in _MODULES.items() if technique in names)


def _traced(program: Program, python: Interpreter) -> dict[str, object]:
    report, trace = program.folder / "report.json", program.folder / "trace.pyxhon"
    options = ("-q", "--buffer", "64M", "--exit-code", "command", "--format", "json", "--report", report, "-o", trace)
    done = pyxhon("run", *options, "--", *program.command(python))
    assert (done.returncode, done.stderr.decode()) == (STATUS, "")
    return json.loads(report.read_text())
