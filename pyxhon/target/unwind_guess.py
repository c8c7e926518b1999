"""Finds the caller of code without unwind tables: by the frame pointer, else by looking through the stack.

A guess must be a return address after a call, from which the unwind tables lead on in the same way. First come the
epilogues of the function's own code, which tell where its return address lies, then a frame pointer that the code
before sets up, then the innermost guess that holds.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Literal, NamedTuple

from pyxhon.target.address_space import AddressSpace
from pyxhon.target.call_sites import FrameFlag, direct_target
from pyxhon.target.cfi import RBP, RIP, RSP, Row
from pyxhon.target.cfi_entries import WORD_MASK, CfiError
from pyxhon.target.epilogues import Epilogue
from pyxhon.target.native_frames import know
from pyxhon.target.stack_memory import WORD_BYTES, OutsideError, StackMemory

Registers = list[int | None]
ApplyRow = Callable[[Row, Sequence[int | None], StackMemory], Registers]
GuessKind = Literal["frame_pointer", "scan"]

_MAX_WORDS = 512
_MAX_CANDIDATES = 16
_STEPS_TO_PROVE = 3
_LOWEST_CODE = 4096
_MAX_FUNCTION_BYTES = 1 << 16


class _Candidate(NamedTuple):
    """A caller that may be: where its return address lies, and its registers."""

    position: int
    registers: Registers
    kind: GuessKind


def guess_caller(
    space: AddressSpace, registers: Registers, memory: StackMemory, apply_row: ApplyRow
) -> tuple[Registers, GuessKind] | None:
    """Give the registers of the most likely caller and how it was found; None when nothing holds."""
    prover = _Prover(space, registers[RIP] or 0, memory, apply_row)
    by_pointer = _frame_pointer(space, registers, memory)
    epilogues, sets_up_frame_pointer = _code_around(space, registers[RIP] or 0)
    candidates = _by_epilogue(space, registers, memory, epilogues)
    if by_pointer is not None and sets_up_frame_pointer:
        candidates = chain(candidates, (by_pointer,))
    for candidate in chain(candidates, _candidates(space, registers, memory, by_pointer)):
        if prover.holds(candidate):
            return candidate.registers, candidate.kind
    return None


def _by_epilogue(
    space: AddressSpace, registers: Registers, memory: StackMemory, epilogues: Sequence[Epilogue]
) -> Iterator[_Candidate]:
    """Give what the returns after the current instruction would return to, if that follows a call."""
    stack = registers[RSP]
    for epilogue in epilogues:
        base = registers[RBP if epilogue.is_from_rbp else RSP]
        if base is None or stack is None or base + epilogue.amount < stack:
            continue
        position = base + epilogue.amount
        try:
            saved = {register: memory.word(position + WORD_BYTES * i) for i, register in enumerate(epilogue.popped)}
            position += WORD_BYTES * len(epilogue.popped)
            address = memory.word(position)
        except OutsideError:
            continue
        if is_return_address(space, address):
            caller = _caller(registers, address, position, registers[RBP])
            for register, value in saved.items():
                caller[register] = value
            is_pointer = position - WORD_BYTES == registers[RBP]
            yield _Candidate(position, caller, "frame_pointer" if is_pointer else "scan")


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


def _code_around(space: AddressSpace, address: int) -> tuple[tuple[Epilogue, ...], bool]:
    mapped = space.find(address)
    code = None if mapped is None else mapped.object.code
    return ((), False) if mapped is None or code is None else code.code_around(mapped.offset_of(address))


class _Prover:
    """Tries candidates out."""

    def __init__(self, space: AddressSpace, inner: int, memory: StackMemory, apply_row: ApplyRow) -> None:
        self._space = space
        self._inner = inner
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
        """Code without tables calls code without tables: it must call it directly, or have a frame pointer, too."""
        if candidate.kind == "frame_pointer":
            further = _frame_pointer(self._space, candidate.registers, self._memory)
            if further is not None and further.position > candidate.position:
                return True
        return _calls_within(self._space, candidate.registers[RIP] or 0, self._inner)


def _calls_within(space: AddressSpace, address: int, inner: int) -> bool:
    """Tell whether a direct call returns to an address, and the function called holds the inner address."""
    caller, callee = space.find(address - 1), space.find(inner)
    code = None if caller is None else caller.object.code
    if caller is None or callee is None or code is None or caller.object is not callee.object:
        return False
    offset = caller.offset_of(address - 1) + 1
    target = direct_target(code.bytes_before(offset), offset)
    return target is not None and 0 <= callee.offset_of(inner) - target < _MAX_FUNCTION_BYTES
