"""Call frame information: by what rules a function's caller is found, at any address of its code.

The instructions are those of DWARF 5, section 6.4.2, and the GNU extensions that x86-64 compilers write. They come
from files of a hostile process: everything is bounded, and what does not fit is a CfiError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from pyxhon.target.cfi_entries import Cie, Cursor, Fde, refuse
from pyxhon.target.cfi_index import CfiIndex, open_index
from pyxhon.target.elf import ElfImage

REGISTERS = 17  # rax rdx rcx rbx rsi rdi rbp rsp r8..r15 and the return address
RDI, RBP, RSP, RIP = 5, 6, 7, 16
_MAX_INSTRUCTIONS = 1 << 14
_MAX_REMEMBERED = 64
_MAX_EXPRESSION_BYTES = 256
_MAX_OFFSET = 1 << 31


class Kind(IntEnum):
    """How a register of the caller is found."""

    OFFSET = 0  # in memory, at CFA + value
    VALUE_OFFSET = 1  # it is CFA + value
    REGISTER = 2  # it is another register
    EXPRESSION = 3  # in memory, at what an expression gives
    VALUE_EXPRESSION = 4  # it is what an expression gives
    UNDEFINED = 5  # it is lost


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one register; a register without one keeps its value."""

    kind: Kind
    value: int = 0
    expression: bytes = b""


@dataclass(frozen=True, slots=True)
class Row:
    """All rules that hold at one address.

    The CFA is `cfa_register + cfa_offset`, or what `cfa_expression` gives. `return_register` stands for the caller's
    address.
    """

    cfa_register: int
    cfa_offset: int
    cfa_expression: bytes
    rules: tuple[tuple[int, Rule], ...]
    return_register: int
    is_signal: bool
    function_start: int


_Cfa = tuple[int, int, bytes]  # register, offset, expression


@lru_cache(maxsize=1 << 12)
def _rule(kind: Kind, value: int) -> Rule:
    """Give a rule without an expression: there are few."""
    return Rule(kind, value)


class _State:
    """The rules while the instructions run."""

    __slots__ = ("cfa", "location", "rules")

    def __init__(self, location: int) -> None:
        self.location = location
        self.cfa: _Cfa = (-1, 0, b"")
        self.rules: dict[int, Rule] = {}


