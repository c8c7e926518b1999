"""What doctor tells of Python functions."""

import dataclasses
from types import SimpleNamespace

import pytest

from pyxhon.cpython.entry_sites import EntrySite, EntrySites
from pyxhon.cpython.layout import load_layout
from pyxhon.doctor import functions

RUNTIME = SimpleNamespace(executable="/usr/bin/python3.11", version=(3, 11, 2))
RESUME = EntrySite("entry_resume", 151, 0x10, 0x20, is_emulated=True, is_joined=False)
QUICK = EntrySite("entry_resume_quick", 150, 0x30, 0x40, is_emulated=False, is_joined=False)
EVAL = EntrySite("entry_eval", None, 0x10, 0x20, is_emulated=True, is_joined=False)


@pytest.fixture(autouse=True)
def calibrated(monkeypatch):
    known = set()
    monkeypatch.setattr(functions, "is_calibrated", lambda image, _sites: image in known)
    return known


def findings(version, sites, runtime=RUNTIME, image="image"):
    found = functions.examine_functions(image, runtime, load_layout(version), sites)
    return {finding.name: finding for finding in found}


def test_sites_of_both_are_told():
    found = findings("3.11.2", EntrySites((RESUME, QUICK), ()))

    assert found["functions seen"].detail == "entry_resume 0x20 (emulated); first executions only"
    assert found["functions counted"].detail == (
        "entry_resume 0x20 (emulated), entry_resume_quick 0x40 (single-stepped); "
        "not calibrated yet: --calls count and --function do it"
    )
    assert all(finding.is_ok for finding in found.values())


def test_what_was_proven_before_is_calibrated(calibrated):
    calibrated.add("image")

    assert findings("3.11.2", EntrySites((RESUME,), ()))["functions counted"].detail.endswith("; calibrated")


def test_a_version_that_keeps_resume_can_only_count():
    runtime = SimpleNamespace(executable="/usr/bin/python3.10", version=(3, 10, 13))

    found = findings("3.10.13", EntrySites((EVAL,), ()), runtime)

    assert not found["functions seen"].is_ok
    assert found["functions seen"].remedy == "use --calls count"
    assert found["functions counted"].is_ok


def test_without_sites_the_reason_is_told():
    found = findings("3.11.2", EntrySites((), ("calls: no dispatch table was found",)))

    assert [(finding.is_ok, finding.detail) for finding in found.values()] == [
        (False, "calls: no dispatch table was found")
    ]


def test_a_program_with_cpython_built_in_is_not_counted():
    runtime = SimpleNamespace(executable="/usr/bin/uwsgi", version=(3, 11, 2))

    found = findings("3.11.2", EntrySites((RESUME,), ()), runtime)

    assert found["functions seen"].is_ok
    assert not found["functions counted"].is_ok
    assert "has CPython built in" in found["functions counted"].detail


def test_nothing_of_it_keeps_from_tracing():
    cases = [EntrySites((), ()), EntrySites((RESUME,), ()), EntrySites((dataclasses.replace(EVAL),), ())]

    assert not any(each.is_required for sites in cases for each in findings("3.10.13", sites).values())
