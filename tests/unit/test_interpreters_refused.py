"""Interpreters that cannot be traced say so, with the reason."""

import dataclasses
import sys

import pytest

from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.doctor import interpreter as doctor
from pyxhon.entry_probing import EntryProbing
from pyxhon.errors import UnsupportedInterpreterError
from pyxhon.interpreters import Interpreters
from pyxhon.recording import _require_layout


@pytest.fixture
def free_threaded():
    runtime = find_runtime_in_file(sys.executable)
    return dataclasses.replace(runtime, version=(3, 13, 0), is_free_threaded=True)


def test_a_free_threaded_build_is_refused_with_the_reason(free_threaded):
    interpreter = Interpreters(None, entries=EntryProbing(None, "count")).install(free_threaded)

    reason = "unavailable: free-threaded builds such as this 3.13.0 are not supported: their objects lie otherwise"
    assert all(interpreter.coverage[name].startswith(reason) for name in ("audit", "imports", "calls"))
    assert interpreter.describe()["version"] == "3.13.0t"
    with pytest.raises(UnsupportedInterpreterError, match="free-threaded builds such as this"):
        _require_layout(interpreter)


def test_doctor_refuses_a_free_threaded_build(monkeypatch, free_threaded):
    monkeypatch.setattr(doctor, "find_runtime_in_file", lambda _path: free_threaded)

    findings = {each.name: each for each in doctor.examine_file(sys.executable)}

    assert "free-threaded" in findings["interpreter"].detail
    assert (findings["layout"].is_ok, findings["layout"].is_required) == (False, True)
    assert findings["layout"].detail == "none for 3.13.0, free-threaded"
    assert "free-threaded builds are not supported" in findings["layout"].remedy
    assert "functions counted" not in findings