class Program:
    """Runs the instructions of one function up to an address."""

    def __init__(self, cie: Cie, location: int, target: int) -> None:
        self._cie = cie
        self._target = target
        self._state = _State(location)
        self._initial: dict[int, Rule] = {}
        self._remembered: list[tuple[_Cfa, dict[int, Rule]]] = []
        self._steps = 0

    def start(self) -> tuple[_Cfa, dict[int, Rule]]:
        """Give the rules that hold before a function's own instructions."""
        self._execute(Cursor(self._cie.instructions, 0))
        return self._state.cfa, self._state.rules

    def run(self, fde: Fde) -> Row:
        """Give the rules at the target."""
        self._state.cfa, self._initial = _initial_rules(self._cie)
        self._state.rules = dict(self._initial)
        self._execute(Cursor(fde.instructions, fde.instructions_address))
        register, offset, expression = self._state.cfa
        if not expression and not 0 <= register < REGISTERS:
            refuse("no rule for the CFA")
        rules = tuple(sorted(self._state.rules.items()))
        return Row(register, offset, expression, rules, self._cie.return_register, self._cie.is_signal, fde.start)

    def _execute(self, cursor: Cursor) -> None:
        state, target = self._state, self._target
        while cursor.has_more and state.location <= target:
            self._steps += 1
            if self._steps > _MAX_INSTRUCTIONS:
                refuse("too many instructions")
            code = cursor.byte()
            high, low = code & 0xC0, code & 0x3F
            if high == 0x40:  # noqa: PLR2004 DW_CFA_advance_loc
                advance = low * self._cie.code_alignment
                if state.location + advance > target:
                    return
                state.location += advance
            elif high == 0x80:  # noqa: PLR2004 DW_CFA_offset
                self._save(low, cursor.uleb() * self._cie.data_alignment)
            elif high == 0xC0:  # noqa: PLR2004 DW_CFA_restore
                self._restore(low)
            else:
                action = _ACTIONS.get(low)
                if action is None:
                    refuse(f"instruction {code:#x}")
                action(self, cursor)

    def _save(self, register: int, offset: int, kind: Kind = Kind.OFFSET) -> None:
        self._set(register, _rule(kind, _bounded(offset)))

    def _set(self, register: int, rule: Rule) -> None:
        if register < REGISTERS:  # vector registers lead to nobody
            self._state.rules[register] = rule

    def _restore(self, register: int) -> None:
        if register in self._initial:
            self._state.rules[register] = self._initial[register]
        else:
            self._state.rules.pop(register, None)

    def advance(self, cursor: Cursor, size: int) -> None:
        """DW_CFA_advance_loc1, 2, 4 and DW_CFA_MIPS_advance_loc8."""
        self._state.location += cursor.number(size) * self._cie.code_alignment
        if self._state.location > self._target:
            cursor.position = cursor.end

    def set_location(self, cursor: Cursor) -> None:
        """DW_CFA_set_loc."""
        self._state.location = cursor.encoded(self._cie.pointer_encoding)
        if self._state.location > self._target:
            cursor.position = cursor.end

    def save(self, cursor: Cursor) -> None:
        """DW_CFA_offset_extended."""
        self._save(cursor.uleb(), cursor.uleb() * self._cie.data_alignment)

    def save_signed(self, cursor: Cursor) -> None:
        """DW_CFA_offset_extended_sf."""
        self._save(cursor.uleb(), cursor.sleb() * self._cie.data_alignment)

    def save_negative(self, cursor: Cursor) -> None:
        """DW_CFA_GNU_negative_offset_extended."""
        self._save(cursor.uleb(), -cursor.uleb() * self._cie.data_alignment)

    def value(self, cursor: Cursor) -> None:
        """DW_CFA_val_offset."""
        self._save(cursor.uleb(), cursor.uleb() * self._cie.data_alignment, Kind.VALUE_OFFSET)

    def value_signed(self, cursor: Cursor) -> None:
        """DW_CFA_val_offset_sf."""
        self._save(cursor.uleb(), cursor.sleb() * self._cie.data_alignment, Kind.VALUE_OFFSET)

    def restore(self, cursor: Cursor) -> None:
        """DW_CFA_restore_extended."""
        self._restore(cursor.uleb())

    def undefined(self, cursor: Cursor) -> None:
        """DW_CFA_undefined."""
        self._set(cursor.uleb(), _rule(Kind.UNDEFINED, 0))

    def same_value(self, cursor: Cursor) -> None:
        """DW_CFA_same_value."""
        self._state.rules.pop(cursor.uleb(), None)

    def register(self, cursor: Cursor) -> None:
        """DW_CFA_register."""
        saved, holder = cursor.uleb(), cursor.uleb()
        if holder >= REGISTERS:
            refuse("a register that is not copied")
        self._set(saved, _rule(Kind.REGISTER, holder))

    def remember(self, _: Cursor) -> None:
        """DW_CFA_remember_state."""
        if len(self._remembered) >= _MAX_REMEMBERED:
            refuse("too many remembered states")
        self._remembered.append((self._state.cfa, dict(self._state.rules)))

    def recall(self, _: Cursor) -> None:
        """DW_CFA_restore_state."""
        if not self._remembered:
            refuse("no remembered state")
        self._state.cfa, self._state.rules = self._remembered.pop()

    def cfa(self, cursor: Cursor) -> None:
        """DW_CFA_def_cfa."""
        self._state.cfa = (cursor.uleb(), _bounded(cursor.uleb()), b"")

    def cfa_signed(self, cursor: Cursor) -> None:
        """DW_CFA_def_cfa_sf."""
        self._state.cfa = (cursor.uleb(), _bounded(cursor.sleb() * self._cie.data_alignment), b"")

    def cfa_register(self, cursor: Cursor) -> None:
        """DW_CFA_def_cfa_register."""
        self._state.cfa = (cursor.uleb(), self._state.cfa[1], b"")

    def cfa_offset(self, cursor: Cursor) -> None:
        """DW_CFA_def_cfa_offset."""
        self._state.cfa = (self._state.cfa[0], _bounded(cursor.uleb()), b"")

    def cfa_offset_signed(self, cursor: Cursor) -> None:
        """DW_CFA_def_cfa_offset_sf."""
        self._state.cfa = (self._state.cfa[0], _bounded(cursor.sleb() * self._cie.data_alignment), b"")

    def cfa_expression(self, cursor: Cursor) -> None:
        """DW_CFA_def_cfa_expression."""
        self._state.cfa = (-1, 0, _take_expression(cursor))

    def expression(self, cursor: Cursor) -> None:
        """DW_CFA_expression."""
        self._set(cursor.uleb(), Rule(Kind.EXPRESSION, expression=_take_expression(cursor)))

    def value_expression(self, cursor: Cursor) -> None:
        """DW_CFA_val_expression."""
        self._set(cursor.uleb(), Rule(Kind.VALUE_EXPRESSION, expression=_take_expression(cursor)))


