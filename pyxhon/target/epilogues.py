"""How a function without unwind tables will return: the epilogues in its machine code (x86-64, as compilers write)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pyxhon.target.cfi import RBP

_MAX_EPILOGUES = 8
_POP, _REX_B = 0x58, 0x41
_DWARF_NUMBERS = (0, 2, 1, 3, 7, 6, 4, 5)  # of rax rcx rdx rbx rsp rbp rsi rdi
_EPILOGUE = re.compile(
    rb"(?:\x48\x8d\x65(?P<below>.)|\x48\x83\xc4(?P<small>.)|\x48\x81\xc4(?P<large>.{4}))?"  # lea -N(%rbp),%rsp; add
    rb"(?P<pops>(?:[\x58-\x5b\x5d-\x5f]|\x41[\x58-\x5f])*)"
    rb"(?P<leave>\xc9)?\xc3",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Epilogue:
    """rsp becomes rbp or rsp plus `amount`, then these registers are popped, then it returns."""

    is_from_rbp: bool
    amount: int
    popped: tuple[int, ...]


def find_epilogues(code: bytes) -> Iterator[Epilogue]:
    """Give the first epilogues in a piece of code; some may be parts of other instructions."""
    for match in islice(_EPILOGUE.finditer(code), _MAX_EPILOGUES):
        if match["leave"]:  # mov %rbp,%rsp; pop %rbp
            yield Epilogue(is_from_rbp=True, amount=0, popped=(RBP,))
            continue
        amount = int.from_bytes(match["below"] or match["small"] or match["large"] or b"", "little", signed=True)
        yield Epilogue(match["below"] is not None, amount, _registers(match["pops"]))


def _registers(pops: bytes) -> tuple[int, ...]:
    numbers = []
    is_extended = False
    for byte in pops:
        if byte == _REX_B:
            is_extended = True
            continue
        numbers.append(byte - _POP + 8 if is_extended else _DWARF_NUMBERS[byte - _POP])
        is_extended = False
    return tuple(numbers)
