"""Finds the caller of code without unwind tables: by the frame pointer, else by looking through the stack.

A guess must be a return address after a call, from which the unwind tables lead on in the same way. A frame
pointer that the function's own code sets up is preferred; else the innermost guess that holds is taken.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from pyxhon.target.address_space import AddressSpace, Mapped
from pyxhon.target.call_sites import FrameFlag
from pyxhon.target.cfi import RBP, RIP, RSP, Row
from pyxhon.target.cfi_entries import WORD_MASK, CfiError
from pyxhon.target.native_frames import know
from pyxhon.target.stack_memory import WORD_BYTES, OutsideError, StackMemory

Registers = list[int | None]
ApplyRow = Callable[[Row, Sequence[int | None], StackMemory], Registers]
GuessKind = Literal["frame_pointer", "scan"]

_MAX_WORDS = 512
_MAX_CANDIDATES = 16
_STEPS_TO_PROVE = 3
_LOWEST_CODE = 4096
_PROLOGUE_WITHIN_BYTES = 2048
_PROLOGUES = (b"\x55\x48\x89\xe5", b"\x55\x48\x8b\xec")  # push %rbp; mov %rsp,%rbp


class _Candidate(NamedTuple):
    """A caller that may be: where its return address lies, and its registers."""

    position: int
    registers: Registers
    kind: GuessKind


def guess_caller(
    space: AddressSpace, registers: Registers, memory: StackMemory, apply_row: ApplyRow
) -> tuple[Registers, GuessKind] | None:
    """Give the registers of the most likely caller and how it was found; None when nothing holds."""
    prover = _Prover(space, memory, apply_row)
    by_pointer = _frame_pointer(space, registers, memory)
    if by_pointer is not None and _sets_up_frame_pointer(space, registers[RIP] or 0) and prover.holds(by_pointer):
        return by_pointer.registers, by_pointer.kind
    for candidate in _candidates(space, registers, memory, by_pointer):
        if prover.holds(candidate):
            return candidate.registers, candidate.kind
    return None


def _candidates(
    space: AddressSpace, registers: Registers, memory: StackMemory, by_pointer: _Candidate | None
) -> Iterator[_Candidate]:
    """Give candidates in the order in which they lie on the stack."""
    for candidate in islice(_scan(space, registers, memory), _MAX_CANDIDATES):
        if by_pointer is not None and by_pointer.position <= candidate.position:
            yield by_pointer
            by_pointer = None
        yield candidate
    if by_pointer is not None:
        yield by_pointer


def _scan(space: AddressSpace, registers: Registers, memory: StackMemory) -> Iterator[_Candidate]:
    start = registers[RSP] or 0
    for position in range(start, start + _MAX_WORDS * WORD_BYTES, WORD_BYTES):
        try:
            word = memory.word(position)
        except OutsideError:
            return
        if word > _LOWEST_CODE and is_return_address(space, word):
            yield _Candidate(position, _caller(registers, word, position, registers[RBP]), "scan")


def _frame_pointer(space: AddressSpace, registers: Registers, memory: StackMemory) -> _Candidate | None:
    pointer, stack = registers[RBP], registers[RSP]
    if pointer is None or stack is None or pointer < stack:
        return None
    try:
        saved, word = memory.word(pointer), memory.word(pointer + WORD_BYTES)
    except OutsideError:
        return None
    mapped = space.find(word - 1)
    if mapped is None or (mapped.object.code is not None and not is_return_address(space, word)):
        return None
    return _Candidate(pointer + WORD_BYTES, _caller(registers, word, pointer + WORD_BYTES, saved), "frame_pointer")


def _caller(registers: Registers, address: int, position: int, frame_pointer: int | None) -> Registers:
    caller = list(registers)
    caller[RIP], caller[RBP], caller[RSP] = address, frame_pointer, position + WORD_BYTES & WORD_MASK
    return caller


def is_return_address(space: AddressSpace, address: int) -> bool:
    """Tell whether an address follows a call instruction of a mapped file."""
    mapped = space.find(address - 1)
    if mapped is None or mapped.object.code is None:
        return False
    return FrameFlag.NO_CALL not in mapped.object.code.call_flags(mapped.offset_of(address - 1) + 1)


def _sets_up_frame_pointer(space: AddressSpace, address: int) -> bool:
    """Tell whether a prologue that makes rbp the frame pointer stands close before an address."""
    mapped = space.find(address)
    code = None if mapped is None else mapped.object.code
    if mapped is None or code is None:
        return False
    return any(prologue in _code_before(mapped, address) for prologue in _PROLOGUES)


def _code_before(mapped: Mapped, address: int) -> bytes:
    code = mapped.object.code
    end = mapped.offset_of(address)
    segment = None if code is None else code.image.segment_of(end)
    if code is None or segment is None:
        return b""
    start = max(segment.address, end - _PROLOGUE_WITHIN_BYTES)
    return code.image.read(start, end - start) or b""


class _Prover:
    """Tries candidates out."""

    def __init__(self, space: AddressSpace, memory: StackMemory, apply_row: ApplyRow) -> None:
        self._space = space
        self._memory = memory
        self._apply_row = apply_row

    def holds(self, candidate: _Candidate) -> bool:
        """Tell whether a chain that makes sense leads on from a candidate."""
        registers: Registers | None = candidate.registers
        for step in range(_STEPS_TO_PROVE):
            if registers is None or not registers[RIP]:
                return registers is not None and step > 0
            known = know(self._space, registers[RIP] or 0, is_exact=False)
            if known.ending == "bottom":
                return True
            if known.step is None or known.step.row is None:
                return step > 0 or self._points_on(candidate)
            try:
                registers = self._caller(known.step.row, registers)
            except OutsideError:
                return True
        return registers is not None

    def _caller(self, row: Row, inner: Registers) -> Registers | None:
        """Give the caller's registers; None when they make no sense."""
        try:
            outer = self._apply_row(row, inner, self._memory)
        except CfiError:
            return None
        below, above, address = inner[RSP], outer[RSP], outer[RIP]
        is_sensible = below is not None and above is not None and above > below
        return outer if is_sensible and (not address or is_return_address(self._space, address)) else None

    def _points_on(self, candidate: _Candidate) -> bool:
        """Code without tables calls code without tables: only a chain of frame pointers leads on."""
        if candidate.kind != "frame_pointer":
            return False
        further = _frame_pointer(self._space, candidate.registers, self._memory)
        return further is not None and further.position > candidate.position
