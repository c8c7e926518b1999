"""The opcodes of a minor version by name: which of them stand for another one, which execute more than one instruction.

Their numbers are those of `opcode_tables`.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.opcode_tables import load_opcodes
from pyxhon.cpython.opcodes import COUNT, Opcodes

EXTENDED_ARG: Final = "EXTENDED_ARG"
_NEVER_EXECUTED: Final = ("CACHE", "RESERVED")
_INSTRUMENTED: Final = "INSTRUMENTED_"
_ADAPTIVE: Final = "_ADAPTIVE"  # of 3.11, where it is an opcode of its own
_UNIT_BYTES: Final = 2
# What stands for others too: (after so many bytes, the opcode there; None: what the code says). Each executes these
# without going back to the dispatch table (Python/ceval.c in 3.11, Python/bytecodes.c later).
_AND_NEXT: Final = ((2, None),)
_MORE: Final[Mapping[str, tuple[tuple[int, str | None], ...]]] = {
    "LOAD_FAST__LOAD_FAST": _AND_NEXT,
    "LOAD_FAST__LOAD_CONST": _AND_NEXT,
    "LOAD_CONST__LOAD_FAST": _AND_NEXT,
    "STORE_FAST__LOAD_FAST": _AND_NEXT,
    "STORE_FAST__STORE_FAST": _AND_NEXT,
}
_AND_THEN: Final = {
    "BINARY_OP_INPLACE_ADD_UNICODE": "STORE_FAST",
    "CALL_NO_KW_LIST_APPEND": "POP_TOP",
    "CALL_LIST_APPEND": "POP_TOP",
}
_ALONE: Final = {("CALL_LIST_APPEND", (3, 15))}
_COMPARE_AND_JUMP: Final = ((6, None),)
_CALL_TOO: Final = ((4, "CALL"),)
_FIRST_WITHOUT_PRECALL: Final = (3, 12)
_REPLACED_OTHERWISE: Final = ("JUMP_BACKWARD", "RESUME")
_USUALLY_SPENT_BELOW: Final = 1 << 4  # the lowest bits say how far to count the next time
_SPENT_BELOW: Final[Mapping[tuple[int, int], int]] = {(3, 14): 15, (3, 15): 7}
_CALLS_LATER: Final = ("PRECALL_ADAPTIVE", "PRECALL_BOUND_METHOD", "PRECALL_PYFUNC")


@dataclass(frozen=True, slots=True)
class InstructionSet:
    """The opcodes of a minor version by name; `bases` are the ones that specialised or instrumented ones stand for."""

    version: tuple[int, int]
    numbers: Mapping[str, int]
    bases: Mapping[str, str]
    caches: Mapping[str, int]  # how many words follow an opcode, where some do

    def names(self) -> tuple[str | None, ...]:
        """Give the opcodes by number."""
        by_number = {number: name for name, number in self.numbers.items()}
        return tuple(by_number.get(number) for number in range(COUNT))

    def base_of(self, name: str) -> str:
        """Give the opcode that the compiler wrote, where another one is executed for it."""
        return self.bases.get(name, name)

    def more_of(self, name: str) -> tuple[tuple[int, str | None], ...]:
        """Give what an opcode executes besides itself: how many bytes later, and the opcode if always the same."""
        if self.version < _FIRST_WITHOUT_PRECALL:
            if name.startswith("COMPARE_OP_") and name.endswith("_JUMP"):
                return _COMPARE_AND_JUMP
            if name == "PRECALL_NO_KW_LIST_APPEND":
                return (*_CALL_TOO, (14, "POP_TOP"))
            if name.startswith("PRECALL_") and name not in _CALLS_LATER:
                return _CALL_TOO
        following = _AND_THEN.get(name)
        if following is not None and (name, self.version) not in _ALONE:
            return ((_UNIT_BYTES + _UNIT_BYTES * self.caches.get(self.base_of(name), 0), following),)
        return _MORE.get(name, ())

    def is_adaptive(self, name: str) -> bool:
        """Tell whether an opcode counts down to being replaced, and is then executed again."""
        if name.endswith(_ADAPTIVE):
            return True
        if self.version < _FIRST_WITHOUT_PRECALL or not self.caches.get(name) or name in _REPLACED_OTHERWISE:
            return False
        return any(base == name and not one.startswith(_INSTRUMENTED) for one, base in self.bases.items())

    @property
    def spent_below(self) -> int:
        """Give what the counter in the first cache is below when an opcode is to be replaced (pycore_backoff.h)."""
        return _SPENT_BELOW.get(self.version, _USUALLY_SPENT_BELOW)

    @property
    def opcodes(self) -> Opcodes:
        """Give them as a search for dispatch tables wants them."""
        numbers = sorted(self.numbers.values())
        return Opcodes(tuple(self.numbers.items()), tuple((number, number) for number in numbers))


@functools.cache
def load_instruction_set(version: tuple[int, ...]) -> InstructionSet | None:
    """Load the opcodes of a version; None where they are not known."""
    minor = (version[0], version[1])
    table = load_opcodes(minor)
    if table is None:
        return None
    names = table.names
    return InstructionSet(
        minor,
        {name: number for name, number in table.numbers.items() if name not in _NEVER_EXECUTED},
        {names[number]: names[base] for number, base in table.originals.items()},
        {names[number]: count for number, count in enumerate(table.caches) if count and number not in table.originals},
    )
