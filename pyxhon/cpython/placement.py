"""Chooses the instruction that a probe sits on: one that the kernel emulates, with the wanted values in reach.

An emulated instruction costs 0.7 µs a hit, a single-stepped one 9.8 µs (design.md, fact 1).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyxhon.cpython.machine_code import (
    Code,
    Instruction,
    disassemble,
    disassemble_function,
    moved_register,
    written_registers,
)

_ENTRY_BYTES = 128
_AFTER_CALL_BYTES = 96
_BLOCK_BYTES = 400
_MOST_PLACES = 5  # of one return
_STACK_CHANGE = re.compile(r"rsp, (-?(?:0x[0-9a-f]+|[0-9]+))")
_UNSIGNED = 1 << 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where to probe: `stack_adjust` bytes lie between rsp there and at the function's entry."""

    address: int
    stack_adjust: int
    is_emulated: bool
    register: str | None = None


def place_at_entry(code: Code, start: int, arguments: Iterable[str]) -> Place:
    """Choose the first emulated instruction of the entry block before which no argument register changes.

    Where there is none, or a loop leads back to it, the first byte. Jumps to the very start are tail calls.
    """
    kept = set(arguments)
    pushed = 0
    for instruction in disassemble(code.image, start, _ENTRY_BYTES):
        if instruction.is_emulated:
            if code.is_jumped_into(start + 1, instruction.address):
                break
            return Place(instruction.address, pushed, is_emulated=True)
        written = written_registers(instruction)
        if written & kept or instruction.ends_block or instruction.is_call:
            break
        if "rsp" in written:
            change = _stack_change(instruction)
            if change is None:
                break
            pushed += change
    return Place(start, 0, is_emulated=False)


def place_in_block(code: Code, start: int) -> Place:
    """Choose the first emulated instruction of the block at `start`, which no jump before it leaves; else `start`."""
    for instruction in disassemble(code.image, start, _BLOCK_BYTES):
        if instruction.is_emulated:
            return Place(instruction.address, 0, is_emulated=True)
        if instruction.ends_block or instruction.is_call:
            break
    return Place(start, 0, is_emulated=False)


def place_after_call(code: Code, call: Instruction) -> Place | None:
    """Choose an instruction after a call that runs once for each return and still has the result.

    The straight line from the return address on is followed up to the first emulated instruction. Where
    another path joins before it, the return address itself is taken; None when even that is shared.
    """
    holders = ["rax"]
    for instruction in disassemble(code.image, call.end, _AFTER_CALL_BYTES):
        if instruction.is_emulated:
            if code.is_jumped_into(call.end, instruction.address):
                break
            return Place(instruction.address, 0, is_emulated=True, register=holders[-1])
        moved = moved_register(instruction)
        if moved is not None and moved[1] in holders:
            holders = [h for h in holders if h != moved[0]] + [moved[0]]
        else:
            written = written_registers(instruction)
            holders = [holder for holder in holders if holder not in written]
        if not holders or instruction.ends_block or instruction.is_call:
            break
    if code.is_jumped_into(call.end, call.end):
        return None
    return Place(call.end, 0, is_emulated=False, register="rax")


def place_where_joined(code: Code, call: Instruction, others: Sequence[Instruction]) -> tuple[Place, set[int]] | None:
    """Choose the first emulated instruction after a call where, besides its own return, only those of `others` come by.

    That is where a function makes one of several calls and goes on the same way with what it gave. Gives the place, and
    the addresses of the calls it serves besides; None where something else joins, or the result is not in the same
    register on each way.
    """
    register, since, at = "rax", call.end, call
    for at in disassemble(code.image, call.end, _AFTER_CALL_BYTES):
        if at.is_emulated or at.ends_block or at.is_call:
            break
        moved = moved_register(at)
        if moved is not None and moved[1] == register:
            register, since = moved[0], at.end
        elif register in written_registers(at):
            return None
    body = disassemble_function(code.image, call.end)
    joins = code.jumps_into(body, call.end, at.address)
    if not at.is_emulated or not joins or any((join.target or 0) < since for join in joins):
        return None
    served: set[int] = set()
    for join in joins:
        ways = {other.address for other in others if _comes_straight(code, body, (other.end, join.address), register)}
        if not ways:
            return None
        served |= ways
    return Place(at.address, 0, is_emulated=True, register=register), served


def _comes_straight(code: Code, body: Sequence[Instruction], bounds: tuple[int, int], register: str) -> bool:
    """Tell whether control gets to a jump from the call before it alone, whose result `register` has all the way."""
    start, jump = bounds
    stretch = [each for each in body if start <= each.address < jump]
    if not stretch or any(each.ends_block for each in stretch) or code.jumps_into(body, start, jump) != []:
        return False
    holders = {"rax"}
    for each in stretch:
        moved = moved_register(each)
        if moved is not None and moved[1] in holders:
            holders.add(moved[0])
        else:
            holders -= written_registers(each)
    return register in holders


def place_before_return(
    block: Sequence[Instruction], jumps: Mapping[int, Sequence[Instruction]]
) -> list[tuple[Instruction, str]]:
    """Choose an emulated instruction before a return that each way to it passes, and the register that has the result.

    None where there is none. `jumps` are those of the function, by where they go.
    """
    end, register = block[-1], "rax"
    for instruction in reversed(block[:-1]):
        if instruction.ends_block and not instruction.is_conditional:
            break
        if instruction.is_emulated and register not in written_registers(instruction):
            low, high = instruction.address, end.address
            between = (each for to in jumps if low < to <= high for each in jumps[to])
            if all(low <= each.address <= high for each in between):
                return [(instruction, register)]
        moved = moved_register(instruction)
        if moved is not None and moved[0] == register:
            register = moved[1]
        elif register in written_registers(instruction):
            break
    return []


def places_before_return(
    block: Sequence[Instruction], jumps: Mapping[int, Sequence[Instruction]]
) -> list[tuple[Instruction, str]]:
    """Choose emulated instructions of which each way to a return passes one, and the registers that have the result.

    That is the last one before the return, and the jumps to what lies between. One way may pass two of them, or pass
    one and not return: what is there is looked at, and a code object is taken once. None where there are too many, or
    not on each way; then the return itself has to be stepped. `jumps` are those of the function, by where they go.
    """
    places: list[tuple[Instruction, str]] = []
    register = "rax"
    for following, instruction in pairwise(reversed(block)):
        places += [(jump, register) for jump in jumps.get(following.address, ())]
        if len(places) >= _MOST_PLACES or not all(place.is_emulated for place, _ in places):
            return []
        if instruction.ends_block and not instruction.is_conditional:
            return places
        if instruction.is_emulated and register not in written_registers(instruction):
            return [*places, (instruction, register)]
        moved = moved_register(instruction)
        if moved is not None and moved[0] == register:
            register = moved[1]
        elif register in written_registers(instruction):
            return places if _is_zeroing(instruction) else []
    return []


def _is_zeroing(instruction: Instruction) -> bool:
    one, _, other = instruction.operands.partition(", ")
    return instruction.mnemonic == "xor" and one == other


def _stack_change(instruction: Instruction) -> int | None:
    """Give by how many bytes an instruction grows the stack; None when it cannot be told."""
    if instruction.mnemonic == "push":
        return 8
    found = _STACK_CHANGE.fullmatch(instruction.operands)
    if found is None or instruction.mnemonic not in {"sub", "add"}:
        return None
    amount = int(found[1], 0)
    if amount >= _UNSIGNED >> 1:
        amount -= _UNSIGNED
    return amount if instruction.mnemonic == "sub" else -amount
