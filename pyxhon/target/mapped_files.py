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
    apart where the file system does (0 in a snapshot). `path` is as the process sees it: "//anon", "[vdso]",
    "/memfd:NAME". `protection` and `flags` are mmap(2)'s. `is_first_of_image`: an execve began a fresh address space.
    `descriptor` is open for reading as long as the `FilePins` that opened it keeps it.
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
    is_deleted: bool = False
    is_first_of_image: bool = False
    descriptor: int | None = None

    @property
    def identity(self) -> Identity | None:
        """Give what tells the file from all others; None where no file is."""
        return (self.device, self.inode, self.generation) if self.inode else None


class FilePins:
    """Holds mapped files open, each once, at most `limit` at a time; closes all at the end.

    `excess_count` files were not opened because of the limit, `failed_count` attempts found no file or another one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[Identity, int | None] = {}  # None: given back by `release`
        self._open_count = 0
        self.excess_count = 0
        self.failed_count = 0

    def __enter__(self) -> "FilePins":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every file."""
        for descriptor in self._held.values():
            if descriptor is not None:
                os.close(descriptor)
        self._held.clear()
        self._open_count = 0

    def pin(self, record: MappingRecord) -> int | None:
        """Give a descriptor of the mapped file; None when there is none, it is gone or was released."""
        identity = record.identity
        if identity is None:
            return None
        if identity in self._held:
            return self._held[identity]
        if self._open_count >= self._limit or len(self._held) >= _MAX_IDENTITIES:
            self.excess_count += 1
            return None
        descriptor = _open_mapped(record) or _open_by_path(record)
        if descriptor is None:
            self.failed_count += 1
            return None
        self._held[identity] = descriptor
        self._open_count += 1
        return descriptor

    def release(self, identity: Identity) -> None:
        """Close one file; it is not opened again."""
        descriptor = self._held.get(identity)
        if descriptor is not None:
            os.close(descriptor)
            self._held[identity] = None
            self._open_count -= 1


def read_address_space(pid: int, pins: FilePins | None = None) -> list[MappingRecord]:
    """Give the executable mappings of a running process, its files opened where there are pins to hold them."""
    records = [_record_of(pid, mapping) for mapping in read_mappings(pid) if mapping.is_executable]
    if pins is None:
        return records
    return [replace(record, descriptor=pins.pin(record)) for record in records]


def split_path(text: str) -> tuple[str, bool]:
    """Part the kernel's path of a mapping into path and whether the file was unlinked."""
    return (text.removesuffix(_DELETED), True) if text.endswith(_DELETED) else (text, False)


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
        path=mapping.path or ANONYMOUS,
        is_deleted=mapping.is_deleted,
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
    if not record.path.startswith("/") or record.path == ANONYMOUS or record.is_deleted:
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
        return [open_own_root()]


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
