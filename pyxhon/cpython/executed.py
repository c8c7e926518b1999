"""What probes tell of opcodes' bodies → the instructions that a thread has executed, as the compiler wrote them.

A body may execute more than one instruction. One that does so only where its guess was right, and else leaves it to
the body of the plain opcode, is known to have been right by what comes next in its thread.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyxhon.cpython.instruction_set import EXTENDED_ARG, InstructionSet

Executed = tuple[int, int, int, int, str]
"""Time, code object, its generation, offset, and opcode."""

Record = tuple[int, int, int, int, int, int, int, int, int, int, int]
"""Time, pid, tid, process image, code object, frame, words of code, generation, offset, site, is it joined."""

_COVERS: Final = ("INSTRUMENTED_INSTRUCTION", "INSTRUMENTED_LINE")
_ALWAYS: Final = "__"  # in the names of opcodes that cannot give up
_MOST_THREADS: Final = 1 << 16  # of which something is remembered; the oldest have most likely ended
_FIRST_WITH_CACHES: Final = (3, 11)
_FIRST_WITH_REPLACED_JUMPS: Final = (3, 14)  # at once, by what is executed for it (Python/bytecodes.c)
_WHERE_TRACING_IS_BY_BASE: Final = (3, 11)  # Python/ceval.c, TRACING_NEXTOPARG


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an opcode that is executed stands for."""

    base: str
    more: tuple[tuple[int, str | None], ...]
    is_sure: bool
    is_told: bool  # that it has given up
    is_repeatable: bool  # at once, in the same frame
    adapts: bool  # what is executed for it changes
    is_plain: bool  # one instruction, whatever comes next


@dataclass(slots=True)
class _Thread:
    """The last instruction of a thread, and what it may have executed besides."""

    frame: int = 0
    offset: int = -1
    more: list[Executed] = field(default_factory=list)
    is_told: bool = False
    is_joined: bool = False
    is_spent: bool = False  # its counter is at 0: where it gives up it is replaced

    def end_last(self, frame: int, offset: int, is_joined: int) -> list[Executed]:
        """Give what the last instruction executed besides, now that it is known what came next."""
        more, self.more = self.more, []
        is_sure = self.is_told or (frame == self.frame and offset != more[0][3])
        return more if is_sure and not is_joined else []


class ExecutedReader:
    """Reads the records of one interpreter's process; `joined` are opcodes whose bodies tell what was left to them.

    With `is_whole` all bodies are probed; else nothing is added to what is told.
    """

    def __init__(self, known: InstructionSet, joined: Collection[str], *, is_whole: bool) -> None:
        names = known.names()
        is_old = known.version < _FIRST_WITH_CACHES
        self._extended = known.numbers[EXTENDED_ARG] if is_old else -1
        self._meanings = [None if name is None else self._mean(known, name, joined, is_whole) for name in names]
        self._bases = ["?" if name is None else known.base_of(name) for name in names]
        self._is_traced_by_base = known.version == _WHERE_TRACING_IS_BY_BASE
        self._spent_below = known.spent_below
        self._threads: dict[int, _Thread] = {}

    @staticmethod
    def _mean(known: InstructionSet, name: str, joined: Collection[str], is_whole: bool) -> _Meaning | None:  # noqa: FBT001
        if name in _COVERS or (name == EXTENDED_ARG and known.version < _FIRST_WITH_CACHES):
            return None
        if name == "JUMP_BACKWARD" and known.version >= _FIRST_WITH_REPLACED_JUMPS:
            return _Meaning("", (), is_sure=False, is_told=False, is_repeatable=False, adapts=False, is_plain=False)
        base = known.base_of(name)
        more = known.more_of(name) if is_whole else ()
        adapts = known.version > _WHERE_TRACING_IS_BY_BASE and bool(known.caches.get(base))
        return _Meaning(base, more, _ALWAYS in name, base in joined, base != "RESUME", adapts, not more)

    def take(self, record: Record, site: str) -> Sequence[Executed]:
        """Take a record of a thread; `site` is the opcode whose body its site is in.

        Gives what is known to have been executed, in order.
        """
        time_ns, _, tid, _, code, frame, words, generation, offset, _, is_joined = record
        thread = self._threads.get(tid)
        if thread is None:
            if len(self._threads) >= _MOST_THREADS:
                self._threads.pop(next(iter(self._threads)))
            thread = self._threads[tid] = _Thread()
        meaning = self._meanings[words & 0xFF]
        is_same = frame == thread.frame and offset == thread.offset
        if is_joined or is_same or thread.more or meaning is None or not meaning.is_plain:
            return list(self._take_carefully(thread, record, site))
        thread.frame, thread.offset, thread.is_joined = frame, offset, False
        thread.is_spent = (words >> 16 & 0xFFFF) < self._spent_below
        return ((time_ns, code, generation, offset, meaning.base),)  # which nearly all are

    def _take_carefully(self, thread: _Thread, record: Record, site: str) -> Iterator[Executed]:
        time_ns, _, _, _, code, frame, words, generation, offset, _, is_joined = record
        while words & 0xFF == self._extended:
            words >>= 16
            offset += 2
        first = time_ns, code, generation, offset
        is_same = frame == thread.frame and offset == thread.offset
        is_spent = bool(is_joined) or (words >> 16 & 0xFFFF) < self._spent_below
        meaning = None if is_joined else self._meanings[words & 0xFF]
        if is_same and thread.is_spent and not is_spent and meaning is not None and meaning.adapts:
            # it gave up, was replaced because it had done so often, and is executed by what replaced it
            thread.more, thread.is_spent = [], False
            yield from self._take_more(thread, meaning, first, words)
            return
        if thread.more:
            yield from thread.end_last(frame, offset, is_joined)
        if is_joined and (not self._is_traced_by_base or (is_same and not thread.is_joined)):
            return  # given up: the body that did so was told of
        thread.frame, thread.offset, thread.is_joined, thread.is_spent = frame, offset, bool(is_joined), is_spent
        yield from self._take_first(thread, meaning, first, (words, site, is_same and not is_joined))

    def _take_first(
        self, thread: _Thread, meaning: _Meaning | None, first: tuple[int, int, int, int], rest: tuple[int, str, bool]
    ) -> Iterator[Executed]:
        words, site, is_again = rest
        if meaning is None:  # something covers it; or 3.11 traces, and executes the plain opcode
            if not is_again:
                yield *first, site
        elif meaning.base and (not is_again or meaning.is_repeatable):
            yield *first, meaning.base
            yield from self._take_more(thread, meaning, first, words)

    def _take_more(
        self, thread: _Thread, meaning: _Meaning, first: tuple[int, int, int, int], words: int
    ) -> list[Executed]:
        """Give what was executed besides, where that is sure already."""
        if not meaning.more:
            return []
        time_ns, code, generation, offset = first
        rest = [
            (time_ns, code, generation, offset + after, name or self._bases[words >> 8 * after & 0xFF])
            for after, name in meaning.more
        ]
        if meaning.is_sure:
            return rest
        thread.more, thread.is_told = rest, meaning.is_told
        return []

    def finish(self, tid: int | None = None) -> Iterator[tuple[int, Executed]]:
        """Give what is left of a thread that has ended, or of all, each with its thread."""
        for one in [tid] if tid is not None else list(self._threads):
            thread = self._threads.pop(one, None)
            if thread is not None:
                yield from ((one, executed) for executed in thread.more)
