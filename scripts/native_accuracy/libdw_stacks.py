"""The native stacks of a process as libdw tells them: what `eu-stack` of the elfutils prints."""

import os
import re
import subprocess
from dataclasses import dataclass, field

_THREAD = re.compile(r"TID (\d+):")
_FRAME = re.compile(r"#\d+ +0x([0-9a-f]+)")
_ERROR = re.compile(r"eu-stack: dwfl_thread_getframes tid (\d+) at 0x[0-9a-f]+ in (.*)")


@dataclass
class LibdwStack:
    """The stack of one thread, innermost frame first: return addresses as they are; `error`: why there are no more."""

    addresses: list[int] = field(default_factory=list)
    error: str | None = None


def libdw_stacks(pid: int) -> dict[int, LibdwStack]:
    """Give the stacks of all threads, which stand still meanwhile. Raises RuntimeError where there are none."""
    command = ["eu-stack", "-q", "-n", "0", "-p", str(pid)]  # -n 0: all frames
    alone = os.environ | {"DEBUGINFOD_URLS": "", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, env=alone, check=False)
    stacks = read_stacks(done.stdout, done.stderr)
    if not stacks:
        raise RuntimeError(f"eu-stack ended with {done.returncode}: {done.stderr}")
    return stacks


def read_stacks(said: str, complained: str) -> dict[int, LibdwStack]:
    """Read what it printed, and its complaints about threads."""
    stacks: dict[int, LibdwStack] = {}
    current = LibdwStack()
    for line in said.splitlines():
        if found := _THREAD.match(line):
            current = stacks[int(found[1])] = LibdwStack()
        elif found := _FRAME.match(line):
            current.addresses.append(int(found[1], 16))
    for tid, error in _ERROR.findall(complained):
        stacks.setdefault(int(tid), LibdwStack()).error = error
    return stacks
