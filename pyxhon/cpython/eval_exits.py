"""Where the evaluation loop ends, up to 3.10: every frame is left by one call of `_Py_CheckFunctionResult` from there.

Its arguments are the callable, the result and a text (Python/ceval.c, exit_eval_frame: 3.8; from 3.9 on the thread
state comes first). The loop gives no callable; where it checks the result of a call that it made, there is one.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from pyxhon.cpython.eval_loop import find_eval_functions
from pyxhon.cpython.machine_code import Code, Instruction, called_name, disassemble_function, written_registers

CHECK_FUNCTION: Final = "_Py_CheckFunctionResult"
_MOST_BEFORE: Final = 16  # instructions between the zero and the call
_ZEROS: Final = {"rdi": "edi, edi", "rsi": "esi, esi"}


def find_eval_exits(code: Code, version: tuple[int, ...]) -> tuple[int, ...]:
    """Give the calls that end the loop."""
    callable_register = "rdi" if version[:2] < (3, 9) else "rsi"
    return tuple(
        call
        for start in sorted(find_eval_functions(code.image))
        for call in _ending_calls(code, disassemble_function(code.image, start), callable_register)
    )


def _ending_calls(code: Code, instructions: Sequence[Instruction], register: str) -> Iterator[int]:
    for place, instruction in enumerate(instructions):
        if not instruction.is_call or called_name(code.image, instruction, (CHECK_FUNCTION,)) is None:
            continue
        for before in reversed(instructions[max(0, place - _MOST_BEFORE) : place]):
            if before.mnemonic == "xor" and before.operands == _ZEROS[register]:
                yield instruction.address
            if before.ends_block or before.is_call or register in written_registers(before):
                break