_Action = Callable[[Program, Cursor], None]
_ACTIONS: dict[int, _Action] = {
    0x00: lambda *_: None,
    0x01: Program.set_location,
    0x02: lambda program, cursor: program.advance(cursor, 1),
    0x03: lambda program, cursor: program.advance(cursor, 2),
    0x04: lambda program, cursor: program.advance(cursor, 4),
    0x05: Program.save,
    0x06: Program.restore,
    0x07: Program.undefined,
    0x08: Program.same_value,
    0x09: Program.register,
    0x0A: Program.remember,
    0x0B: Program.recall,
    0x0C: Program.cfa,
    0x0D: Program.cfa_register,
    0x0E: Program.cfa_offset,
    0x0F: Program.cfa_expression,
    0x10: Program.expression,
    0x11: Program.save_signed,
    0x12: Program.cfa_signed,
    0x13: Program.cfa_offset_signed,
    0x14: Program.value,
    0x15: Program.value_signed,
    0x16: Program.value_expression,
    0x1D: lambda program, cursor: program.advance(cursor, 8),
    0x2E: lambda _, cursor: _skip_args_size(cursor),
    0x2F: Program.save_negative,
}


def _skip_args_size(cursor: Cursor) -> None:
    """DW_CFA_GNU_args_size, which only matters to exceptions."""
    cursor.uleb()


def _bounded(offset: int) -> int:
    if not -_MAX_OFFSET < offset < _MAX_OFFSET:
        refuse("an offset no frame has")
    return offset


def _take_expression(cursor: Cursor) -> bytes:
    size = cursor.uleb()
    if not 0 < size <= _MAX_EXPRESSION_BYTES:
        refuse("an expression is too long")
    return cursor.take(size)


def row_at(fde: Fde, address: int) -> Row:
    """Give the rules that hold at an address of a function; CfiError when its description is damaged."""
    return Program(fde.cie, fde.start, address).run(fde)


@lru_cache(maxsize=1 << 8)
def _initial_rules(cie: Cie) -> tuple[_Cfa, dict[int, Rule]]:
    return Program(cie, 0, 0).start()


class CallFrameInformation:
    """The call frame information of one image."""

    def __init__(self, image: ElfImage) -> None:
        self._index: CfiIndex | None = open_index(image)

    @property
    def is_there(self) -> bool:
        """The image has unwind information of a kind that can be used."""
        return self._index is not None

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return 0 if self._index is None else self._index.size_bytes

    def row(self, address: int) -> Row | None:
        """Give the rules at an address; None where no function is described, CfiError where one is damaged."""
        fde = None if self._index is None else self._index.find(address)
        return None if fde is None else row_at(fde, address)
