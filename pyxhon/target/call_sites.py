"""Whether the bytes before a return address are a call instruction, and of which kind (Intel SDM, CALL)."""

from enum import IntFlag

LONGEST_CALL_BYTES = 8
_CALL_DIRECT, _CALL_INDIRECT = 0xE8, 0xFF
_RIP_RELATIVE = 0x15  # the ModRM byte of `call *offset(%rip)`: a slot of the GOT
_DIRECT_BYTES = 5
_LANDING, _BOUND, _JUMP_BY_SLOT = b"\xf3\x0f\x1e\xfa", b"\xf2", b"\xff\x25"  # endbr64; bnd jmp *offset(%rip)
_JUMP_BYTES = 6
STUB_BYTES = 11


class FrameFlag(IntFlag):
    """What is to be said against a native frame."""

    NO_CALL = 1  # no call instruction before the return address: it may be forged
    REGISTER_CALL = 2  # the call was through a register or memory: a tail call may hide a function
    UNCHECKED = 4  # the code before the return address could not be read
    LOCAL_CALL = 8  # the call was to a function of the same file: no other file can have been entered by it directly


def call_flags(before: bytes) -> FrameFlag:
    """Judge a return address by the (up to eight) bytes before it."""
    if len(before) >= _DIRECT_BYTES and before[-_DIRECT_BYTES] == _CALL_DIRECT:
        return FrameFlag(0)
    if len(before) >= 6 and before[-6] == _CALL_INDIRECT and before[-5] == _RIP_RELATIVE:  # noqa: PLR2004
        return FrameFlag(0)
    for size in (2, 3, 4, 6, 7):
        if len(before) >= size and before[-size] == _CALL_INDIRECT and _indirect_size(before[-size:]) == size:
            return FrameFlag.REGISTER_CALL
    return FrameFlag.NO_CALL


def direct_target(before: bytes, address: int) -> int | None:
    """Give what a direct call before a return address calls; None for other calls."""
    if len(before) < _DIRECT_BYTES or before[-_DIRECT_BYTES] != _CALL_DIRECT:
        return None
    return address + int.from_bytes(before[-4:], "little", signed=True)


def stub_slot(code: bytes, address: int) -> int | None:
    """Give the slot of the GOT through which the code at an address jumps on at once, as that of the PLT does."""
    jump = code.removeprefix(_LANDING).removeprefix(_BOUND)
    if not jump.startswith(_JUMP_BY_SLOT) or len(jump) < _JUMP_BYTES:
        return None
    end = address + len(code) - len(jump) + _JUMP_BYTES
    return end + int.from_bytes(jump[2:_JUMP_BYTES], "little", signed=True)


def _indirect_size(code: bytes) -> int | None:
    """Give the length of `FF /2` with this ModRM and SIB, prefixes not counted; None for other instructions."""
    mode, operation, base = code[1] >> 6, code[1] >> 3 & 7, code[1] & 7
    if operation != 2:  # noqa: PLR2004 the opcode extension of CALL
        return None
    if mode == 3:  # noqa: PLR2004 a register
        return 2
    has_sib = base == 4  # noqa: PLR2004
    displacement = (0, 1, 4)[mode]
    if mode == 0 and (base == 5 or (has_sib and len(code) > 2 and code[2] & 7 == 5)):  # noqa: PLR2004
        displacement = 4
    return 2 + has_sib + displacement
