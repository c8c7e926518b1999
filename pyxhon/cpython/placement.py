"""Chooses the instruction that a probe sits on: one that the kernel emulates, with the wanted values in reach.

An emulated instruction costs 0.7 µs a hit, a single-stepped one 9.8 µs (design.md, fact 1).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pyxhon.cpython.machine_code import (
    Code,
    Instruction,
    disassemble,
    moved_register,
    written_registers,
)

_ENTRY_BYTES = 128
_AFTER_CALL_BYTES = 96
_BLOCK_BYTES = 400
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
