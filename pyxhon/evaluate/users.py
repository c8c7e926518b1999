"""Users that nobody else has: each sandbox is another to the kernel, so that it can be counted and killed alone."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from pyxhon.errors import EvaluationError

_FIRST: Final = 0x60000000
"""Above what systemd and containers give out, and 0x10000000 below what the kernel can count."""
_JOBS: Final = 64
_TIMEOUT_S: Final = 20

DOWNLOADER: Final = _FIRST
"""Downloads, and runs nothing of what it downloads."""


def job_user(job: int) -> int:
    """Give the user of one of our jobs: no other evaluation has it while we live."""
    return _FIRST + 1 + os.getpid() * _JOBS + job % _JOBS


def become(uid: int) -> list[str]:
    """Give the words before a command that make it run as a user without any privilege, and die with us."""
    identity = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return [
        _find_setpriv(),
        *identity,
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--no-new-privs",
        "--pdeathsig=KILL",
        "--",
    ]


def die_with_us() -> list[str]:
    """Give the words before a command that keep our user, and make it die with us."""
    return [_find_setpriv(), "--pdeathsig=KILL", "--"]


def _find_setpriv() -> str:
    tool = shutil.which("setpriv")
    if tool is None:
        raise EvaluationError("setpriv is missing", "apt-get install util-linux")
    return tool


def kill_all(uid: int) -> None:
    """Kill every process of a user, as that user: so no other process can be hit."""
    command = [*become(uid), "/bin/sh", "-c", "kill -KILL -1"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False)


def used_memory(uid: int) -> tuple[int, int]:
    """Give how many processes a user has, and how many bytes they hold that are no file's."""
    count = total = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid in {uid, 0}:  # root: one that may not be looked at (PR_SET_DUMPABLE)
                    text = (Path(entry.path) / "status").read_bytes()
                    fields = dict(line.split(b":", 1) for line in text.splitlines() if b":" in line)
                    if int(fields[b"Uid"].split()[0]) == uid:
                        count += 1
                        total += sum(int(fields[name].split()[0]) for name in _HELD if name in fields)
            except (OSError, KeyError, ValueError):
                continue  # it ended
    return count, total << 10


_HELD: Final = (b"RssAnon", b"RssShmem", b"VmSwap")
