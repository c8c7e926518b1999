"""Sites of instructions: in the machine code of each opcode's body, where frame and instruction are in reach.

From 3.11 on a body begins by storing the address of its instruction in the frame. As each body is reached by the same
computed jump from every other one, all have frame and instruction in the same two registers when they begin: the store
names them. Up to 3.10 the jump itself is preceded by the store, and the frame is the thread state's.
"""

import re
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.dispatch_table import DispatchTable, find_dispatch_tables
from pyxhon.cpython.instruction_set import EXTENDED_ARG, InstructionSet
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.machine_code import (
    Code,
    disassemble,
    disassemble_function,
    referred_address,
    written_registers,
)
from pyxhon.cpython.opcodes import COUNT
from pyxhon.cpython.placement import Place, place_in_block

IMPORTS: Final = frozenset({
    "IMPORT_NAME", "IMPORT_FROM", "IMPORT_STAR", "LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "PRECALL", "CALL",
    "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "CALL_FUNCTION_EX", "CALL_METHOD",
})  # fmt: skip
"""What `--instructions imports` is about: imports, calls and loads of attributes."""

_FIRST_WITH_STORE: Final = (3, 11)
_LAST: Final = (3, 15)
_FEWEST_SHARE: Final = 0.9
_STORE: Final = re.compile(r"qword ptr \[(r\w+) \+ (0x[0-9a-f]+)\], (r\w+)")
_DISTANCE: Final = struct.Struct("<i")
_MOST_SKIPPED: Final = 3
_FEWEST_ALIKE: Final = 60
_LONGEST_BYTES: Final = 16
_COVER: Final = "INSTRUMENTED_LINE"
_MOST_OWN: Final = 3  # a site has room for so many opcodes, and covers take two
_WHERE_MISSES_DISPATCH: Final = (3, 11)  # what gives up goes to the plain opcode by the table (ceval.c, miss)
_BLOCK_BYTES: Final = 200
# Prefixes, what C code executes for itself, and what only covers another opcode.
_NOT_OURS: Final = frozenset({
    EXTENDED_ARG, "EXTENDED_ARG_QUICK", "INTERPRETER_EXIT", "EXIT_INIT_CHECK", "DO_TRACING", "CACHE", "RESERVED",
    "INSTRUMENTED_INSTRUCTION", "INSTRUMENTED_LINE",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class BodySite:
    """Where a probe sits in the body of `opcodes`.

    Where another opcode's body gets there too, only those of `own` count. `has_stored`: the frame has the address of
    the instruction, else its register has.
    """

    body: int
    address: int
    opcodes: tuple[str, ...]
    own: tuple[int, ...]
    is_emulated: bool
    has_stored: bool
    is_adaptive: bool
    tells_joined: bool


@dataclass(frozen=True, slots=True)
class BodySites:
    """All sites, the registers of frame and instruction (None up to 3.10), and notes on why there are none."""

    sites: tuple[BodySite, ...]
    frame_register: str | None
    instruction_register: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Body:
    """A body that is wanted, and where it stores its instruction."""

    start: int
    numbers: tuple[int, ...]
    store: int | None
    registers: tuple[str, str] | None


def find_body_sites(code: Code, layout: Layout, known: InstructionSet, wanted: Collection[str] | None) -> BodySites:
    """Find a site in the body of each opcode, or of those that stand for a `wanted` one."""
    if layout.version > _LAST:
        return _none(f"instructions: not proven on CPython {layout.version[0]}.{layout.version[1]}")
    tables, notes = find_dispatch_tables(
        code.image, layout.opcodes or known.opcodes, has_resume=layout.opcodes is not None
    )
    if len(tables) != 1:
        return _none(*notes or ("instructions: there is more than one dispatch table",))
    table = tables[0]
    has_store = layout.version >= _FIRST_WITH_STORE
    starts: dict[int, set[int]] = {}
    for number, start in (*enumerate(table.bodies), *(() if has_store else switch_bodies(code, table))):
        if start != table.no_opcode:
            starts.setdefault(start, set()).add(number)
    bodies = list(_bodies(code, starts, layout.frame_instruction))
    registers = Counter(body.registers for body in bodies if body.registers is not None)
    common, count = registers.most_common(1)[0] if registers else (None, 0)
    if has_store and count < _FEWEST_SHARE * len(bodies):
        return _none("instructions: the bodies of opcodes do not agree where frame and instruction are")
    names = known.names()
    sites = []
    for body in bodies:
        meant = tuple(name for number in body.numbers if (name := names[number]) is not None)
        if _is_wanted(meant, known, wanted):
            sites.append(_site(code, table, known, body, common if has_store else None))
    sites = _without_doubles(code, sites)
    if not sites:
        return _none("instructions: no opcode that is wanted has a body")
    frame, instruction = common if has_store and common is not None else (None, None)
    return BodySites(tuple(sites), frame, instruction, ())


def _none(*notes: str) -> BodySites:
    return BodySites((), None, None, notes)


def _is_wanted(meant: Sequence[str], known: InstructionSet, wanted: Collection[str] | None) -> bool:
    if not meant or _NOT_OURS.issuperset(meant):
        return False
    if wanted is None:
        return True
    bases = {known.base_of(name) for name in meant}
    if "PRECALL" in known.numbers:  # it comes before each call, and often is all of it
        bases.discard("CALL")
    return not bases.isdisjoint(wanted)


def switch_bodies(code: Code, table: DispatchTable) -> Iterator[tuple[int, int]]:
    """Give opcodes and their bodies as a second way leads to them, up to 3.10: a switch, used where a frame begins.

    The compiler makes it a table of distances from itself. Where a body is short it may have a copy for either.
    """
    body = max(set(table.bodies) - {table.no_opcode}, key=table.bodies.count)
    for instruction in disassemble_function(code.image, body):
        address = referred_address(instruction) if instruction.mnemonic == "lea" else None
        raw = code.image.read(address, _DISTANCE.size * COUNT) if address is not None else None
        if address is None or raw is None:
            continue
        targets = [address + distance for (distance,) in _DISTANCE.iter_unpack(raw)]
        for first in range(_MOST_SKIPPED):  # the lowest opcodes, which mean nothing
            pairs = list(enumerate(targets[: COUNT - first], first))
            if sum(table.bodies[number] == target != table.no_opcode for number, target in pairs) >= _FEWEST_ALIKE:
                yield from ((n, t) for n, t in pairs if table.body_of(n) is not None and code.image.is_code(t))
                return


def _bodies(code: Code, starts: dict[int, set[int]], offset: int) -> Iterator[_Body]:
    for start, numbers in sorted(starts.items()):
        store, registers = None, None
        for instruction in disassemble(code.image, start, _BLOCK_BYTES):
            found = _STORE.fullmatch(instruction.operands) if instruction.mnemonic == "mov" else None
            if found is not None and int(found[2], 16) == offset:
                if not _is_written(code, start, instruction.address, found[3]):  # else it is that of the next one
                    store, registers = instruction.address, (found[1], found[3])
                break
            if instruction.ends_block or instruction.is_call:
                break
        yield _Body(start, tuple(sorted(numbers)), store, registers)


def _site(
    code: Code, table: DispatchTable, known: InstructionSet, body: _Body, registers: tuple[str, str] | None
) -> BodySite:
    place = place_in_block(code, body.start)
    has_stored = body.registers == registers and body.store is not None and body.store < place.address
    starts = sorted(set(table.bodies))
    is_joined = code.is_joined(starts, body.start, place.address)
    most = 1 if _COVER in known.numbers else _MOST_OWN
    is_usable = registers is None or (has_stored and not _is_written(code, body.start, place.address, registers[0]))
    if not is_usable or (is_joined and len(body.numbers) > most):
        place, has_stored = Place(body.start, 0, is_emulated=False), False
        is_joined = code.is_joined(starts, body.start, body.start)
    names = tuple(name for number in body.numbers if (name := known.names()[number]) is not None)
    families = {known.base_of(name) for name in names}
    has_more = any(known.more_of(name) for name in known.numbers if known.base_of(name) in families)
    if known.version == _WHERE_MISSES_DISPATCH and families.intersection(known.bases.values(), names):
        is_joined = has_more = True
    return BodySite(
        body.start,
        place.address,
        names,
        body.numbers if is_joined and len(body.numbers) <= most else (),
        place.is_emulated,
        has_stored,
        any(known.is_adaptive(name) for name in names),
        is_joined and has_more,
    )


def _without_doubles(code: Code, sites: Sequence[BodySite]) -> list[BodySite]:
    """Leave out a site where there is one, and one whose body does nothing but jump to another of its opcode."""
    kept: dict[int, BodySite] = {}
    for site in sites:
        jump = next(disassemble(code.image, site.address, _LONGEST_BYTES), None)
        target = jump.target if jump is not None and jump.mnemonic == "jmp" and jump.address == site.body else None
        leads = any(target is not None and one is not site and one.body <= target <= one.address
                    and set(site.opcodes) <= set(one.opcodes) for one in sites)  # fmt: skip
        if not leads:
            kept.setdefault(site.address, site)
    return list(kept.values())


def _is_written(code: Code, start: int, end: int, register: str) -> bool:
    """Tell whether a register changes between a body's beginning and its site."""
    before = disassemble(code.image, start, max(end - start, 1))
    return any(register in written_registers(instruction) for instruction in before if instruction.address < end)
