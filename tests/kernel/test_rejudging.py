"""The same verdict from a live run, from its trace and from its JSON report, under the same and other policies."""

import importlib
import json
import shutil
import sys

import pytest

from tests.interpreters import CHECKOUT
from tests.kernel.commands import pyxhon
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

_RESTRICTIVE = """
version: 1
extends: [builtin:sequences]
packages:
  application:
    allow: F-B
    native: deny
    files: {read: [/etc/host*, /usr/**, /dev/null, "/proc/**", "/etc/?osts"], write: ["/tmp/**/??", /dev/null]}
    functions: {deny: [object.__getattr__, "threading.*"]}
    modules: {deny: [ctypes]}
  "*": {allow: D-O-B, syscalls: {deny: [execve]}, reason: nothing else}
sequences:
  - name: hosts then network
    within: 1h
    steps: [{category: file, match: {read: ["/etc/host*"]}}, {category: network}]
"""
_POLICIES = ("mine", "builtin:strict")


def _told(report):
    """Give all that a verdict is, in an order that does not depend on who made the report."""
    behaviours = sorted(
        [row["id"], row["pid"], row["level"], row["category"], row["verdict"], str(row["rule"]), str(why["reason"])]
        for row, why in zip(report["behaviours"], report["details"], strict=True)
    )
    sequences = [[row["name"], row["package"], row["verdict"], row["note"]] for row in report["sequences"]]
    return behaviours, report["packages"], sequences, report["losses"], report["complete"]


def _check_all_ways(folder, command):
    """Trace a program once, and hold the three ways to judge it against each other."""
    mine, trace, live = folder / "mine.yaml", folder / "t.pyxhon", folder / "live.json"
    mine.write_text(_RESTRICTIVE)
    judging = ["--policy", mine, "--format", "json", "--report"]
    done = pyxhon("run", "-q", "-o", trace, *judging, live, "--", *command, cwd=folder)
    assert done.returncode == 3, done.stderr
    first = json.loads(live.read_bytes())
    verdicts = {row["verdict"] for row in first["behaviours"]}
    assert {"allowed", "violation"} <= verdicts
    for name in _POLICIES:
        policy = mine if name == "mine" else name
        reports, statuses = [], []
        for source in (trace, live):
            done = pyxhon("report", source, "--policy", policy, "--format", "json")
            statuses.append(done.returncode)
            reports.append(json.loads(done.stdout))
        assert statuses[0] == statuses[1], name
        assert _told(reports[0]) == _told(reports[1]), name
        if name == "mine":
            assert _told(reports[0]) == _told(first)
    return first


def test_live_from_the_trace_and_from_the_json_report_every_verdict_is_the_same(tmp_path):
    program = tmp_path / "does_of_all_kinds.py"  # away from the checkout, whose files belong to the distribution pyxhon
    shutil.copy(PROGRAMS / "does_of_all_kinds.py", program)
    (tmp_path / "names").mkdir()

    report = _check_all_ways(tmp_path, [sys.executable, program, "names"])

    assert any(row["exact"] for row in report["judging"])
    assert any(row["exact"] for row in (each["judging"] for each in report["uncategorised"])) or any(
        row["name"] == "object.__getattr__" for row in report["behaviours"]
    )
    assert {row["directory"] for row in report["directories"]} >= {str(tmp_path), None}
    assert any(row["name"] == "hosts then network" for row in report["sequences"])


@pytest.mark.full
@pytest.mark.parametrize("package", ["numpy", "requests", "cffi", "psutil"])
def test_of_evaluated_packages_every_verdict_is_the_same(tmp_path, package):
    sys.path.insert(0, str(CHECKOUT / "scripts/evaluation"))
    try:
        cases, environments = (importlib.import_module(name) for name in ("evaluated_packages", "environments"))
    finally:
        sys.path.pop(0)
    (case,) = cases.chosen([package])

    _check_all_ways(tmp_path, [environments.make_environment(case), case.exercise])
