"""Evaluates the DWARF expressions of unwind rules: bounded in steps and depth, CfiError for what does not fit.

Operations are those of DWARF 5, section 2.5, that make sense in call frame information.
"""

from collections.abc import Callable, Sequence

from pyxhon.target.cfi_entries import WORD_MASK, CfiError, Cursor, refuse

ReadWord = Callable[[int], int]
_MAX_STEPS = 512
_MAX_DEPTH = 64
_SIGN = 1 << 63


def _signed(value: int) -> int:
    return value - (1 << 64) if value & _SIGN else value


def _divide(left: int, right: int) -> int:
    one, other = _signed(left), _signed(right)
    if not other:
        refuse("division by zero")
    quotient = abs(one) // abs(other)
    return quotient if (one < 0) == (other < 0) else -quotient


def _modulo(left: int, right: int) -> int:
    return left % right if right else refuse("division by zero")


_TWO_OPERANDS: dict[int, Callable[[int, int], int]] = {
    0x1A: lambda left, right: left & right,
    0x1B: _divide,
    0x1C: lambda left, right: left - right,
    0x1D: _modulo,
    0x1E: lambda left, right: left * right,
    0x21: lambda left, right: left | right,
    0x22: lambda left, right: left + right,
    0x24: lambda left, right: left << right if right < 64 else 0,  # noqa: PLR2004 bits of a word
    0x25: lambda left, right: left >> right if right < 64 else 0,  # noqa: PLR2004
    0x26: lambda left, right: _signed(left) >> min(right, 63),
    0x27: lambda left, right: left ^ right,
    0x29: lambda left, right: int(left == right),
    0x2A: lambda left, right: int(_signed(left) >= _signed(right)),
    0x2B: lambda left, right: int(_signed(left) > _signed(right)),
    0x2C: lambda left, right: int(_signed(left) <= _signed(right)),
    0x2D: lambda left, right: int(_signed(left) < _signed(right)),
    0x2E: lambda left, right: int(left != right),
}
_ONE_OPERAND: dict[int, Callable[[int], int]] = {
    0x19: lambda value: abs(_signed(value)),
    0x1F: lambda value: -value,
    0x20: lambda value: ~value,
}
_CONSTANTS: dict[int, tuple[int, bool]] = {
    0x03: (8, False), 0x08: (1, False), 0x09: (1, True), 0x0A: (2, False), 0x0B: (2, True), 0x0C: (4, False),
    0x0D: (4, True), 0x0E: (8, False), 0x0F: (8, True),
}  # fmt: skip


class _Machine:
    """The stack machine of one evaluation."""

    def __init__(self, expression: bytes, registers: Sequence[int | None], read_word: ReadWord) -> None:
        self._cursor = Cursor(expression, 0)
        self._registers = registers
        self._read_word = read_word
        self._stack: list[int] = []

    def run(self, *start: int) -> int:
        """Evaluate; the operands in `start` lie on the stack first."""
        self._stack.extend(start)
        steps = 0
        while self._cursor.has_more:
            steps += 1
            if steps > _MAX_STEPS or len(self._stack) > _MAX_DEPTH:
                refuse("an expression does not end")
            self._step(self._cursor.byte())
        return self._pop()

    def _pop(self) -> int:
        if not self._stack:
            refuse("an expression takes more than it has")
        return self._stack.pop()

    def _push(self, value: int) -> None:
        self._stack.append(value & WORD_MASK)

    def _pick(self, depth: int) -> int:
        if depth >= len(self._stack):
            refuse("an expression takes more than it has")
        return self._stack[-1 - depth]

    def _step(self, code: int) -> None:
        cursor = self._cursor
        if 0x30 <= code <= 0x4F:  # noqa: PLR2004 DW_OP_lit0..31
            self._push(code - 0x30)
        elif 0x70 <= code <= 0x8F:  # noqa: PLR2004 DW_OP_breg0..31
            self._push(self._register(code - 0x70) + cursor.sleb())
        elif code in _TWO_OPERANDS:
            right = self._pop()
            self._push(_TWO_OPERANDS[code](self._pop(), right))
        elif code in _ONE_OPERAND:
            self._push(_ONE_OPERAND[code](self._pop()))
        elif code in _CONSTANTS:
            size, signed = _CONSTANTS[code]
            self._push(cursor.number(size, signed=signed))
        else:
            self._step_other(code)

    def _step_other(self, code: int) -> None:
        cursor = self._cursor
        match code:
            case 0x06:  # DW_OP_deref
                self._push(self._read_word(self._pop()))
            case 0x94:  # DW_OP_deref_size
                size = cursor.byte()
                word = self._read_word(self._pop())
                self._push(word & (1 << 8 * size) - 1 if 0 < size < 8 else word)  # noqa: PLR2004 a whole word
            case 0x10 | 0x11:  # DW_OP_constu, DW_OP_consts
                self._push(cursor.uleb() if code == 0x10 else cursor.sleb())  # noqa: PLR2004
            case 0x23:  # DW_OP_plus_uconst
                self._push(self._pop() + cursor.uleb())
            case 0x92:  # DW_OP_bregx
                self._push(self._register(cursor.uleb()) + cursor.sleb())
            case 0x12 | 0x14 | 0x15:  # DW_OP_dup, DW_OP_over, DW_OP_pick
                self._push(self._pick({0x12: 0, 0x14: 1}[code] if code != 0x15 else cursor.byte()))  # noqa: PLR2004
            case 0x13 | 0x16 | 0x17:  # DW_OP_drop, DW_OP_swap, DW_OP_rot
                self._rearrange(code)
            case 0x2F | 0x28:  # DW_OP_skip, DW_OP_bra
                self._jump(is_taken=code == 0x2F or self._pop() != 0)  # noqa: PLR2004
            case 0x96:  # DW_OP_nop
                pass
            case _:
                refuse(f"operation {code:#x}")

    def _rearrange(self, code: int) -> None:
        top = self._pop()
        if code == 0x16:  # noqa: PLR2004 DW_OP_swap
            self._stack[-1:] = [top, self._pick(0)]
        elif code == 0x17:  # noqa: PLR2004 DW_OP_rot
            self._stack[-2:] = [top, self._pick(1), self._pick(0)]

    def _jump(self, *, is_taken: bool) -> None:
        cursor = self._cursor
        to = cursor.number(2, signed=True) + cursor.position
        if is_taken:
            if not 0 <= to <= cursor.end:
                refuse("a jump leaves the expression")
            cursor.position = to

    def _register(self, number: int) -> int:
        value = self._registers[number] if number < len(self._registers) else None
        if value is None:
            refuse("a register is not known")
        return value


def evaluate(expression: bytes, registers: Sequence[int | None], read_word: ReadWord, *start: int) -> int:
    """Give what an expression computes; `read_word` raises what it likes for memory that is not there."""
    return _Machine(expression, registers, read_word).run(*start)


__all__ = ["CfiError", "ReadWord", "evaluate"]
