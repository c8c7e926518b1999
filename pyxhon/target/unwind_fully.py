"""Unwinding with all registers: every kind of rule, signal frames, and guesses where there are no tables."""

from collections.abc import Sequence
from dataclasses import replace

from pyxhon.target.address_space import AddressSpace
from pyxhon.target.cfi import REGISTERS, RIP, RSP, Kind, Row, Rule
from pyxhon.target.cfi_entries import WORD_MASK, CfiError, refuse
from pyxhon.target.cfi_expressions import evaluate
from pyxhon.target.native_frames import MAX_FRAMES, EndReason, How, NativeFrame, Unwound, know
from pyxhon.target.stack_memory import OutsideError, StackMemory
from pyxhon.target.unwind_guess import guess_caller

Registers = list[int | None]
_MAX_SIGNALS = 8
_MAX_GUESSES = 64


def apply_row(row: Row, registers: Sequence[int | None], memory: StackMemory) -> Registers:
    """Give the registers of the caller; CfiError, or OutsideError for a word that was not copied."""
    if row.cfa_expression:
        cfa = evaluate(row.cfa_expression, registers, memory.word)
    else:
        cfa = _value(registers, row.cfa_register) + row.cfa_offset & WORD_MASK
    caller = list(registers)
    caller[RSP] = cfa
    for register, rule in row.rules:
        if not _is_popped(register, rule, cfa, registers):
            caller[register] = _recover(rule, cfa, registers, memory)
    if row.return_register != RIP:
        if row.return_register >= REGISTERS:
            refuse("the return address lies in no register that is copied")
        caller[RIP] = caller[row.return_register]
    elif all(register != RIP for register, _ in row.rules):
        refuse("no rule for the return address")
    return caller


def _is_popped(register: int, rule: Rule, cfa: int, registers: Sequence[int | None]) -> bool:
    """Compilers leave the rule in place after a `pop`: a slot below rsp is free, the register has its value again."""
    stack = registers[RSP]
    return rule.kind == Kind.OFFSET and register != RIP and stack is not None and cfa + rule.value < stack


def _recover(rule: Rule, cfa: int, registers: Sequence[int | None], memory: StackMemory) -> int | None:
    match rule.kind:
        case Kind.OFFSET:
            return memory.word(cfa + rule.value & WORD_MASK)
        case Kind.VALUE_OFFSET:
            return cfa + rule.value & WORD_MASK
        case Kind.REGISTER:
            return registers[rule.value]
        case Kind.EXPRESSION:
            return memory.word(evaluate(rule.expression, registers, memory.word, cfa))
        case Kind.VALUE_EXPRESSION:
            return evaluate(rule.expression, registers, memory.word, cfa)
        case Kind.UNDEFINED:
            return None


def _value(registers: Sequence[int | None], number: int) -> int:
    value = registers[number]
    return value if value is not None else refuse("a register is not known")


class FullUnwinding:
    """One thread's stack while it is unwound."""

    def __init__(self, space: AddressSpace, registers: Sequence[int], memory: StackMemory) -> None:
        self._space = space
        self._memory = memory
        self._registers: Registers = list(registers)
        self._frames: list[NativeFrame] = []
        self._how: How = "start"
        self._signals = 0
        self._guesses = 0

    def run(self) -> Unwound:
        """Go on to the bottom, or as far as it is known how."""
        reason = self._next()
        while reason is None:
            reason = self._next()
        return Unwound(tuple(self._frames), reason)

    def _next(self) -> EndReason | None:
        """Add a frame and find its caller; the reason when there is none."""
        address = self._registers[RIP]
        if not address:
            return "bottom"
        if len(self._frames) >= MAX_FRAMES:
            return "limit"
        is_exact = self._how in ("start", "signal")
        known = know(self._space, address, is_exact=is_exact)
        frame = known.frame
        self._frames.append(frame if frame.how == self._how else replace(frame, how=self._how))
        if known.ending == "bottom":
            return "bottom"
        step = known.step
        if step is not None and step.row is not None:
            return self._follow(step.row, is_exact=is_exact)
        if step is not None and step.error is not None:
            return "bad_cfi"
        return self._guess(is_mapped=frame.object is not None, is_exact=is_exact)

    def _follow(self, row: Row, *, is_exact: bool) -> EndReason | None:
        try:
            caller = apply_row(row, self._registers, self._memory)
        except OutsideError:
            return "stack_end"
        except CfiError:
            return "bad_cfi"
        before, after = self._registers[RSP], caller[RSP]
        if before is None or after is None:
            return "bad_cfi"
        if row.is_signal:
            self._signals += 1
            if self._signals > _MAX_SIGNALS:
                return "loop"
        elif after < before or (after == before and not is_exact):
            return "loop"
        self._registers = caller
        self._how = "signal" if row.is_signal else "cfi"
        return None

    def _guess(self, *, is_mapped: bool, is_exact: bool) -> EndReason | None:
        reason: EndReason = "no_cfi" if is_mapped else "no_code"
        self._guesses += 1
        if self._guesses > _MAX_GUESSES or (not is_mapped and not is_exact):
            return reason
        guess = guess_caller(self._space, self._registers, self._memory, apply_row)
        if guess is None:
            return reason
        self._registers, self._how = guess
        return None
