"""What all tests share: whether the kernel takes BPF programs, and that no test is skipped in silence."""

import ctypes
import importlib
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from tests.interpreters import CHECKOUT

# No test is about time: the machine may be busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_REFUSED = "kernel refuses BPF: "
_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
_BPF_PROG_LOAD = 5
_BPF_PROG_TYPE_KPROBE = 2

_skips: list[tuple[str, str]] = []
_left_out: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background of a shell: our children would, too
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "full: runs only with scripts/test --full")
    config.addinivalue_line("markers", "no_interpreter: no interpreter of the test's versions was found")


@pytest.fixture(scope="session")
def needs_bpf() -> None:
    """Skip the test where the kernel does not let us trace; no other reason to skip is accepted."""
    if refusal := _why_bpf_is_refused():
        pytest.skip(_REFUSED + refusal)


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Load modules of scripts/native_accuracy, which are no package; afterwards they are forgotten."""
    folder = CHECKOUT / "scripts/native_accuracy"
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run cannot or need not do; the last line of the run tells how much that is."""
    full = bool(os.environ.get("PYXHON_TEST_FULL"))
    left_out = [
        item
        for item in items
        if item.get_closest_marker("no_interpreter") or (item.get_closest_marker("full") and not full)
    ]
    _left_out.extend(item.nodeid for item in left_out)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _, _, reason = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, str(report.longrepr))
        _skips.append((report.nodeid, reason.removeprefix("Skipped: ")))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skips.append((report.nodeid, str(report.longrepr)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unexcused() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for nodeid, reason in _unexcused():
        terminalreporter.write_line(f"SKIPPED without an accepted reason: {nodeid}: {reason}", red=True)


def pytest_unconfigure() -> None:
    reasons = sorted({reason for _, reason in _skips})
    because = f" ({'; '.join(reasons)})" if reasons else ""
    print(f"skipped: {len(_skips)}{because}; left out for want of an interpreter or --full: {len(_left_out)}")


def _unexcused() -> list[tuple[str, str]]:
    return [(nodeid, reason) for nodeid, reason in _skips if not reason.startswith(_REFUSED)]


def _why_bpf_is_refused() -> str | None:
    if not Path("/sys/bus/event_source/devices/uprobe/type").exists():
        return "no uprobe event source"
    number = _BPF_SYSCALL.get(platform.machine())
    if number is None:
        return f"bpf(2) has no known number on {platform.machine()}"
    # Two instructions: set the result to 0, and exit.
    program = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = ctypes.create_string_buffer(
        struct.pack(
            "<IIQQIIQII", _BPF_PROG_TYPE_KPROBE, 2, ctypes.addressof(program), ctypes.addressof(licence), 0, 0, 0, 0, 0
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(number, _BPF_PROG_LOAD, attributes, len(attributes.raw) - 1)
    if descriptor < 0:
        return os.strerror(ctypes.get_errno())
    os.close(descriptor)
    return None
