"""From registers and a copy of the stack to the native frames of a thread, innermost first.

In nearly all frames the CFA is made of rbp or rsp, and only rbp and the return address matter for the next one. Such
chains are followed with precompiled entries, one look-up a frame. A chain that needs more (a signal frame, an
expression, another register, code without tables) is done again from its start with all registers.
"""

from collections.abc import Sequence

from pyxhon.target.address_space import AddressSpace
from pyxhon.target.cfi import RBP, RIP, RSP
from pyxhon.target.native_frames import MAX_FRAMES, EndReason, NativeFrame, Unwound, know
from pyxhon.target.stack_memory import ReadElsewhere, StackMemory
from pyxhon.target.unwind_fully import FullUnwinding


class Unwinder:
    """Unwinds stacks; `unwound` and `unwound_fully` count them, the latter those that needed all registers."""

    def __init__(self) -> None:
        self.unwound = 0
        self.unwound_fully = 0

    def unwind(
        self,
        space: AddressSpace,
        registers: Sequence[int],
        stack: bytes,
        elsewhere: ReadElsewhere | None = None,
    ) -> Unwound:
        """Give the frames of a thread.

        `registers` are 17 in DWARF's order, `stack` is what lay at rsp and above. `elsewhere` may read a word at
        another address, such as the main stack below a handler on an alternate one.
        """
        self.unwound += 1
        found = None if registers[RSP] & 7 else _unwind_plain(space, registers, stack)
        if found is not None and (elsewhere is None or found.end_reason != "stack_end"):
            return found
        self.unwound_fully += 1
        return FullUnwinding(space, registers, StackMemory(registers[RSP], stack, elsewhere)).run()


def _unwind_plain(space: AddressSpace, registers: Sequence[int], stack: bytes) -> Unwound | None:
    """Follow a chain of plain frames; None when it has another one."""
    words = memoryview(stack)[: len(stack) & ~7].cast("Q")
    count = len(words)
    base = rsp = registers[RSP]
    rbp = registers[RBP]
    remembered = space.remembered
    frames: list[NativeFrame] = []
    known = know(space, registers[RIP], is_exact=True)
    reason: EndReason
    while True:
        frame, is_from_rbp, cfa_offset, rbp_word, ending, _ = known
        if ending == "full":
            return None
        frames.append(frame)
        if ending is not None:
            reason = "bottom"
            break
        cfa = (rbp if is_from_rbp else rsp) + cfa_offset
        distance = cfa - base
        if cfa <= rsp or distance & 7:
            return None
        index = distance >> 3
        if index > count:
            reason = "stack_end"
            break
        if rbp_word:
            if index + rbp_word < 0:
                return None
            rbp = words[index + rbp_word]
        address = words[index - 1]
        rsp = cfa
        if not address:
            reason = "bottom"
            break
        if len(frames) >= MAX_FRAMES:
            reason = "limit"
            break
        known = remembered.get(address) or know(space, address, is_exact=False)
    return Unwound(tuple(frames), reason)
