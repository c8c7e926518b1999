"""The byte instruction under each act, and under each frame of its stack, from the code captured in the trace."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from pyxhon.cpython.disassembly import Described, Disassembly, Parts
from pyxhon.cpython.expressions import expressions_of
from pyxhon.cpython.surroundings import surroundings_of
from pyxhon.join import Frame
from pyxhon.report.instruction_model import Instruction
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import CodeContentRow, FrameRow

_MOST_KEPT: Final = 4096
_MOST_STACKS: Final = 20_000
_MOST_INSTRUCTIONS: Final = 2_000_000  # of which expressions are written: some seconds
_ARGUMENT_LIMIT: Final = 200
_MOST_BYTES: Final = 4 << 20  # a trace from elsewhere may hold anything


def disassemble(content: CodeContentRow) -> Disassembly:
    """Make a captured code object's instructions readable; of a trace from elsewhere nothing is taken for granted."""
    major, _, minor = content.version.partition(".")
    version = (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)
    constants = [one if _is_constant(one) else None for one in content.constants]
    parts = Parts(
        version=version, first_line=content.first_line, bytecode=content.bytecode[:_MOST_BYTES], constants=constants,
        names=_texts(content.names), variables=_texts(content.variables), cells=_texts(content.cells),
        free=_texts(content.free), all_locals=_texts(content.all_locals), line_table=content.line_table[:_MOST_BYTES],
        exception_table=content.exception_table[:_MOST_BYTES],
    )  # fmt: skip
    return Disassembly(parts)


def _texts(values: list[Any]) -> list[str | None]:
    return [value if isinstance(value, str) else None for value in values]


def _is_constant(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and isinstance(value.get("text"), str)


class InstructionFinder:
    """Finds the instructions that the frames of events stand at."""

    def __init__(self, reader: TraceReader) -> None:
        self._reader = reader
        self._stacks = reader.event_stacks()
        self._hashes = reader.code_hashes()
        self._disassemblies: dict[str, Disassembly | None] = {}
        self._found: dict[tuple[str, int], Instruction | None] = {}
        self._expressions: dict[str, dict[int, str]] = {}
        self._budget = _MOST_INSTRUCTIONS
        self._under: dict[tuple[int, Frame], tuple[Instruction | None, int]] = {}  # with how many were left out for it
        self._along: dict[int, tuple[Sequence[Frame], list[str | None]]] = {}
        self.left_out = 0  # instructions that no expression is given of

    def under(self, event: int, location: Frame | None) -> Instruction | None:
        """Give the instruction of the innermost frame at a place in an event's stack."""
        stack = self._stacks.get(event)
        if location is None or stack is None:
            return None
        known = self._under.get((stack, location))
        if known is None:
            if len(self._under) >= _MOST_STACKS:
                self._under.clear()
            before = self.left_out
            found = self._find_under(stack, location)
            self._under[stack, location] = found, self.left_out - before
            return found
        self.left_out += known[1]
        return known[0]

    def _find_under(self, stack: int, location: Frame) -> Instruction | None:
        wanted = location.file, location.line, location.function
        rows = (row for row in self._reader.stack(stack) if (row.file, row.line, row.function) == wanted)
        found = next((self.of_frame(row) for row in rows), None)
        return None if found is None else self._explain(found)

    def _explain(self, instruction: Instruction) -> Instruction:
        """Add what it computes, and what it stands in."""
        disassembly = self._disassemblies.get(instruction.code or "")
        if disassembly is None or instruction.code is None:
            return instruction
        if instruction.code not in self._expressions:
            count = len(disassembly.instructions)
            if self._budget < count:  # a hostile program can make any number of large code objects
                self.left_out += 1
                return instruction
            self._budget -= count
            place = disassembly.table, disassembly.parts, disassembly.instructions
            self._expressions[instruction.code] = expressions_of(*place)
        return replace(
            instruction,
            expression=self._expressions[instruction.code].get(instruction.offset),
            surroundings=surroundings_of(
                disassembly.table, disassembly.parts, disassembly.instructions, instruction.offset
            ),
        )

    def along(self, event: int, frames: Sequence[Frame]) -> list[str | None]:
        """Give the instruction under each of these frames of an event's stack, as text."""
        stack = self._stacks.get(event)
        if stack is None:
            return [None] * len(frames)
        known = self._along.get(stack)
        if known is None or known[0] is not frames:
            if len(self._along) >= _MOST_STACKS:
                self._along.clear()
            known = self._along[stack] = frames, self._find_along(stack, frames)
        return known[1]

    def _find_along(self, stack: int, frames: Sequence[Frame]) -> list[str | None]:
        shown: list[str | None] = []
        rows = iter(self._reader.stack(stack))
        for frame in frames:
            wanted = frame.file, frame.line, frame.function
            found = next((row for row in rows if (row.file, row.line, row.function) == wanted), None)
            instruction = None if found is None else self.of_frame(found)
            shown.append(None if instruction is None else show_instruction(instruction))
        return shown

    def of_frame(self, row: FrameRow) -> Instruction | None:
        """Give the instruction that a frame stands at; None where its code was not captured."""
        digest = self._hashes.get(row.code or 0)
        if digest is None:
            return None
        key = digest, row.instruction
        if key not in self._found:
            if digest not in self._disassemblies:
                if len(self._disassemblies) >= _MOST_KEPT:
                    self._disassemblies.clear()
                content = self._reader.code_content(digest)
                self._disassemblies[digest] = None if content is None else disassemble(content)
            disassembly = self._disassemblies[digest]
            described = None if disassembly is None else disassembly.at(row.instruction)
            self._found[key] = None if described is None else _build(described, digest)
        return self._found[key]


def _build(described: Described, digest: str) -> Instruction:
    position = described.position
    argument = described.argument
    if argument is not None and len(argument) > _ARGUMENT_LIMIT:
        argument = argument[: _ARGUMENT_LIMIT - 1] + "…"
    return Instruction(
        opcode=described.name,
        offset=described.offset,
        argument=argument,
        line=described.line,
        end_line=None if position is None else position.end_line,
        column=None if position is None else position.column,
        end_column=None if position is None else position.end_column,
        code=digest,
    )


def show_instruction(instruction: Instruction) -> str:
    """Show an instruction on a line: offset, opcode, argument."""
    argument = "" if instruction.argument is None else f" {instruction.argument}"
    return f"{instruction.offset} {instruction.opcode}{argument}"
