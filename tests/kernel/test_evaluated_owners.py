"""For every evaluated package the report names the owners that an audit hook inside the process finds."""

import importlib
import json
import subprocess
import sys

import pytest

from pyxhon.policy.parse import load_categories
from tests.interpreters import CHECKOUT

_FOLDER = CHECKOUT / "scripts/evaluation"
_HOOK = CHECKOUT / "tests/programs/audit_log"


def _load(name):
    sys.path.insert(0, str(_FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(_FOLDER))


_CASES = _load("evaluated_packages").CASES


@pytest.mark.full
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.slug)
def test_the_report_has_the_owners_that_a_hook_inside_finds(needs_bpf, tmp_path, case):
    environments, oracle = _load("environments"), _load("owner_oracle")
    python = environments.make_environment(case)
    log, report = tmp_path / "audit.log", tmp_path / "report.json"
    tracing = [sys.executable, "-m", "pyxhon", "run", "-q", "--exit-code", "command", "--interpreter", python]
    traced = ["/usr/bin/env", f"PYTHONPATH={_HOOK}", python, case.exercise]

    subprocess.run(
        [*tracing, "--format", "json", "--report", report, "--", *traced],
        env=environments.clean_environment() | {"AUDIT_LOG": str(log)},
        cwd=CHECKOUT,
        check=True,
        timeout=300,
    )

    events = oracle.known_events(load_categories())
    theirs, initialising = oracle.owned_by_hook(
        log, events, next(python.parent.parent.glob("lib/python3*/site-packages"))
    )
    told = json.loads(report.read_text())
    ours = {one for one in oracle.owned_by_report(told, events) if _HOOK.as_posix() not in one.file}
    # What a DLL does by calling Python's functions is the DLL's: the hook only sees who called the DLL.
    by_dll = {each["package"] for each in told["behaviours"] if each["kind"] == "audit" and each["object"]}
    missing, extra = theirs - ours, ours - theirs - initialising
    assert {one.package for one in extra} <= by_dll
    assert {(one.event, one.file, one.line) for one in extra} == {(one.event, one.file, one.line) for one in missing}
