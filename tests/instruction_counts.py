"""Counts how often instructions run in a command's main thread, by perf's uprobe counters: no BPF, no debugger."""

import ctypes
import os
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PERF_EVENT_OPEN = 298
_ATTRIBUTE_BYTES = 128
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Counted:
    """What a command printed, and how often each offset of the file was reached."""

    counts: dict[int, int]
    stdout: str
    stderr: str


def count_hits(path: str, offsets: Sequence[int], command: Sequence[str]) -> Counted:
    """Run a command to its end, counting each run of the instructions at these offsets of `path`.

    Children are not counted: the kernel copies the event's path from the memory of the process that forks.
    """
    waiting = ["sh", "-c", 'read -r go; exec "$@"', "sh", *command]
    with subprocess.Popen(
        waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        counters = {offset: _open_counter(path, offset, process.pid) for offset in offsets}
        stdout, stderr = process.communicate("go\n", timeout=120)
    counts = {offset: struct.unpack("<Q", os.read(counter, 8))[0] for offset, counter in counters.items()}
    for counter in counters.values():
        os.close(counter)
    assert process.returncode == 0, stderr[-2000:]
    return Counted(counts, stdout, stderr)


def _open_counter(path: str, offset: int, pid: int) -> int:
    """Call perf_event_open for a uprobe (struct perf_event_attr in linux/perf_event.h)."""
    kind = int(Path("/sys/bus/event_source/devices/uprobe/type").read_text())
    name = ctypes.create_string_buffer(os.fsencode(path))
    # type, size, config, sample_period, sample_type, read_format, flags, wakeup_events, bp_type, config1, config2
    attribute = struct.pack(
        "<IIQQQQQIIQQ", kind, _ATTRIBUTE_BYTES, 0, 0, 0, 0, 0, 0, 0, ctypes.addressof(name), offset
    ).ljust(_ATTRIBUTE_BYTES, b"\0")
    descriptor = _LIBC.syscall(_PERF_EVENT_OPEN, attribute, pid, -1, -1, 8)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), f"{path}+{offset:#x}: {os.strerror(ctypes.get_errno())}")
    return descriptor
