import io
import re

import pytest

from pyxhon import live
from pyxhon.live import LiveFindings
from pyxhon.rules import load_rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import open_trace
from tests.unit.report.recording import record_service

POLICY = "version: 1\npackages:\n  requests:\n    allow: F\n"


class Terminal(io.StringIO):
    """A terminal, or something that is none."""

    def __init__(self, *, is_terminal):
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal


@pytest.fixture
def trace(tmp_path):
    with open_trace(record_service(tmp_path / "t.pyxhon")) as reader:
        yield reader


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    return str(tmp_path / "policy.yaml")


@pytest.fixture
def shown(monkeypatch, trace):
    def show(*policies, is_terminal=False, batches=None, is_quiet=False, verbosity=0, **how):
        stream = Terminal(is_terminal=is_terminal)
        monkeypatch.setattr("sys.stderr", stream)
        options = TraceOptions(policy_paths=policies, is_quiet=is_quiet, verbosity=verbosity)
        with LiveFindings(trace, load_rules(options), options, **how) as findings:
            for batch in batches or [list(trace.events())]:
                findings.update(batch, 7)
        return stream.getvalue()

    return show


def test_a_violation_is_one_line(shown, policy):
    line = "pyxhon: violation: requests: network: socket.connect address=127.0.0.1:80 at /site/requests/api.py:59 get"

    assert shown(policy) == f"{line} (pid 4242)\n"


def test_the_same_violation_is_told_once(shown, policy, trace):
    batches = [[event] for event in trace.events()] * 2

    assert shown(policy, batches=batches).count("violation") == 1


def test_without_policy_and_terminal_nothing_is_printed(shown):
    assert shown() == ""


def test_quiet_prints_nothing(shown, policy):
    assert shown(policy, is_terminal=True, is_quiet=True) == ""


def test_a_terminal_gets_a_status_line_that_goes_away(shown, policy):
    text = shown(policy, is_terminal=True)

    assert "pyxhon: 5 events, 4 behaviours, 1 violation, 7 lost" in text
    assert text.endswith("\r\x1b[K")


def test_a_command_that_shares_the_terminal_is_not_written_into(shown, policy):
    text = shown(policy, is_terminal=True, has_status=False)

    assert "events" not in text
    assert "violation" in text


def test_the_status_line_changes_at_most_four_times_a_second(shown, monkeypatch):
    times = iter([0.0, 0.1, 0.2, 0.3, 0.4, 0.6])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(times))

    text = shown(is_terminal=True, batches=[[]] * 6)

    assert len(re.findall("pyxhon:", text)) == 3


def test_no_color_is_honoured(shown, policy, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1;31mviolation" in shown(policy, is_terminal=True)

    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in shown(policy, is_terminal=True)


def test_verbose_tells_how_it_goes_without_a_terminal(shown, monkeypatch):
    times = iter([0.0, 1.0, 4.9, 5.1])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(times))

    text = shown(batches=[[]] * 4, verbosity=1)

    assert text == "pyxhon: 0 events, 0 behaviours, 0 violations, 7 lost\n" * 2


def test_a_flood_of_violations_is_cut(shown, policy, monkeypatch, trace):
    monkeypatch.setattr(live, "_FINDING_LIMIT", 0)

    assert shown(policy, batches=[[event] for event in trace.events()]) == (
        "pyxhon: further violations are only in the report\n"
    )
