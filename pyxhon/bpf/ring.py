"""Reads the kernel's ring buffer (kernel/bpf/ringbuf.c) in whole batches.

Entries and exits of functions come by the million, all of one size: a run of them is given as one record, with the
headers in between, and never looked at one by one.
"""

import mmap
import select
import struct
from types import TracebackType
from typing import Final

from pyxhon.bpf.function_records import FLOW_BYTES
from pyxhon.events import EventKind

_PAGE: Final = mmap.PAGESIZE
_BUSY: Final = 1 << 31
_DISCARDED: Final = 1 << 30
_HEADER_BYTES: Final = 8
_WORD: Final = struct.Struct("<Q")
_LENGTH: Final = struct.Struct("<I")
_MAX_BATCH_BYTES: Final = 4 << 20
# By their length, neither busy nor discarded: what comes in long rows of its kind.
_RUNS: Final = {FLOW_BYTES: tuple(kind.to_bytes(2, "little") for kind in (EventKind.FLOW, EventKind.INSTRUCTION))}
_STEP: Final = FLOW_BYTES + _HEADER_BYTES
_FIRST_LOOK: Final = 32
_LOOK_GROWTH: Final = 8


class RingReader:
    """The consumer's end of one ring buffer."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._mask = size_bytes - 1
        self._consumer = mmap.mmap(descriptor, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        # one page with the producer's position, then the data twice, so that no record is ever split
        self._data = mmap.mmap(descriptor, _PAGE + 2 * size_bytes, mmap.MAP_SHARED, mmap.PROT_READ, offset=_PAGE)
        self._poll = select.epoll()
        self._poll.register(descriptor, select.EPOLLIN | select.EPOLLET)

    def __enter__(self) -> "RingReader":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unmap."""
        self._poll.close()
        self._consumer.close()
        self._data.close()

    def wait(self, seconds: float) -> None:
        """Return when a process began or ended, when much has come, or after the time.

        Records that are there already do not count: they are read in batches, which cost the target less.
        """
        self._poll.poll(seconds)

    @property
    def free_quarter(self) -> int:
        """How many bytes are free of a quarter of it."""
        waiting = _WORD.unpack_from(self._data, 0)[0] - _WORD.unpack_from(self._consumer, 0)[0]
        return max(0, (self._mask + 1) // 4 - int(waiting))

    def read(self) -> list[bytes]:
        """Give the records that are complete, oldest first."""
        start = position = _WORD.unpack_from(self._consumer, 0)[0]
        produced = min(_WORD.unpack_from(self._data, 0)[0], start + _MAX_BATCH_BYTES)
        records: list[bytes] = []
        while position < produced:
            at = _PAGE + (position & self._mask)
            length = _LENGTH.unpack_from(self._data, at)[0]
            if length & _BUSY:
                break
            kind = self._data[at + _HEADER_BYTES : at + _HEADER_BYTES + 2]
            if kind in _RUNS.get(length, ()):
                count = self._count_run(at, max(1, (produced - position) // _STEP), kind)
                records.append(self._data[at + _HEADER_BYTES : at + count * _STEP])
                position += count * _STEP
                continue
            size = length & ~_DISCARDED
            if not length & _DISCARDED:
                records.append(self._data[at + _HEADER_BYTES : at + _HEADER_BYTES + size])
            position += (size + _HEADER_BYTES + 7) & ~7
        if position != start:
            _WORD.pack_into(self._consumer, 0, position)
        return records

    def _count_run(self, at: int, most: int, kind: bytes) -> int:
        """Tell how many records of a kind lie one after the other from the one at a place on."""
        count, look = 0, _FIRST_LOOK
        while count < most:
            look = min(look, most - count)
            found = self._compare_run(at + count * _STEP, look, kind)
            count += found
            if found < look:
                break
            look *= _LOOK_GROWTH
        return count

    def _compare_run(self, at: int, most: int, kind: bytes) -> int:
        """Do so by each byte that tells, of all at once."""
        for place, expected in (*enumerate(_LENGTH.pack(FLOW_BYTES)), *enumerate(kind, _HEADER_BYTES)):
            found = self._data[at + place : at + most * _STEP : _STEP]
            most = min(most, len(found) - len(found.lstrip(bytes([expected]))))
        return most
