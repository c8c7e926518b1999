"""The part of the schema that speaks of byte instructions; see model.py."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """The byte instruction under an act; columns are known from CPython 3.11 on and count bytes from 0.

    `expression` is what it computes, as read from the bytecode around it, `surroundings` what it stands in: a branch, a
    try block, a handler.
    """

    opcode: str
    offset: int
    argument: str | None = None
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None
    code: str | None = None
    expression: str | None = None
    surroundings: tuple[str, ...] = ()
