"""The tables by which CPython's evaluation loop reaches the machine code of each opcode (3.11+).

A table is 256 addresses of code, one for each number; all numbers that stand for no opcode have one and the same
(Python/opcode_targets.h). This shape is enough to find it in a stripped file. Builds without computed gotos or tail
calls have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.cpython.opcodes import COUNT, ENTRIES, Opcodes
from pyxhon.cpython.pointers import Pointers
from pyxhon.target.elf import ElfImage

_WORD_BYTES = 8
_ALWAYS = "LOAD_FAST"
_MAX_TABLES = 2  # 3.15 has a second one for tracing
_MAX_CANDIDATES = 4096
_FEWEST_BODIES = 100  # else any long list of one address is a table
_MOST_WITHOUT_BODY = 8  # opcodes that a compiler found out not to be reachable


@dataclass(frozen=True, slots=True)
class DispatchTable:
    """Where a table is, and the body of each opcode by its number; addresses as linked."""

    address: int
    bodies: tuple[int, ...]
    no_opcode: int

    def body_of(self, opcode: int) -> int | None:
        """Give where the machine code of an opcode starts; None when it has none of its own."""
        body = self.bodies[opcode]
        return None if body == self.no_opcode else body

    def opcodes_at(self, body: int) -> set[int]:
        """Give all opcodes that share a body."""
        return {opcode for opcode, other in enumerate(self.bodies) if other == body}


def find_dispatch_tables(
    image: ElfImage, opcodes: Opcodes, *, has_resume: bool = True
) -> tuple[list[DispatchTable], list[str]]:
    """Find the tables of an interpreter's file; give them, and notes on why there are none.

    Up to 3.10 there is no RESUME.
    """
    pointers = Pointers(image)
    found: list[DispatchTable] = []
    left = _MAX_CANDIDATES
    for start, values in _runs_of_code(pointers):
        for index in _candidates(values, opcodes, ENTRIES[0] if has_resume else _ALWAYS):
            left -= 1
            table = _read_table(start + index * _WORD_BYTES, values[index : index + COUNT], opcodes)
            found += [] if table is None else [table]
            if not left or len(found) > _MAX_TABLES:
                return [], ["dispatch table: too much in the file looks like one"]
    if found:
        return found, []
    why = "; the file has more pointers than were searched" if pointers.is_partial else ""
    return [], [f"dispatch table: nothing in the file looks like one{why}"]


def _runs_of_code(pointers: Pointers) -> Iterator[tuple[int, list[int]]]:
    """Give start and values of each row of pointers to code that is long enough for a table."""
    segments = pointers.image.code
    low = min((s.address for s in segments), default=0)
    high = max((s.address + s.file_size for s in segments), default=0)
    values = pointers.values
    sites = sorted(site for site, value in values.items() if low <= value < high)
    start = 0
    for index in range(1, len(sites) + 1):
        if index < len(sites) and sites[index] == sites[index - 1] + _WORD_BYTES:
            continue
        if index - start >= COUNT:
            yield sites[start], [values[site] for site in sites[start:index]]
        start = index


def _candidates(values: list[int], opcodes: Opcodes, name: str) -> Iterator[int]:
    """Give where a table may start, by two numbers that stand for no opcode and one that stands for one."""
    undefined, resume = opcodes.undefined, opcodes.number_of(name)
    if not undefined or resume is None:
        return
    first, last = undefined[0], undefined[-1]
    for index in range(len(values) - COUNT + 1):
        address = values[index + first]
        if values[index + last] == address != values[index + resume]:
            yield index


def _read_table(address: int, bodies: list[int], opcodes: Opcodes) -> DispatchTable | None:
    undefined = opcodes.undefined
    no_opcode = bodies[undefined[0]]
    if any(bodies[number] != no_opcode for number in undefined):
        return None
    without_body = bodies.count(no_opcode) - len(undefined)
    if without_body > _MOST_WITHOUT_BODY or len(set(bodies)) < _FEWEST_BODIES:
        return None
    return DispatchTable(address, tuple(bodies), no_opcode)
