"""What probes tell of opcodes' bodies → the instructions that a thread has executed, as the compiler wrote them.

A body may execute more than one instruction. One that does so only where its guess was right, and else leaves it to
the body of the plain opcode, is known to have been right by what comes next in its thread.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from pyxhon.cpython.instruction_set import EXTENDED_ARG, InstructionSet

Executed = tuple[int, int, int, int, str]
"""Time, code object, its generation, offset, and opcode."""

_COVERS: Final = ("INSTRUMENTED_INSTRUCTION", "INSTRUMENTED_LINE")
_ALWAYS: Final = "__"  # in the names of opcodes that cannot give up
_FIRST_WITH_CACHES: Final = (3, 11)
_WHERE_TRACING_IS_BY_BASE: Final = (3, 11)  # Python/ceval.c, TRACING_NEXTOPARG


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an opcode that is executed stands for."""

    base: str
    more: tuple[tuple[int, str | None], ...]
    is_sure: bool
    is_told: bool  # that it has given up
    is_repeatable: bool  # at once, in the same frame


@dataclass(slots=True)
class _Thread:
    """The last instruction of a thread, and what it may have executed besides."""

    frame: int = 0
    offset: int = -1
    more: list[Executed] = field(default_factory=list)
    is_told: bool = False
    is_joined: bool = False


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
        self._threads: dict[int, _Thread] = {}

    @staticmethod
    def _mean(known: InstructionSet, name: str, joined: Collection[str], is_whole: bool) -> _Meaning | None:  # noqa: FBT001
        if name in _COVERS:
            return None
        base = known.base_of(name)
        more = known.more_of(name) if is_whole else ()
        return _Meaning(base, more, _ALWAYS in name, base in joined, base != "RESUME")

    def take(
        self, tid: int, time_ns: int, place: tuple[int, int, int], words: int, offset: int, *, site: str, is_joined: int
    ) -> Iterator[Executed]:
        """Take a record of a thread; `place` is its code object, generation and frame, `site` the opcode of its site.

        Gives what is known to have been executed, in order.
        """
        code, generation, frame = place
        while words & 0xFF == self._extended:
            words >>= 16
            offset += 2
        thread = self._threads.get(tid)
        if thread is None:
            thread = self._threads[tid] = _Thread()
        if thread.more:
            more, thread.more = thread.more, []
            if not is_joined and (thread.is_told or (frame == thread.frame and offset != more[0][3])):
                yield from more
        meaning = self._meanings[words & 0xFF]
        is_same = frame == thread.frame and offset == thread.offset
        if is_joined and (not self._is_traced_by_base or (is_same and not thread.is_joined)):
            return  # given up: the body that did so was told of
        thread.frame, thread.offset, thread.is_joined = frame, offset, bool(is_joined)
        if meaning is None or is_joined:  # something covers it; or 3.11 traces, and executes the plain opcode
            if not is_same or is_joined:
                yield time_ns, code, generation, offset, site
            return
        if is_same and not meaning.is_repeatable:
            return
        yield time_ns, code, generation, offset, meaning.base
        if meaning.more:
            rest = [
                (time_ns, code, generation, offset + after, name or self._bases[words >> 8 * after & 0xFF])
                for after, name in meaning.more
            ]
            if meaning.is_sure:
                yield from rest
            else:
                thread.more, thread.is_told = rest, meaning.is_told

    def finish(self, tid: int | None = None) -> Iterator[tuple[int, Executed]]:
        """Give what is left of a thread that has ended, or of all, each with its thread."""
        for one in [tid] if tid is not None else list(self._threads):
            thread = self._threads.pop(one, None)
            if thread is not None:
                yield from ((one, executed) for executed in thread.more)
