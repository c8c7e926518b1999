"""What an instruction is surrounded by: a condition, a try block, a handler of exceptions. It may not have run at all.

Told by the bytecode: jumps over it, and blocks that guard it (SETUP_FINALLY up to 3.10, then the exception table:
Objects/exception_handling_notes.txt).
"""

from collections.abc import Sequence
from typing import Final

from pyxhon.cpython.bytecode import Instruction
from pyxhon.cpython.disassembly import Parts, jump_target, read_exceptions
from pyxhon.cpython.opcode_tables import OpcodeTable

WORDS: Final = ("branch", "try", "except")
"""What there is, in the order in which it is told."""
_FIRST_WITH_TABLE: Final = (3, 11)
_FIRST_WITH_MATCH: Final = (3, 9)  # before, exceptions are compared like other values
_MATCH: Final = 10  # PyCmp_EXC_MATCH: Include/opcode.h of 3.8
_SETUP: Final = "SETUP_FINALLY"
_MOST_NESTED: Final = 64  # blocks: CPython allows 20, CO_MAXBLOCKS
_LOOK: Final = 12  # instructions of a handler before it is clear which exceptions it takes
_MATCHES: Final = ("CHECK_EXC_MATCH", "CHECK_EG_MATCH", "JUMP_IF_NOT_EXC_MATCH")


def surroundings_of(
    table: OpcodeTable, parts: Parts, instructions: tuple[Instruction, ...], offset: int
) -> tuple[str, ...]:
    """Give which of WORDS the instruction at an offset stands in."""
    if parts.version >= _FIRST_WITH_TABLE:
        is_tried, is_handler = _by_table(parts, instructions, offset)
    else:
        is_tried, is_handler = _by_blocks(table, instructions, offset)
    over = [
        one
        for before, one in zip(instructions[:1] + instructions, instructions, strict=False)
        if before.name not in _MATCHES and not _is_match(table, before) and one.name not in _MATCHES
        if "JUMP" in one.name or one.name == "FOR_ITER"
        if one.offset < offset < jump_target(table, one)
    ]
    # a block that ends jumps over the handlers behind it
    is_branch = any("IF_" in one.name or one.name == "FOR_ITER" or not is_handler for one in over)
    return tuple(word for word, so in zip(WORDS, (is_branch, is_tried, is_handler), strict=True) if so)


def _is_match(table: OpcodeTable, instruction: Instruction) -> bool:
    return table.version < _FIRST_WITH_MATCH and instruction.name == "COMPARE_OP" and instruction.argument == _MATCH


def _by_table(parts: Parts, instructions: Sequence[Instruction], offset: int) -> tuple[bool, bool]:
    """Go from handler to handler outwards; each that is entered by an exception is guarded by one of its own."""
    places = {one.offset: index for index, one in enumerate(instructions)}
    entries = read_exceptions(parts.exception_table)
    is_tried = is_handler = is_own = False
    for _ in range(_MOST_NESTED):
        target = next((one.target for one in entries if one.start <= offset < one.end), None)
        if target is None or target not in places:
            break
        names = [one.name for one in instructions[places[target] :][:_LOOK]]
        if names[:2] == ["COPY", "POP_EXCEPT"]:
            is_handler |= not is_own
            is_own = False
        elif names[:1] == ["PUSH_EXC_INFO"]:
            is_tried |= _takes(names[1:])
            is_own = True
        offset = target
    return is_tried, is_handler


def _takes(names: list[str]) -> bool:
    """Tell whether a handler takes exceptions, of a kind or all, rather than cleaning up."""
    if names[:1] == ["POP_TOP"]:
        return True
    ends = next((at for at, name in enumerate(names) if name.startswith(("RERAISE", "WITH_EXCEPT"))), len(names))
    return any(name in _MATCHES for name in names[:ends])


def _by_blocks(table: OpcodeTable, instructions: Sequence[Instruction], offset: int) -> tuple[bool, bool]:
    handlers = {jump_target(table, one) for one in instructions if one.name == _SETUP}
    places = {one.offset: index for index, one in enumerate(instructions)}
    taking = {
        handler
        for handler in handlers & places.keys()
        if _takes_before_3_11(instructions[places[handler] :][:_LOOK], table.version)
    }
    blocks: list[int] = []
    is_handler = False
    for one in instructions:
        if one.offset in handlers:
            blocks = [block for block in blocks if block != one.offset]
            is_handler = is_handler or one.offset in taking
        if one.offset >= offset:
            break
        if one.name.startswith("SETUP_"):
            blocks.append(jump_target(table, one))
        elif one.name == "POP_BLOCK" and blocks:
            blocks.pop()
        elif one.name == "POP_EXCEPT":
            is_handler = False
    return any(block in taking for block in blocks), is_handler


def _takes_before_3_11(handler: Sequence[Instruction], version: tuple[int, int]) -> bool:
    names = [one.name for one in handler]
    if names[:3] == ["POP_TOP"] * 3:
        return True
    is_compared = "COMPARE_OP" in names and version < _FIRST_WITH_MATCH
    return names[:1] == ["DUP_TOP"] and (is_compared or any(name in _MATCHES for name in names))
