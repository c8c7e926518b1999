"""Signals to a process that did something, and to no other that has its number since."""

import os
import signal
import time
from typing import Final

from pyxhon.errors import TargetError
from pyxhon.target.process import read_proc

ENDED: Final = "it had ended"
ITSELF: Final = "it is PyXhon itself"
ANOTHER: Final = "another process has its number since"
SENT: Final = "sent"
_STOPPED_STATES: Final = (b"T", b"t")
_ENDED_STATES: Final = (b"Z", b"X", b"x")
_MAX_STATUS_BYTES: Final = 4096


def send_signal(pid: int, number: signal.Signals, acted_ns: int) -> str:
    """Send a signal to the process that acted at a time (CLOCK_MONOTONIC); gives "sent", or why not.

    The descriptor holds on to one process; only then is looked whether that one is old enough to be the one meant.
    """
    if pid == os.getpid():
        return ITSELF
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return ENDED
    except OSError as error:
        return f"the kernel gives no descriptor of it: {error.strerror}"
    try:
        return _send(descriptor, number, pid, acted_ns)
    finally:
        os.close(descriptor)


def _send(descriptor: int, number: signal.Signals, pid: int, acted_ns: int) -> str:
    found = _read_state(pid)
    if found is None or found[0] in _ENDED_STATES:
        return ENDED
    if found[1] > acted_ns + _to_boot_ns():
        return ANOTHER
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return ENDED
    except OSError as error:
        return f"the kernel refuses: {error.strerror}"
    return SENT


def is_down(pid: int) -> bool:
    """Tell whether a process is stopped or has ended."""
    found = _read_state(pid)
    return found is None or found[0] in _ENDED_STATES or found[0] in _STOPPED_STATES


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped."""
    found = _read_state(pid)
    return found is not None and found[0] in _STOPPED_STATES


def _read_state(pid: int) -> tuple[bytes, int] | None:
    """Give the state of a process, and when it started, since boot, or up to a clock tick before; None: it is gone."""
    try:
        text = read_proc(pid, "stat", _MAX_STATUS_BYTES)
        fields = text[text.rindex(b")") + 1 :].split()  # its name may hold anything
        return fields[0], int(fields[19]) * 10**9 // os.sysconf("SC_CLK_TCK")
    except (TargetError, ValueError, IndexError):
        return None


def _to_boot_ns() -> int:
    """Give by how much the clock of starts is ahead of that of acts: what the machine slept."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
