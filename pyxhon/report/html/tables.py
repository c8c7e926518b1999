"""Texts, frames and stacks of a page, each held once: rows refer to them by number."""

from dataclasses import dataclass, field
from typing import Final

from pyxhon.report.describe import describe_value
from pyxhon.report.escape import TEXT_LIMIT, escape, escape_path
from pyxhon.report.instruction_model import Instruction
from pyxhon.report.model import Behaviour, Detail, Location, NativeFrame

NONE: Final = -1
UNKNOWN_ORDER: Final = -2
"""Stands in a stack where it is not known how the frames that follow lie among the native ones."""
_APPENDED: Final = "?"


@dataclass(slots=True)
class Texts:
    """What is shown of a target, escaped and cut; the same text has the same number."""

    rows: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _escaped: dict[str, int] = field(default_factory=dict)

    def of(self, text: str | None) -> int:
        """Give the number of a target's text; a path keeps its end when cut."""
        if text is None:
            return NONE
        place = self._escaped.get(text)
        if place is None:
            place = self._escaped[text] = self.keep(show_text(text))
        return place

    def keep(self, shown: str) -> int:
        """Give the number of a text that is safe to show already."""
        place = self._places.setdefault(shown, len(self.rows))
        if place == len(self.rows):
            self.rows.append(shown)
        return place

    def of_value(self, value: object) -> int:
        """Give the number of a value's text."""
        if isinstance(value, str):
            return self.of(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return self.keep(str(value))
        return self.keep(describe_value(value, TEXT_LIMIT))


def show_text(text: str) -> str:
    """Show a target's text; most are plain, and looking at each character of those would take too long."""
    if len(text) <= TEXT_LIMIT and text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return escape_path(text) if text.startswith("/") else escape(text)


def show_instruction(instruction: Instruction | None) -> str | None:
    """Show what an instruction computes, else the instruction itself."""
    if instruction is None:
        return None
    argument = f" {instruction.argument}" if instruction.argument is not None else ""
    return instruction.expression or f"{instruction.opcode}{argument}"


@dataclass(slots=True)
class Stacks:
    """Frames, and stacks as a tree of them: most stacks differ only at their inner end.

    A node is a frame and the node outside it, flat in `nodes`. A frame is twice its number in `python`, or twice its
    number in `native` and one.
    """

    texts: Texts
    most_nodes: int
    python: list[list[int]] = field(default_factory=list)
    native: list[list[int]] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    left_out: int = 0
    _places: dict[tuple[object, ...], int] = field(default_factory=dict)
    _children: dict[tuple[int, int], int] = field(default_factory=dict)

    def frame_of(self, location: Location | None, instruction: str | None = None) -> int:
        """Give the number of a Python frame."""
        if location is None:
            return NONE
        key = (location.file, location.line, location.function, instruction)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.python)
            texts = self.texts
            row = [texts.of(location.file), location.line or 0, texts.of(location.function), texts.of(instruction)]
            self.python.append(row)
        return place

    def stack_of(self, behaviour: Behaviour, detail: Detail) -> int:
        """Give the node of a stack's innermost frame; too much of all is left out and counted."""
        steps = detail.mixed_stack or [f"p{number}" for number in range(len(behaviour.python_stack))]
        if not steps:
            return NONE
        if len(self.nodes) // 2 + len(steps) > self.most_nodes:
            self.left_out += 1
            return NONE
        node = NONE
        for step in reversed(steps):
            frame = self._read_step(step, behaviour, detail)
            node = self._child_of(node, frame) if frame != NONE else node
        return node

    def _child_of(self, parent: int, frame: int) -> int:
        key = (parent, frame)
        node = self._children.get(key)
        if node is None:
            node = self._children[key] = len(self.nodes) // 2
            self.nodes += (frame, parent)
        return node

    def _read_step(self, step: str, behaviour: Behaviour, detail: Detail) -> int:
        if step == _APPENDED:
            return UNKNOWN_ORDER
        position = int(step[1:])
        if step.startswith("n"):
            frames = behaviour.native_stack
            return 2 * self._native_of(frames[position]) + 1 if position < len(frames) else NONE
        if position >= len(behaviour.python_stack):
            return NONE
        instruction = detail.instructions[position] if position < len(detail.instructions) else None
        return 2 * self.frame_of(behaviour.python_stack[position], instruction)

    def _native_of(self, frame: NativeFrame) -> int:
        key = (frame.object, frame.symbol, frame.offset)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.native)
            offset = self.texts.keep(f"0x{frame.offset:x}")
            self.native.append([self.texts.of(frame.object), self.texts.of(frame.symbol), offset])
        return place
