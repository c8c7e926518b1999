"""The examples of docs/ci.md run as they stand, on a small project."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import yaml

from tests.interpreters import CHECKOUT

pytestmark = pytest.mark.usefixtures("needs_bpf")

WORKFLOW, HOOKS = (
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(.*?)^```", (CHECKOUT / "docs/ci.md").read_text(), re.DOTALL | re.MULTILINE)
)
STEPS = WORKFLOW["jobs"]["trace"]["steps"]
POLICY = "version: 1\npackages:\n  application:\n    allow: F-D-O-B\n"
GOOD = "def price(cents):\n    return f'{cents / 100:.2f}'\n"
BAD = "import socket\n\n\ndef price(cents):\n    socket.socket().close()\n    return f'{cents / 100:.2f}'\n"
TEST = """import sys
import unittest

sys.path.insert(0, "src")
from shop import price


class Prices(unittest.TestCase):
    def test_price(self):
        self.assertEqual(price(150), "1.50")
"""


def make_project(folder, source):
    """A project, and a folder of programs in front of the others: this checkout's pyxhon, and sudo for who is root."""
    for name, text in {"src/shop.py": source, "tests/test_shop.py": TEST, "policy.yaml": POLICY}.items():
        path = folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    programs = folder / "bin"
    programs.mkdir()
    for name, command in {"pyxhon": f"PYTHONPATH={CHECKOUT} exec {sys.executable} -m pyxhon", "sudo": "exec"}.items():
        (programs / name).write_text(f'#!/bin/sh\n{command} "$@"\n')
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    environment.pop("PYTHONPATH", None)
    return folder / "project", environment


def run_steps(folder, source):
    """Run each step that is a script and not the installation, as the runner does; give their statuses by name."""
    project, environment = make_project(folder, source)
    statuses = {}
    for step in STEPS:
        if "run" in step and step["name"] != "Install PyXhon":
            script = folder / "step.sh"
            script.write_text(step["run"])
            is_wanted = not any(statuses.values()) or step.get("if") == "always()"
            if is_wanted:
                shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
                done = subprocess.run(
                    shell, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
                )
                statuses[step["name"]] = done.returncode
                assert "pyxhon: cannot" not in done.stderr, done.stderr
    return project, statuses


def test_the_workflow_shows_what_is_against_the_policy_and_fails(tmp_path):
    project, statuses = run_steps(tmp_path, BAD)

    assert statuses == {"Trace the tests": 0, "Report": 0, "Decide": 3}
    results = json.loads((project / "pyxhon.sarif").read_text())["runs"][0]["results"]
    lines = {
        (place["artifactLocation"]["uri"], place["region"]["startLine"])
        for result in results
        if result["level"] == "error" and result["ruleId"] == "violation/network"
        for place in [result["locations"][0]["physicalLocation"]]
    }
    assert {("src/shop.py", 1), ("src/shop.py", 5)} <= lines
    assert (tmp_path / "summary.md").read_text().startswith("## PyXhon: CodeReview, ")


def test_the_workflow_installs_by_a_script_that_is_there():
    (install,) = (step["run"] for step in STEPS if step.get("name") == "Install PyXhon")
    (checkout,) = (step["with"]["path"] for step in STEPS if "path" in step.get("with", {}))

    program = shlex.split(install)[1]
    assert program.startswith(f"{checkout}/")
    assert os.access(CHECKOUT / program.removeprefix(f"{checkout}/"), os.X_OK)


@pytest.mark.parametrize(
    ("source", "policy", "hook", "status"),
    [
        (BAD, POLICY, "pyxhon", 3),
        (GOOD, POLICY, "pyxhon", 0),
        (GOOD, POLICY, "pyxhon-policy", 0),
        (GOOD, "version: 1\npakages: {}\n", "pyxhon-policy", 1),
    ],
    ids=["against the policy", "within the policy", "valid policy", "invalid policy"],
)
def test_the_hooks_stop_what_they_are_for(tmp_path, source, policy, hook, status):
    project, environment = make_project(tmp_path, source)
    (project / "policy.yaml").write_text(policy)
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(HOOKS))
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=project, env=environment, check=True)
    (stage,) = (each.get("stages", ["pre-commit"])[0] for each in HOOKS["repos"][0]["hooks"] if each["id"] == hook)

    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", hook, "--all-files", "--hook-stage", stage],
        cwd=project, env={**environment, "PRE_COMMIT_HOME": str(tmp_path / "cache")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == (1 if status else 0), done.stdout + done.stderr
    assert not status or f"- exit code: {status}\n" in done.stdout
    assert ("Violations (" in done.stdout) is (source is BAD)
