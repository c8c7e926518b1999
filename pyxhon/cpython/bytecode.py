"""Bytecode as the compiler made it: specialised and instrumented opcodes put back, caches emptied; its instructions.

The bytes come from a target's memory, so any must do: what makes no sense is shown as it is, never an error.
"""

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pyxhon.cpython.opcode_tables import OpcodeTable, load_numbers

_UNIT = 2  # sizeof(_Py_CODEUNIT)
_MAX_ARGUMENT = 1 << 32


@dataclass(frozen=True, slots=True)
class Covered:
    """What stood where another opcode was put: for each code unit an opcode, None where that is not known.

    `lines` has `line_step` bytes for each code unit (_PyCoMonitoringData.lines), `instructions` one
    (per_instruction_opcodes); `executor` gives the opcode and argument that an executor was put in place of.
    """

    lines: bytes | None = None
    line_step: int = 1
    instructions: bytes | None = None
    executor: Callable[[int], tuple[int, int] | None] = field(default=lambda _index: None)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: where it and its EXTENDED_ARGs start, in bytes; the argument is None where it has none."""

    offset: int
    opcode: int
    name: str
    argument: int | None


def restore(table: OpcodeTable, raw: bytes, covered: Covered) -> tuple[bytes, int]:
    """Give co_code for co_code_adaptive, and how many instructions could not be put back."""
    if not any(table.caches):
        return raw, 0
    opcodes, arguments = raw[: len(raw) // _UNIT * _UNIT : _UNIT], raw[1::_UNIT]
    kept_opcodes, kept_arguments = bytearray(len(opcodes)), bytearray(len(opcodes))
    unresolved = index = 0
    bases, caches = table.bases, table.caches
    while index < len(opcodes):
        opcode, argument = bases[opcodes[index]], arguments[index]
        if opcode < 0:  # something stands in its place
            opcode = opcodes[index]
            found = _original(table, opcode, argument, index, covered)
            unresolved += found is None
            opcode, argument = found if found is not None else (opcode, argument)
        kept_opcodes[index], kept_arguments[index] = opcode, argument
        index += 1 + caches[opcode]
    result = bytearray(_UNIT * len(opcodes))
    result[::_UNIT], result[1::_UNIT] = kept_opcodes, kept_arguments
    return bytes(result), unresolved


def without_caches(version: tuple[int, ...], raw: bytes) -> bytes:
    """Give co_code_adaptive with caches emptied, which count and change as it runs; its opcodes stay as they are."""
    table = load_numbers((version[0], version[1]))
    if table is None:
        return raw
    result, position = bytearray(raw), 0
    while position < len(result):
        caches = table.caches[result[position]]
        position += _UNIT
        if caches:
            end = min(position + caches * _UNIT, len(result))
            result[position:end] = bytes(end - position)
            position = end
    return bytes(result)


def _original(table: OpcodeTable, opcode: int, argument: int, index: int, covered: Covered) -> tuple[int, int] | None:
    for _ in range(4):  # a line's mark on an instruction's mark on an instrumented opcode on a specialised one
        name = table.names[opcode]
        under: int | None
        if name == "INSTRUMENTED_LINE":
            under = _byte(covered.lines, index * covered.line_step)
        elif name == "INSTRUMENTED_INSTRUCTION":
            under = _byte(covered.instructions, index)
        elif name == "ENTER_EXECUTOR":
            replaced = covered.executor(argument)
            under, argument = replaced if replaced is not None else (None, argument)
        else:
            base = table.originals.get(opcode)
            if base is None:
                return opcode, argument
            under = base
        if under is None:
            return None
        opcode = under
    return None


def _byte(table: bytes | None, place: int) -> int | None:
    return table[place] if table is not None and place < len(table) and table[place] else None


def read_instructions(table: OpcodeTable, bytecode: bytes) -> Iterator[Instruction]:
    """Give the instructions of restored bytecode, without caches and EXTENDED_ARGs."""
    extended = skip = 0
    for offset in range(0, len(bytecode) - 1, _UNIT):
        if skip:
            skip -= 1
            continue
        opcode = bytecode[offset]
        skip = table.caches[opcode]
        argument = bytecode[offset + 1] | extended if opcode in table.arguments else None
        name = table.names[opcode] or f"<{opcode}>"
        if name == "EXTENDED_ARG":
            extended = ((argument or 0) << 8) % _MAX_ARGUMENT
            continue
        extended = 0
        yield Instruction(offset, opcode, name, argument)


class Instructions:
    """The instructions of a code object, found by offset."""

    def __init__(self, table: OpcodeTable, bytecode: bytes) -> None:
        self.all = tuple(read_instructions(table, bytecode))
        self._starts = [instruction.offset for instruction in self.all]
        self._end = len(bytecode)

    def at(self, offset: int) -> Instruction | None:
        """Give the instruction that an offset lies in: at its opcode or in its caches."""
        index = bisect.bisect_right(self._starts, offset) - 1
        return self.all[index] if index >= 0 and 0 <= offset < self._end else None
