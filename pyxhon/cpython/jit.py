"""Whether CPython compiles what runs often: such traces pass no RESUME, so that entries in them are not seen.

Builds that can (--enable-experimental-jit, 3.13 and later) read the variable PYTHON_JIT, as no others do. What they do
without it, their configuration decided: =yes or =yes-off (_Py_TIER2 & 2; init_interp_main in Python/pylifecycle.c).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.machine_code import Instruction, disassemble, find_references
from pyxhon.cpython.program import ignores_environment
from pyxhon.errors import ElfError
from pyxhon.target.elf import ElfImage

_VARIABLE: Final = "PYTHON_JIT"
_FIRST: Final = (3, 13)
_FIRST_WITH_SWITCH: Final = (3, 14)  # PyInterpreterState.jit; before, a function makes an optimizer
_LOOK_BYTES: Final = 256
_MOST_INSTRUCTIONS: Final = 48
_NULL_WHEN_TAKEN: Final = {"je": True, "jne": False}


@dataclass(frozen=True, slots=True)
class Jit:
    """A JIT that a build has; `is_default` None: it is not known whether it is on when nobody says so."""

    is_default: bool | None

    def is_on(self, arguments: Sequence[str], environment: Mapping[str, str]) -> bool | None:
        """Tell whether it is on in a process, by how that was started."""
        said = "" if ignores_environment(arguments) else environment.get(_VARIABLE, "")
        return self.is_default if not said else not said.startswith("0")


def find_jit(image: ElfImage, version: tuple[int, ...]) -> Jit | None:
    """Give the JIT of an interpreter's file; None where it has none."""
    if version[:2] < _FIRST:
        return None
    names = list(image.find_bytes(_VARIABLE.encode() + b"\0", image.read_only))
    if not names:
        return None
    return Jit(_is_default(image, names) if version[:2] >= _FIRST_WITH_SWITCH else None)


def _is_default(image: ElfImage, names: Collection[int]) -> bool | None:
    """Tell whether the switch is set where the variable was not found."""
    try:
        places = find_references(image, names)
    except ElfError:
        return None
    found = {_is_set_without(image, place) for place in places}
    return found.pop() if len(found) == 1 else None


def _is_set_without(image: ElfImage, place: int) -> bool | None:
    code = iter(list(disassemble(image, place, _LOOK_BYTES)))
    if not any(instruction.is_call for instruction in code):  # Py_GETENV, or what it was made of
        return None
    test, jump = next(code, None), next(code, None)
    if test is None or jump is None or (test.mnemonic, test.operands) != ("test", "rax, rax"):
        return None
    is_null = _NULL_WHEN_TAKEN.get(jump.mnemonic)
    if is_null is None or jump.target is None:
        return None
    return any(_sets_switch(each) for each in _reached(image, jump.target if is_null else jump.end))


def _reached(image: ElfImage, start: int) -> Iterator[Instruction]:
    """Give what may run from an address on, up to the next calls."""
    ahead, known = [start], set[int]()
    while ahead and len(known) < _MOST_INSTRUCTIONS:
        at = ahead.pop()
        for instruction in disassemble(image, at, _LOOK_BYTES):
            if instruction.address in known or instruction.is_call or len(known) >= _MOST_INSTRUCTIONS:
                break
            known.add(instruction.address)
            yield instruction
            if instruction.target is not None:
                ahead.append(instruction.target)
            if instruction.ends_block and not instruction.is_conditional:
                break


def _sets_switch(instruction: Instruction) -> bool:
    return (
        instruction.mnemonic == "mov"
        and instruction.operands.startswith("byte ptr [r")
        and instruction.operands.endswith(", 1")
    )
