"""When which file became executable where, in every process: perf's MMAP2 records, and the files pinned at once.

Records of one task, and of tasks that wait for one another, are in the order of their happening, also from one `read`
to the next; `read` gives all that was mapped before it was called. Not recorded by Linux: munmap and mremap.
"""

import contextlib
import errno
import mmap
import operator
import os
import select
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from pyxhon.bpf import syscalls
from pyxhon.errors import KernelError
from pyxhon.target.mapped_files import FilePins, MappingRecord, read_address_space

__all__ = ["MappingReader", "MappingRecord", "read_address_space"]

_PAGE: Final = mmap.PAGESIZE
_RING_PAGES: Final = 256
_HEAD, _TAIL = 1024, 1032  # struct perf_event_mmap_page: data_head, data_tail
_HEADER: Final = struct.Struct("<IHH")
_MMAP2: Final = struct.Struct("<IIQQQIIQQII")
_TASK: Final = struct.Struct("<IIII")
_IDENTITY: Final = struct.Struct("<IIQII")  # pid, tid, time, processor: at the end of every record
_POSITIONS: Final = struct.Struct("<QQ")
_TAIL_POSITION: Final = struct.Struct("<Q")
_TIME: Final = operator.itemgetter(0)  # of a _Record
_PID: Final = struct.Struct("<I")
_LOST_COUNT: Final = struct.Struct("<QQ")
_LOST, _COMM, _EXIT, _FORK, _MAPPED = 2, 3, 4, 7, 10  # enum perf_event_type
_BY_EXEC: Final = 1 << 13  # PERF_RECORD_MISC_COMM_EXEC
_EXECUTABLE: Final = 4  # PROT_EXEC
_NO_PID: Final = (0, 0xFFFFFFFF)  # a task that our PID namespace does not show
_MAX_WAITING: Final = 1 << 16
_MAX_FOLLOWED: Final = 1 << 16
_MAX_PINS: Final = 4096
_SWITCH_SECONDS: Final = 0.0005
_MANY_IDLE: Final = 256
_PAUSE_MS: Final = 1  # each wake-up takes the processor away from the process that does something
_REMEDIES: Final = {
    errno.EPERM: "run as root, in a container --cap-add PERFMON or --privileged",
    errno.EACCES: "run as root, in a container --cap-add PERFMON; or lower kernel.perf_event_paranoid",
    errno.EMFILE: "allow more open files (ulimit -n)",
}


class _Record(NamedTuple):
    """One record of a ring: what its header tells, its time, its content."""

    time_ns: int
    kind: int
    misc: int
    content: bytes


class PerfRing:
    """The ring buffer of one perf event."""

    def __init__(self, processor: int) -> None:
        self.descriptor, self._tells_lost = syscalls.open_mapping_event(processor)
        self._seen_lost = 0
        try:
            self._memory, self._size = _map_ring(self.descriptor)
        except OSError:
            os.close(self.descriptor)
            raise

    def close(self) -> None:
        """Stop recording."""
        self._memory.close()
        os.close(self.descriptor)

    @property
    def lost(self) -> int:
        """Give how many records found no room."""
        if self._tells_lost:
            return int(_LOST_COUNT.unpack(os.read(self.descriptor, _LOST_COUNT.size))[1])
        return self._seen_lost

    def read(self) -> list[_Record]:
        """Take the records that are there."""
        records: list[_Record] = []
        head, position = _POSITIONS.unpack_from(self._memory, _HEAD)
        if position == head:
            return records
        while position < head:
            kind, misc, size = _HEADER.unpack_from(self._memory, _PAGE + position % self._size)  # headers never wrap
            if size < _HEADER.size + _IDENTITY.size:
                break  # cannot be: the kernel alone writes here
            content = self._copy(position + _HEADER.size, size - _HEADER.size)
            position += size
            if kind == _LOST:
                self._seen_lost += _LOST_COUNT.unpack_from(content)[1]
            time_ns = _IDENTITY.unpack_from(content, len(content) - _IDENTITY.size)[2]
            records.append(_Record(time_ns, kind, misc, content))
        _TAIL_POSITION.pack_into(self._memory, _TAIL, head)
        return records

    def _copy(self, position: int, size: int) -> bytes:
        start = _PAGE + position % self._size
        end = _PAGE + self._size
        if start + size <= end:
            return self._memory[start : start + size]
        return self._memory[start:end] + self._memory[_PAGE : _PAGE + size - (end - start)]


