"""Sites of Python functions: where one starts or goes on, and where it returns or pauses.

Up to 3.10 the evaluation loop is called for each entry, and ends with each exit. From 3.11 on the loop runs RESUME, or
a form of it, whenever a function starts (sys.monitoring's PY_START) or goes on (PY_RESUME).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyxhon.cpython.dispatch_table import DispatchTable, find_dispatch_tables
from pyxhon.cpython.eval_exits import CHECK_FUNCTION, find_eval_exits
from pyxhon.cpython.eval_loop import EVAL_FUNCTION
from pyxhon.cpython.machine_code import Code, called_function, disassemble
from pyxhon.cpython.opcodes import ENTRIES, YIELDS, Opcodes
from pyxhon.cpython.placement import place_at_entry, place_in_block

_EVAL_ARGUMENTS = ("rdi", "rsi", "rdx")  # tstate (not in 3.8), frame, throwflag
_DROP_ARGUMENTS = ("rdi", "rsi")  # tstate, frame
_FIRST_WITH_RESUME = (3, 11)
_FIRST_WITH_DROP = (3, 12)
_RETURN_VALUE = 83  # up to 3.10
_RETURN_BYTES = 600
_MAX_PIECES = 2
_MAX_DROPS = 4
_PLAIN_RETURNS = ("RETURN_VALUE", "RETURN_CONST")  # the instrumented ones call what tells the monitoring tools first


@dataclass(frozen=True, slots=True)
class EntrySite:
    """One address to probe, as linked.

    `body` is where the code of the opcode or function starts. Where it `is_joined`, other opcodes get there too, and
    only a hit of a frame whose instruction has this opcode counts.
    """

    kind: str
    opcode: int | None
    body: int
    address: int
    is_emulated: bool
    is_joined: bool


@dataclass(frozen=True, slots=True)
class EntrySites:
    """All sites of one sort, and notes on what could not be had; no sites: none can be trusted."""

    sites: tuple[EntrySite, ...]
    notes: tuple[str, ...]


def find_entry_sites(code: Code, version: tuple[int, ...], opcodes: Opcodes | None) -> EntrySites:
    """Find where functions start and go on; `opcodes` are needed from 3.11 on.

    Kinds: entry_eval up to 3.10, then entry_resume, entry_resume_quick and so on, by the opcode's name.
    """
    if version[:2] < _FIRST_WITH_RESUME:
        return _eval_sites(code)
    tables, notes = _tables(code, opcodes)
    if opcodes is None or not tables:
        return EntrySites((), tuple(notes))
    without = [name for name in ENTRIES if _has_no_body(tables, opcodes.number_of(name))]
    if without:
        return EntrySites((), (f"calls: {', '.join(without)} has no code of its own",))
    return EntrySites(tuple(_opcode_sites(code, tables, opcodes, {n: f"entry_{n.lower()}" for n in ENTRIES})), ())


def find_exit_sites(code: Code, version: tuple[int, ...], opcodes: Opcodes | None) -> EntrySites:
    """Find where functions return, or are left by an exception (exit_drop), and where they pause (exit_yield); 3.12+.

    What drops a frame is called by the code of every return. Where several functions are, all are given. Up to 3.10
    all three are the end of the evaluation loop (exit_eval).
    """
    if version[:2] < _FIRST_WITH_RESUME:
        return _eval_exit_sites(code, version)
    if version[:2] < _FIRST_WITH_DROP:
        return EntrySites((), ("CPython 3.11 has no one place for them",))
    tables, notes = _tables(code, opcodes)
    if opcodes is None or not tables:
        return EntrySites((), tuple(notes))
    drops = list(_drop_sites(code, tables, opcodes))
    if not drops:
        return EntrySites((), ("their code calls no common function",))
    yields = _opcode_sites(code, tables, opcodes, dict.fromkeys(YIELDS, "exit_yield"))
    return EntrySites((*drops, *yields), ())


def _eval_sites(code: Code) -> EntrySites:
    function = code.image.address_of(EVAL_FUNCTION)
    if function is None or not code.image.is_code(function):
        return EntrySites((), (f"calls: {EVAL_FUNCTION} is not in the symbol table",))
    place = place_at_entry(code, function, _EVAL_ARGUMENTS)
    return EntrySites((EntrySite("entry_eval", None, function, place.address, place.is_emulated, is_joined=False),), ())


def _eval_exit_sites(code: Code, version: tuple[int, ...]) -> EntrySites:
    calls = find_eval_exits(code, version)
    body = code.image.address_of(EVAL_FUNCTION)
    if not calls or body is None:
        return EntrySites((), (f"the evaluation loop calls no {CHECK_FUNCTION} at its end",))
    sites = (EntrySite("exit_eval", _RETURN_VALUE, body, call, is_emulated=True, is_joined=False) for call in calls)
    return EntrySites(tuple(sites), ())


def _tables(code: Code, opcodes: Opcodes | None) -> tuple[list[DispatchTable], list[str]]:
    if opcodes is None:
        return [], ["calls: the opcodes of this version are not known"]
    return find_dispatch_tables(code.image, opcodes)


def _has_no_body(tables: Iterable[DispatchTable], opcode: int | None) -> bool:
    return opcode is not None and all(table.body_of(opcode) is None for table in tables)


def _opcode_sites(
    code: Code, tables: list[DispatchTable], opcodes: Opcodes, kinds: dict[str, str]
) -> Iterator[EntrySite]:
    """Give a site in each body of these opcodes; bodies of several tables or opcodes once."""
    numbers = {opcodes.number_of(name): kind for name, kind in kinds.items()}
    starts = sorted({body for table in tables for body in table.bodies})
    used: set[int] = set()
    for number, kind in numbers.items():
        for table in tables:
            body = None if number is None else table.body_of(number)
            if number is None or body is None or body in used:
                continue
            used.add(body)
            place = place_in_block(code, body)
            is_joined = not table.opcodes_at(body) <= numbers.keys() or code.is_joined(starts, body, place.address)
            yield EntrySite(kind, number, body, place.address, place.is_emulated, is_joined)


def _drop_sites(code: Code, tables: list[DispatchTable], opcodes: Opcodes) -> Iterator[EntrySite]:
    """Give a site in each function that all returns call directly."""
    numbers = [opcodes.number_of(name) for name in _PLAIN_RETURNS]
    bodies = [table.body_of(number) for table in tables for number in numbers if number is not None]
    called = [list(_called_from(code, body)) for body in dict.fromkeys(bodies) if body is not None]
    common = [function for function in dict.fromkeys(called[0] if called else ()) if all(function in c for c in called)]
    for function in common[:_MAX_DROPS]:
        place = place_at_entry(code, function, _DROP_ARGUMENTS)
        yield EntrySite("exit_drop", None, function, place.address, place.is_emulated, is_joined=False)


def _called_from(code: Code, body: int) -> Iterator[int]:
    """Give what the straight line from a body on calls, two direct jumps included."""
    for _ in range(_MAX_PIECES + 1):
        following = None
        for instruction in disassemble(code.image, body, _RETURN_BYTES):
            function = called_function(code.image, instruction)
            if function is not None:
                yield function
            if instruction.ends_block and not instruction.is_conditional:
                following = instruction.target
                break
        if following is None:
            return
        body = following
