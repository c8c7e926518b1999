"""DLLs that hide: every act they plant is in the report once, with the right DLL, level, Python line and count."""

import functools
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interpreters import Interpreter, find_interpreters
from tests.kernel.commands import pyxhon
from tests.kernel.native_programs import (
    STATUS,
    Planted,
    Technique,
    build,
    list_techniques,
    not_done,
    run_under_strace,
)
from tests.kernel.native_report import disagreements

_SYSTEM = "/usr/bin/python3"


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the hostile DLLs once."""
    return build(tmp_path_factory.mktemp("libraries"))


def _pythons() -> Iterator[object]:
    """Give the static interpreter of the distribution and one with a shared libpython; the others with --full."""
    own = [one for one in find_interpreters() if one.root == "/" and (3, 8) <= one.version[:2] <= (3, 14)]
    static = [one for one in own if one.path.startswith(_SYSTEM)]
    shared = [one for one in own if "/.pyenv/" in one.path]
    chosen = [*static[:1], *[one for one in shared if one.version[:2] == (3, 12)][:1]]
    for one in own:
        yield pytest.param(one, id=one.name, marks=[] if one in chosen else [pytest.mark.full])


_every = pytest.mark.parametrize("python", list(_pythons()))
_technique = pytest.mark.parametrize("name", list_techniques())


@_technique
def test_what_is_planted_really_happens(name, libraries, tmp_path):
    python = next(one for one in find_interpreters() if one.path.startswith(_SYSTEM))
    technique = Technique(name, libraries, tmp_path / "run")

    status, said, lines = run_under_strace(technique, python)

    assert status == STATUS, said
    assert said.endswith(f"has done {name}\n")
    assert list(not_done(technique.planted(), lines)) == []


@_every
@_technique
@pytest.mark.usefixtures("needs_bpf")
def test_each_planted_act_is_reported_once_and_blamed_rightly(name, python, runs):
    run = runs(name, python)

    assert disagreements(run.planted, run.report) == []


@_every
@_technique
@pytest.mark.usefixtures("needs_bpf")
def test_every_act_of_a_hostile_program_is_accounted_for(name, python, runs):
    run = runs(name, python)

    counters = run.report["counters"]
    assert [row for row in counters if row["seen"] != row["stored"] + row["repeated"] + row["lost"]] == []
    assert {"unaccounted", "malformed", "unknown_process"} & set(run.report["losses"]) == set()


@_every
@_technique
@pytest.mark.usefixtures("needs_bpf")
def test_a_hostile_program_does_under_the_tracer_what_it_does_alone(name, python, runs, libraries, tmp_path):
    alone = Technique(name, libraries, tmp_path / "alone").command(python)

    bare = subprocess.run(alone, capture_output=True, check=False, timeout=60)

    run = runs(name, python)
    assert (run.status, run.said) == (bare.returncode, bare.stdout)


@_every
@pytest.mark.usefixtures("needs_bpf")
def test_an_act_amid_200000_others_is_found_and_all_are_counted(python, libraries, tmp_path):
    run = _traced(Technique("flood", libraries, tmp_path / "run", size=200_000), python)

    assert disagreements(run.planted, run.report) == []
    assert set(run.report["losses"]) <= {"python_stack_truncated"}


@dataclass(frozen=True)
class _Run:
    """One technique under the tracer: what it planted, said and exited with, and what the tracer reports."""

    planted: list[Planted]
    said: bytes
    status: int
    report: dict[str, object]


@pytest.fixture(scope="session")
def runs(libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Interpreter], _Run]:
    """Give what runs a technique under the tracer, once for all tests."""

    @functools.cache
    def run(name: str, python: Interpreter) -> _Run:
        return _traced(Technique(name, libraries, tmp_path_factory.mktemp(name) / "run"), python)

    return run


def _traced(technique: Technique, python: Interpreter) -> _Run:
    report, trace = technique.folder.parent / "report.json", technique.folder.parent / "trace.pyxhon"
    options = ("-q", "--exit-code", "command", "--format", "json", "--report", report, "-o", trace)
    done = pyxhon("run", *options, "--", *technique.command(python))
    assert not done.stderr, done.stderr.decode()
    return _Run(technique.planted(), done.stdout, done.returncode, json.loads(report.read_text()))