def _map_ring(descriptor: int) -> tuple[mmap.mmap, int]:
    """Map a ring, a smaller one where the limit on locked memory (kernel.perf_event_mlock_kb) wants it."""
    pages = _RING_PAGES
    while True:
        try:
            return mmap.mmap(descriptor, (1 + pages) * _PAGE), pages * _PAGE
        except OSError as error:
            if pages == 1 or error.errno not in (errno.EPERM, errno.ENOMEM):
                raise
            pages //= 2


class MappingReader:
    """Records executable mappings of all processes; pins the files of wanted processes and of their descendants.

    `is_wanted(pid)` is asked from the thread that pins. Poll `descriptors`, then `read`.
    Raises KernelError where the kernel refuses.
    """

    def __init__(self, is_wanted: Callable[[int], bool], max_pins: int = _MAX_PINS) -> None:
        self._is_wanted = is_wanted
        self.pins = FilePins(max_pins)
        self._rings: list[PerfRing] = []
        self._lock = threading.Lock()
        self._early: list[_Record] = []  # younger than what may be given out yet
        self._records: list[MappingRecord] = []
        self._overflow_count = 0
        self._concerning_count = 0  # records of wanted processes
        self._followed: set[int] = set()  # descendants of wanted processes
        self._fresh: set[int] = set()  # pids that have executed a program and mapped nothing yet
        try:
            self._open_rings()
        except BaseException:
            self._close_rings()
            raise
        self._signal = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._switch_seconds = sys.getswitchinterval()
        sys.setswitchinterval(min(_SWITCH_SECONDS, self._switch_seconds))  # how long pinning waits for a busy thread
        self._thread = threading.Thread(target=self._pin, name="pinning", daemon=True)
        self._thread.start()

    def __enter__(self) -> "MappingReader":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop recording and close the pinned files that nobody took."""
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        sys.setswitchinterval(self._switch_seconds)
        self._close_rings()
        os.close(self._signal)
        os.close(self._stop)
        for record in self._records:
            if record.descriptor is not None:
                os.close(record.descriptor)
        self._records.clear()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Give what to poll for reading: it is readable as long as `read` has something to give."""
        return (self._signal,)

    @property
    def lost(self) -> int:
        """Give how many records (of any kind) were lost, in the kernel or because nobody read them."""
        with self._lock:
            return self._overflow_count + sum(ring.lost for ring in self._rings)

    def read(self) -> list[MappingRecord]:
        """Give the new records, sorted by time; their descriptors are the caller's from now on."""
        with self._lock:
            self._drain()
            self.pins.hand_over()
            records, self._records = self._records, []
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._signal)
        return records

    def read_address_space(self, pid: int) -> list[MappingRecord]:
        """Give what a running process has mapped already, pinned."""
        with self._lock:
            records = read_address_space(pid, self.pins)
            self.pins.hand_over()
        return records

    def _open_rings(self) -> None:
        for processor in _processors():
            try:
                self._rings.append(PerfRing(processor))
            except OSError as error:
                if error.errno == errno.ENODEV:
                    continue  # a processor that is offline
                message = f"the kernel refuses to record mappings (perf_event_open: {error.strerror})"
                raise KernelError(message, _REMEDIES.get(error.errno or 0, "run `pyxhon doctor`")) from None

    def _close_rings(self) -> None:
        for ring in self._rings:
            ring.close()
        self._rings.clear()

    def _pin(self) -> None:
        """Wait for records and take care of each at once: its file or its process may be gone soon."""
        poll, pause = select.poll(), select.poll()
        for one in (poll, pause):
            one.register(self._stop, select.POLLIN)
        for ring in self._rings:
            poll.register(ring.descriptor, select.POLLIN)
        idle_count = 0  # how often in a row no file was new: programs that are run again and again map the same ones
        while all(descriptor != self._stop for descriptor, _ in poll.poll(0 if self._early else None)):
            with self._lock:
                concerning, pinned = self._concerning_count, self.pins.count
                self._drain()
                is_concerned = self._concerning_count != concerning
                idle_count = idle_count + 1 if self.pins.count == pinned else 0
            if (not is_concerned or idle_count > _MANY_IDLE) and pause.poll(_PAUSE_MS):  # the rest, in one go
                return

    def _drain(self) -> None:
        # What a task records comes after all that it recorded before; a record younger than this moment might be
        # here while an elder one was written to another processor's ring after we looked there.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        taken = self._early
        for ring in self._rings:
            taken.extend(ring.read())
        if len(taken) > 1:
            taken.sort(key=_TIME)
        ripe = next((index for index, record in enumerate(taken) if record.time_ns > now), len(taken))
        self._early = taken[ripe:]
        had_none = not self._records
        for record in taken[:ripe]:
            self._take(record)
        if had_none and self._records:
            os.eventfd_write(self._signal, 1)

    def _take(self, record: _Record) -> None:
        if record.kind == _MAPPED:
            self._take_mapping(record)
        elif record.kind == _COMM and record.misc & _BY_EXEC:
            self._fresh.add(_PID.unpack_from(record.content)[0])
        elif record.kind == _FORK:
            pid, parent, _, _ = _TASK.unpack_from(record.content)
            if pid != parent and len(self._followed) < _MAX_FOLLOWED and self._is_followed(parent):
                self._followed.add(pid)
                self._concerning_count += 1
        elif record.kind == _EXIT:
            pid, _, tid, _ = _TASK.unpack_from(record.content)
            if pid == tid:
                self._followed.discard(pid)
                self._fresh.discard(pid)

    def _is_followed(self, pid: int) -> bool:
        return pid in self._followed or self._is_wanted(pid)

    def _take_mapping(self, record: _Record) -> None:
        pid = _PID.unpack_from(record.content)[0]
        is_first = pid in self._fresh
        self._fresh.discard(pid)
        if pid in _NO_PID or not self._is_followed(pid):
            return
        self._concerning_count += 1
        mapping = _parse_mapping(record)
        if not mapping.protection & _EXECUTABLE:
            return
        if len(self._records) >= _MAX_WAITING:
            self._overflow_count += 1
            return
        descriptor = self.pins.pin(mapping)
        if is_first or descriptor is not None:
            mapping = replace(mapping, is_first_of_image=is_first, descriptor=descriptor)
        self._records.append(mapping)


def _parse_mapping(record: _Record) -> MappingRecord:
    fields = _MMAP2.unpack_from(record.content)
    pid, tid, address, length, offset, major, minor, inode, generation, protection, flags = fields
    return MappingRecord(
        time_ns=record.time_ns,
        pid=pid,
        tid=tid,
        address=address,
        length=length,
        file_offset=offset,
        device=f"{major}:{minor}",
        inode=inode,
        generation=generation,
        protection=protection,
        flags=flags,
        path=os.fsdecode(record.content[_MMAP2.size : -_IDENTITY.size].partition(b"\0")[0]),
    )


def _processors() -> Iterator[int]:
    """Give the processors that are online: "0-3,5" in /sys."""
    try:
        with open("/sys/devices/system/cpu/online", encoding="ascii") as file:  # noqa: PTH123 - as others here
            text = file.read().strip()
    except OSError:
        text = f"0-{(os.cpu_count() or 1) - 1}"
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
