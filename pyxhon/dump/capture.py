"""Registers, stack and Python frames of every thread, taken while the process runs on: nothing stops it.

A thread that had the same registers and counts of switches before and after did not run in between: then what was
read belongs together. A thread that runs is tried again from its own processor: while we are there, it is not.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pyxhon.bpf.threads import ThreadReader, ThreadState
from pyxhon.cpython.stacks import PythonStack, StackReader
from pyxhon.errors import TargetError
from pyxhon.target.process import Mapping, read_mappings, read_memory, read_proc

_RSP: Final = 7  # in DWARF's order
_MAX_STACK_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16
_PAGE_BYTES: Final = 4096
_MAX_ATTEMPTS: Final = 16
_HIGHEST_PRIORITY: Final = -20
_MAX_SECONDS: Final = 1.0
_MAX_STAT_BYTES: Final = 4096
_ORDINARY: Final = (os.SCHED_OTHER, os.SCHED_BATCH, os.SCHED_IDLE)
_PROCESSOR_FIELD: Final = 36  # of /proc/PID/stat, counted after the name


@dataclass(frozen=True, slots=True)
class Captured:
    """What was read of one thread; `state` is None when it never was off its processor."""

    tid: int
    state: ThreadState | None
    stack: bytes
    python: tuple[PythonStack, ...]
    is_stable: bool


@dataclass(slots=True)
class Capture:
    """Takes the threads of one process; `stacks` is None without a CPython that can be read."""

    pid: int
    threads: ThreadReader
    stacks: StackReader | None
    _done: dict[int, Captured] = field(default_factory=dict)
    _unstable: dict[int, Captured] = field(default_factory=dict)

    def take(self) -> list[Captured]:
        """Give every thread. Raises TargetError when the process ended."""
        waiting = self._try(None)
        deadline = time.monotonic() + _MAX_SECONDS
        with _own_way():
            for tid in itertools.chain.from_iterable(itertools.repeat(waiting, _MAX_ATTEMPTS)):
                if tid not in self._done:
                    self._go_to(tid)
                    self._try(tid)
                if time.monotonic() > deadline:
                    break
        found = self._unstable | self._done
        return [found[tid] for tid in sorted(found, key=lambda tid: (tid != self.pid, tid))]

    def _try(self, only: int | None) -> list[int]:
        """Take all threads or only one; gives those that ran meanwhile."""
        before = self.threads.read(self.pid)
        if not before:
            raise TargetError(f"process {self.pid} ended")
        chosen = before if only is None else {tid: before[tid] for tid in (only,) if tid in before}
        mappings = read_mappings(self.pid)
        taken = self._copy(chosen.values(), mappings)
        after = self.threads.read(self.pid)
        for captured in taken:
            state = captured.state
            if state is not None and state.registers is not None and after.get(captured.tid) == state:
                self._done[captured.tid] = captured
                self._unstable.pop(captured.tid, None)
            elif captured.tid in after:
                ran = Captured(captured.tid, None, b"", captured.python, is_stable=False)
                self._unstable[captured.tid] = ran
            else:
                self._unstable.pop(captured.tid, None)  # it ended
        return [tid for tid in self._unstable if tid not in self._done]

    def _copy(self, states: Iterable[ThreadState], mappings: list[Mapping]) -> list[Captured]:
        by_thread: dict[int, list[PythonStack]] = {}
        wanted = {state.thread_pointer for state in states}
        if self.stacks is not None:
            for python in self.stacks.thread_states():
                if python.thread_id in wanted:
                    by_thread.setdefault(python.thread_id, []).append(self.stacks.read(python))
        return [
            Captured(
                tid=state.tid,
                state=state,
                stack=self._read_stack(state, mappings),
                python=tuple(by_thread.get(state.thread_pointer, ())),
                is_stable=True,
            )
            for state in states
        ]

    def _read_stack(self, state: ThreadState, mappings: list[Mapping]) -> bytes:
        """Copy from the stack pointer to the end of the mapping, or to what cannot be read in it.

        glibc 2.42 has no mapping of its own for guard pages (MADV_GUARD_INSTALL): stacks of threads are one mapping.
        """
        if state.registers is None:
            return b""
        start = state.registers[_RSP]
        end = next((one.end for one in mappings if one.start <= start < one.end), start)
        return b"".join(_read_pieces(self.pid, start, min(end, start + _MAX_STACK_BYTES)))

    def _go_to(self, tid: int) -> None:
        """Run on the processor of a thread, so that it has to wait there."""
        try:
            if os.sched_getscheduler(tid) not in _ORDINARY:
                return  # a real-time thread would not let us in
            text = read_proc(self.pid, f"task/{tid}/stat", _MAX_STAT_BYTES)
            processor = int(text[text.rindex(b")") + 1 :].split()[_PROCESSOR_FIELD])
            os.sched_setaffinity(0, {processor})
        except (TargetError, OSError, ValueError, IndexError):
            pass  # gone, or not a processor that we may use: tried all the same


@contextlib.contextmanager
def _own_way() -> Iterator[None]:
    """Let us go before others, and to any processor, for a while."""
    processors, niceness = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    try:
        with contextlib.suppress(OSError):  # not allowed: it takes more attempts
            os.setpriority(os.PRIO_PROCESS, 0, _HIGHEST_PRIORITY)
        yield
    finally:
        os.sched_setaffinity(0, processors)
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


def _read_pieces(pid: int, start: int, end: int) -> Iterator[bytes]:
    """Read memory up to the first page that cannot be read."""
    at, size = start, _PIECE_BYTES
    while at < end:
        piece = read_memory(pid, at, min(end - at, size - at % size))
        if piece is not None:
            yield piece
            at += len(piece)
        elif size > _PAGE_BYTES:
            size = _PAGE_BYTES
        else:
            return
