"""Executable mappings of processes, and the files behind them kept open: they may be unlinked a moment later."""

import os
import stat
from dataclasses import dataclass, replace
from typing import Final

from pyxhon.errors import TargetError
from pyxhon.target.process import Mapping, read_mappings
from pyxhon.target.root import TargetRoot, open_own_root, open_root

ANONYMOUS: Final = "//anon"
"""The path of memory without a file, as perf says it."""

_DELETED: Final = " (deleted)"
_PATH_ONLY: Final = os.O_PATH | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PROTECTIONS: Final = {"r": 1, "w": 2, "x": 4}  # PROT_READ, PROT_WRITE, PROT_EXEC
_SHARED, _PRIVATE = 1, 2  # MAP_SHARED, MAP_PRIVATE
_MAX_IDENTITIES: Final = 1 << 16
_MAX_MOUNTS_BYTES: Final = 1 << 22

Identity = tuple[str, int, int]  # device "maj:min", inode, generation


@dataclass(frozen=True, slots=True)
class MappingRecord:
    """A range of a process became executable at `time_ns` (CLOCK_MONOTONIC; 0: it was so when we came).

    `device` and `inode` are the file system's own ("0:0" and 0: no file), `generation` tells reused inode numbers
    apart where the file system does (0 in a snapshot). `path` is the kernel's: "//anon", "[vdso]",
    "/memfd:NAME (deleted)", else as the process sees it, with " (deleted)" after it once it is unlinked.
    `protection` and `flags` are mmap(2)'s. `is_first_of_image`: an execve began a fresh address space.
    `descriptor` is the file, open for reading; it belongs to whoever takes the record.
    """

    time_ns: int
    pid: int
    tid: int
    address: int
    length: int
    file_offset: int
    device: str
    inode: int
    generation: int
    protection: int
    flags: int
    path: str
    is_first_of_image: bool = False
    descriptor: int | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether the file had been unlinked, or its name was another's, when it was mapped."""
        return self.path.endswith(_DELETED)

    @property
    def identity(self) -> Identity | None:
        """Give what tells the file from all others; None where no file is."""
        return (self.device, self.inode, self.generation) if self.inode else None


class FilePins:
    """Opens mapped files, each file once in all, at most `limit` before they are handed over.

    `count` files were opened, `excess_count` not because of the limit; `failed_count` attempts found none or another.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pinned: set[Identity] = set()
        self._waiting_count = 0
        self.count = 0
        self.excess_count = 0
        self.failed_count = 0

    def pin(self, record: MappingRecord) -> int | None:
        """Give a descriptor of the mapped file; None when there is none, it was given before, or it is gone."""
        identity = record.identity
        if identity is None or identity in self._pinned:
            return None
        if self._waiting_count >= self._limit:
            self.excess_count += 1
            return None
        descriptor = _open_mapped(record)
        if descriptor is None:
            descriptor = _open_by_path(record)
        if descriptor is None:
            self.failed_count += 1
            return None
        if len(self._pinned) >= _MAX_IDENTITIES:
            self._pinned.clear()  # opened a second time: no harm
        self._pinned.add(identity)
        self.count += 1
        self._waiting_count += 1
        return descriptor

    def hand_over(self) -> None:
        """Leave all that was opened so far to others: they close it."""
        self._waiting_count = 0


def read_address_space(pid: int, pins: FilePins | None = None) -> list[MappingRecord]:
    """Give the executable mappings of a running process, with pins also its files, opened."""
    records = [_record_of(pid, mapping) for mapping in read_mappings(pid) if mapping.is_executable]
    if pins is None:
        return records
    return [replace(record, descriptor=pins.pin(record)) for record in records]


def _record_of(pid: int, mapping: Mapping) -> MappingRecord:
    return MappingRecord(
        time_ns=0,
        pid=pid,
        tid=pid,
        address=mapping.start,
        length=mapping.end - mapping.start,
        file_offset=mapping.offset,
        device=f"{mapping.device[0]}:{mapping.device[1]}",
        inode=mapping.inode,
        generation=0,
        protection=sum(bit for letter, bit in _PROTECTIONS.items() if letter in mapping.permissions),
        flags=_SHARED if "s" in mapping.permissions else _PRIVATE,
        path=(mapping.path or ANONYMOUS) + (_DELETED if mapping.is_deleted else ""),
    )


def _open_mapped(record: MappingRecord) -> int | None:
    """Open through the mapping itself, which leads to unlinked files and memfds too (needs CAP_SYS_ADMIN)."""
    place = f"/proc/{record.pid}/map_files/{record.address:x}-{record.address + record.length:x}"
    try:
        handle = os.open(place, _PATH_ONLY)
    except OSError:
        return None
    try:
        if not _is_same_file(handle, record):
            return None
        return os.open(f"/proc/self/fd/{handle}", _READ)
    except OSError:
        return None
    finally:
        os.close(handle)


def _open_by_path(record: MappingRecord) -> int | None:
    """Open by name: in the root of the process or, when that is gone, in ours; only the very same file will do."""
    if not record.path.startswith("/") or record.path == ANONYMOUS:
        return None
    for root in _roots(record.pid):
        with root:
            descriptor = root.open_file(record.path)
        if descriptor is None:
            continue
        if _is_same_file(descriptor, record):
            return descriptor
        os.close(descriptor)
    return None


def _roots(pid: int) -> list[TargetRoot]:
    try:
        return [open_root(pid)]
    except TargetError:
        pass
    try:
        return [open_own_root()]
    except OSError:  # too many open files
        return []


def _is_same_file(descriptor: int, record: MappingRecord) -> bool:
    """Tell whether this is the regular file that was mapped: a path or range may lead elsewhere by now."""
    status = os.fstat(descriptor)
    if status.st_ino != record.inode or not stat.S_ISREG(status.st_mode):
        return False
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    return record.device in (device, _device_of_mount(descriptor, record.pid))


def _device_of_mount(descriptor: int, pid: int) -> str | None:
    """Give the device of the mount that a file was reached by: overlayfs and btrfs tell stat(2) another one."""
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
            mount = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
    except (OSError, StopIteration):
        return None
    for process in (str(pid), "self"):
        try:
            with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="replace") as file:
                lines = file.read(_MAX_MOUNTS_BYTES).split("\n")
        except OSError:
            continue
        found = next((line.split()[2] for line in lines if line.startswith(f"{mount} ")), None)
        if found:
            return found
    return None
