"""Entries and exits of Python functions as stacks that grow and shrink, thread by thread.

Where a trace has no exits, and where one was not seen, a function has ended when another is entered by a caller that
lies below it.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import CallFlowRow

MAX_DEPTH: Final = 1024
_ENTRIES: Final = frozenset({"start", "resume"})


@dataclass(frozen=True, slots=True)
class Step:
    """A function of the stack that begins or ends; `code` is a row of the trace's table `code`.

    `is_called`: an entry that was seen, not a caller that had been entered before the trace began.
    """

    time_ns: int
    code: int
    is_entry: bool
    is_called: bool = True


@dataclass(slots=True)
class ThreadFlow:
    """One thread's stack while its rows are taken; all of it is kept, and its outer `MAX_DEPTH` functions are told."""

    process: int
    tid: int
    has_exits: bool
    stack: list[int] = field(default_factory=list)

    def take(self, row: CallFlowRow) -> Iterator[Step]:
        """Give what a row does to the stack, the innermost function first."""
        if row.kind in _ENTRIES:
            yield from self._enter(row)
        elif self._has(row.code):
            yield from self._close_down_to(row.code, row.time_ns)
            yield from self._pop(row.time_ns)

    def _has(self, code: int) -> bool:
        return bool(self.stack) and (self.stack[-1] == code or code in self.stack)

    def _enter(self, row: CallFlowRow) -> Iterator[Step]:
        if row.caller is None or not self._has(row.caller):
            yield from self.close(row.time_ns)
            if row.caller is not None:
                yield from self._push(Step(row.time_ns, row.caller, is_entry=True, is_called=False))
        else:
            yield from self._close_down_to(row.caller, row.time_ns)
            if not self.has_exits and self.stack[-2:] == [row.code, row.code]:
                yield from self._pop(row.time_ns)  # recursion would never end: rather take it for another call
        yield from self._push(Step(row.time_ns, row.code, is_entry=True))

    def _push(self, step: Step) -> Iterator[Step]:
        self.stack.append(step.code)
        if len(self.stack) <= MAX_DEPTH:
            yield step

    def _pop(self, time_ns: int) -> Iterator[Step]:
        is_told = len(self.stack) <= MAX_DEPTH
        code = self.stack.pop()
        if is_told:
            yield Step(time_ns, code, is_entry=False)

    def _close_down_to(self, code: int, time_ns: int) -> Iterator[Step]:
        while self.stack[-1] != code:
            yield from self._pop(time_ns)

    def close(self, time_ns: int) -> Iterator[Step]:
        """End all that has not ended."""
        while self.stack:
            yield from self._pop(time_ns)


def read_steps(reader: TraceReader) -> Iterator[tuple[ThreadFlow, Iterator[Step]]]:
    """Give each thread with its steps, to be taken before the next thread is; each function that begins ends, too."""
    with_exits = reader.processes_with_exits()
    for (process, tid), rows in itertools.groupby(reader.call_flow(), key=lambda row: (row.process, row.tid)):
        thread = ThreadFlow(process, tid, process in with_exits)
        yield thread, _step_through(thread, rows)


def _step_through(thread: ThreadFlow, rows: Iterable[CallFlowRow]) -> Iterator[Step]:
    time_ns = 0
    for row in rows:
        time_ns = row.time_ns
        yield from thread.take(row)
    yield from thread.close(time_ns)
