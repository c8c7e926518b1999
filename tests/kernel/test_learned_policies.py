"""A policy learned from one run accepts the next, which names much otherwise, and flags what was planted in it."""

import json
import shutil

import pytest

from tests.interpreters import find_interpreters
from tests.kernel.commands import pyxhon
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

PROGRAM = "does_its_work.py"
# The newest: what is learned does not depend on the interpreter.
PYTHON = next(
    (each for each in reversed(find_interpreters()) if each.root == "/" and each.version[:2] == (3, 12)), None
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the program lies, a trace of it, and the policy learned from that."""
    if PYTHON is None:
        pytest.skip("no CPython 3.12")
    folder = tmp_path_factory.mktemp("learned")
    shutil.copy(PROGRAMS / PROGRAM, folder)
    done = pyxhon("record", "-q", "-o", folder / "first.pyxhon", "--", PYTHON.path, folder / PROGRAM)
    assert done.returncode == 0, done.stderr
    learned = pyxhon("policy", "learn", folder / "first.pyxhon", "-o", folder / "p.yaml")
    assert learned.returncode == 0, learned.stderr
    return folder


def run(folder, name, *arguments):
    """Run it live under the policy; give the status and the report."""
    options = ["--policy", folder / "p.yaml", "-o", folder / f"{name}.pyxhon", "--format", "json"]
    command = [*options, "--report", folder / f"{name}.json", "--", PYTHON.path, folder / PROGRAM, *arguments]
    done = pyxhon("run", *command)
    return done.returncode, json.loads((folder / f"{name}.json").read_bytes())


def violations(report):
    return [
        (row["package"], row["name"], str(row["args"])) for row in report["behaviours"] if row["verdict"] == "violation"
    ]


def test_the_trace_that_it_was_learned_from_is_accepted(folder):
    done = pyxhon("report", folder / "first.pyxhon", "--policy", folder / "p.yaml", "--format", "json")

    report = json.loads(done.stdout)
    assert violations(report) == []
    assert {row["verdict"] for row in report["behaviours"]} == {"allowed"}
    assert {row["suggestion"] for row in report["packages"]} == {"Accept"}


def test_another_run_is_accepted(folder):
    status, report = run(folder, "second")

    assert violations(report) == []
    assert status in {0, 4}


def test_what_was_planted_is_a_violation_and_nothing_else(folder):
    status, report = run(folder, "third", "file", "command")

    assert status == 3
    found = violations(report)
    assert {package for package, _, _ in found} == {"application"}
    assert any(name == "open" and "/etc/shells" in args for _, name, args in found)
    assert any("/bin/true" in args for _, _, args in found)
    assert {row["location"]["function"] for row in report["behaviours"] if row["verdict"] == "violation"} == {"plant"}


def test_live_the_trace_offline_and_the_report_tell_the_same_verdicts(folder):
    _, live = run(folder, "fourth", "file")
    done = pyxhon("report", folder / "fourth.pyxhon", "--policy", folder / "p.yaml", "--format", "json")

    offline = json.loads(done.stdout)
    assert told(live) == told(offline)
    assert [(row["name"], row["suggestion"]) for row in live["packages"]] == [
        (row["name"], row["suggestion"]) for row in offline["packages"]
    ]
    assert ("application", "CodeReview") in [(row["name"], row["suggestion"]) for row in offline["packages"]]


def told(report):
    return sorted(
        (row["id"], row["pid"], row["level"], row["verdict"], row["rule"] or "") for row in report["behaviours"]
    )
