"""Lets what we stopped in our own process group outlive us.

When we end, its process group may be left without a member whose parent is in another group of the session; the kernel
then sends SIGHUP and SIGCONT to a group with stopped members (POSIX, "orphaned process group"; kill_orphaned_pgrp of
kernel/exit.c), which would end what was to be looked at. So two small processes stay, one of them in the group, the
other its parent in a group of its own, until the stopped process goes on or ends.
"""

import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import Final

from pyxhon.target.signalling import is_stopped

_LOOK_MS: Final = 500
_MOST_DESCRIPTORS: Final = 1 << 16
_IGNORED: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP)  # of the terminal, to the whole group


def hold_group(pid: int) -> None:
    """Keep the group of a stopped process from being orphaned while it is stopped."""
    try:
        group, process = os.getpgid(pid), os.pidfd_open(pid)
    except OSError:
        return  # it has ended
    is_there, tell = os.pipe()
    if os.fork() == 0:
        _live(lambda: _be_parent(group, process, pid, tell), {process, tell})
    os.close(tell)
    os.close(process)
    with os.fdopen(is_there, "rb") as told:
        told.read(1)


def _live(work: Callable[[], None], kept: set[int]) -> None:
    """Do the work and end, with no descriptor but those kept: who reads our output waits for nobody else."""
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        low = 0
        for descriptor in sorted(kept):
            os.closerange(low, descriptor)
            low = descriptor + 1
        os.closerange(low, max(low, _MOST_DESCRIPTORS))
        work()
    finally:
        os._exit(0)


def _be_parent(group: int, process: int, pid: int, tell: int) -> None:
    os.setpgid(0, 0)
    member = os.fork()
    if member == 0:
        _live(lambda: _be_member(group, process, pid, tell), {process, tell})
    os.close(tell)
    os.waitpid(member, 0)


def _be_member(group: int, process: int, pid: int, tell: int) -> None:
    with contextlib.suppress(PermissionError):  # the group is of another session: then it cannot be hung up by our end
        os.setpgid(0, group)
    os.write(tell, b"x")
    os.close(tell)
    poll = select.poll()
    poll.register(process, select.POLLIN)
    while is_stopped(pid) and not poll.poll(_LOOK_MS):
        pass
