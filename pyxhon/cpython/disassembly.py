"""Instructions of a captured code object in words: what arguments stand for, lines, the exception table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.bytecode import Instruction, Instructions
from pyxhon.cpython.code import LineTable, read_line_table
from pyxhon.cpython.constants import Constant
from pyxhon.cpython.opcode_tables import OpcodeTable, load_opcodes
from pyxhon.cpython.positions import Position, PositionTable, read_positions

_COMPARISONS: Final = ("<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", "exception match", "BAD")
_UNIT: Final = 2
_UNKNOWN: Final = "?"
_MAX_EXCEPTIONS: Final = 4096
_MAX_VARINT: Final = 6
# By how much an argument is shifted to leave the index of a name, since which version.
_NAME_SHIFTS: Final = {
    "LOAD_GLOBAL": ((3, 11), 1),
    "LOAD_ATTR": ((3, 12), 1),
    "LOAD_SUPER_ATTR": ((3, 12), 2),
    "IMPORT_NAME": ((3, 15), 2),
}
_BACKWARD: Final = "JUMP_BACKWARD"
_FROM_BEHIND: Final = "END_ASYNC_FOR"  # from 3.14 on it tells where its loop begins


@dataclass(frozen=True, slots=True)
class Parts:
    """What a code object's instructions refer to; as in the trace's table code_content."""

    version: tuple[int, int]
    first_line: int
    bytecode: bytes
    constants: Sequence[Constant | None]
    names: Sequence[str | None]
    variables: Sequence[str | None]
    cells: Sequence[str | None]
    free: Sequence[str | None]
    all_locals: Sequence[str | None]
    line_table: bytes
    exception_table: bytes


@dataclass(frozen=True, slots=True)
class Described:
    """An instruction in words; the argument is None where it has none."""

    offset: int
    name: str
    argument: str | None
    line: int | None
    position: Position | None


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """Which instructions are guarded, from `start` up to `end`, and where the handler is (3.11+)."""

    start: int
    end: int
    target: int
    depth: int
    keeps_instruction: bool


class Disassembly:
    """A code object whose instructions can be looked up."""

    def __init__(self, parts: Parts) -> None:
        table = load_opcodes(parts.version)
        self.is_known = table is not None
        self.parts = parts
        self.table: OpcodeTable = table or load_opcodes((3, 8))  # type: ignore[assignment]
        self._instructions = Instructions(self.table, parts.bytecode if table is not None else b"")
        self._lines: LineTable = read_line_table(parts.version, parts.first_line, parts.line_table)
        self._positions: PositionTable | None = read_positions(parts.version, parts.first_line, parts.line_table)

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """All of them, undescribed."""
        return self._instructions.all

    def at(self, offset: int) -> Described | None:
        """Describe the instruction that an offset lies in; None where there is none."""
        instruction = self._instructions.at(offset)
        return None if instruction is None else self._describe(instruction)

    def all(self) -> Iterator[Described]:
        """Describe all instructions."""
        return map(self._describe, self._instructions.all)

    def _describe(self, instruction: Instruction) -> Described:
        argument = None
        if instruction.argument is not None:
            argument = describe_argument(self.table, self.parts, instruction)
        line = self._lines.line_of(instruction.offset)
        position = None if self._positions is None else self._positions.at(instruction.offset)
        return Described(instruction.offset, instruction.name, argument, line, position)


def describe_argument(table: OpcodeTable, parts: Parts, instruction: Instruction) -> str:
    """Give the name, constant or place that an argument stands for; the number itself where it is no more."""
    name, argument = instruction.name, instruction.argument or 0
    words = table.words.get(name, _WORDS.get(name))
    if words is not None:
        return _item(words, argument)
    if name.count("_FAST") == 2:  # noqa: PLR2004 - an instruction for two variables, 3.13+
        return f"{_item(parts.all_locals, argument >> 4)}, {_item(parts.all_locals, argument & 15)}"
    kind = table.kinds.get(instruction.opcode, "")
    if name == "LOAD_SMALL_INT" or kind not in _DESCRIBED:
        return str(argument)
    return _DESCRIBED[kind](table, parts, instruction)


def _constant(table: OpcodeTable, parts: Parts, instruction: Instruction) -> str:
    del table
    argument = instruction.argument or 0
    constant = parts.constants[argument] if argument < len(parts.constants) else None
    return _UNKNOWN if constant is None else constant["text"]


def _jump(table: OpcodeTable, parts: Parts, instruction: Instruction) -> str:
    del parts
    return f"to {jump_target(table, instruction)}"


def _comparison(table: OpcodeTable, parts: Parts, instruction: Instruction) -> str:
    del parts
    shift = 0 if table.version < (3, 12) else 4 if table.version < (3, 13) else 5
    return _item(_COMPARISONS, (instruction.argument or 0) >> shift)


def _name(table: OpcodeTable, parts: Parts, instruction: Instruction) -> str:
    argument = instruction.argument or 0
    since, shift = _NAME_SHIFTS.get(instruction.name, ((3, 0), 0))
    return _item(parts.names, argument >> shift if table.version >= since else argument)


def _variable(table: OpcodeTable, parts: Parts, instruction: Instruction) -> str:
    return _item(_locals(parts, table.kinds[instruction.opcode]), instruction.argument or 0)


_WORDS: Final = {"IS_OP": ["is", "is not"], "CONTAINS_OP": ["in", "not in"]}
_DESCRIBED: Final[dict[str, Callable[[OpcodeTable, Parts, Instruction], str]]] = {
    "const": _constant,
    "jrel": _jump,
    "jabs": _jump,
    "compare": _comparison,
    "name": _name,
    "local": _variable,
    "free": _variable,
}


def _locals(parts: Parts, kind: str) -> Sequence[str | None]:
    if parts.version >= (3, 11):
        return parts.all_locals
    return parts.variables if kind == "local" else [*parts.cells, *parts.free]


def _item(items: Sequence[str | None], index: int) -> str:
    found = items[index] if index < len(items) else None
    return _UNKNOWN if found is None else found


def jump_target(table: OpcodeTable, instruction: Instruction) -> int:
    """Give where a jump leads to, in bytes."""
    argument = instruction.argument or 0
    unit = _UNIT if table.version >= (3, 10) else 1
    if table.kinds.get(instruction.opcode) == "jabs":
        return argument * unit
    is_backward = _BACKWARD in instruction.name or instruction.name == _FROM_BEHIND
    caches = table.caches[instruction.opcode] if table.version >= (3, 12) else 0
    return instruction.offset + _UNIT + (-argument if is_backward else argument) * unit + caches * _UNIT


def read_exceptions(table: bytes) -> list[ExceptionEntry]:
    """Read co_exceptiontable (Objects/exception_handling_notes.txt of 3.11); what makes no sense ends it."""
    entries: list[ExceptionEntry] = []
    numbers: list[int] = []
    value = size = 0
    for index, byte in enumerate(table):
        if byte & 128 and index and not numbers and size:
            break
        value, size = value << 6 | byte & 63, size + 1
        if byte & 64 and size < _MAX_VARINT:
            continue
        numbers.append(value)
        value = size = 0
        if len(numbers) == 4:  # noqa: PLR2004
            start, length, target, depth = numbers
            start, target = start * _UNIT, target * _UNIT
            entries.append(ExceptionEntry(start, start + length * _UNIT, target, depth >> 1, bool(depth & 1)))
            numbers = []
        if len(entries) >= _MAX_EXCEPTIONS:
            break
    return entries
