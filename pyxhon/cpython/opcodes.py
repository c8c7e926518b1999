"""Opcode numbers: those that probes and searches need, and which numbers have a meaning at all.

They never change within a minor version. The numbers themselves are in `layouts/`, from CPython's own headers.
"""

from dataclasses import dataclass

ENTRIES = ("RESUME", "RESUME_QUICK", "RESUME_CHECK", "RESUME_CHECK_JIT", "INSTRUMENTED_RESUME")
"""The opcodes of which one runs whenever a function starts or goes on (3.11+)."""

RETURNS = ("RETURN_VALUE", "RETURN_CONST", "INSTRUMENTED_RETURN_VALUE", "INSTRUMENTED_RETURN_CONST")
"""Those with which a function ends."""

YIELDS = ("YIELD_VALUE", "INSTRUMENTED_YIELD_VALUE")
"""Those with which it pauses."""

# What may stand in the place of another instruction.
_COVERS = ("INSTRUMENTED_INSTRUCTION", "INSTRUMENTED_LINE", "ENTER_EXECUTOR")

NAMES = (*ENTRIES, *RETURNS, *YIELDS, "RETURN_GENERATOR", *_COVERS)
"""All opcodes whose numbers are kept; no version has all of them."""

COUNT = 256
"""How many an instruction can name."""


@dataclass(frozen=True, slots=True)
class Opcodes:
    """The opcode numbers of a minor version.

    `numbers` are those of NAMES that it has; `defined` are the first and the last of each range of numbers that stand
    for an opcode, specialised and instrumented ones among them.
    """

    numbers: tuple[tuple[str, int], ...]
    defined: tuple[tuple[int, int], ...]

    def number_of(self, name: str) -> int | None:
        """Give an opcode's number; None when this version has no such opcode."""
        return dict(self.numbers).get(name)

    @property
    def undefined(self) -> tuple[int, ...]:
        """The numbers that stand for no opcode."""
        known = {number for first, last in self.defined for number in range(first, last + 1)}
        return tuple(number for number in range(COUNT) if number not in known)
