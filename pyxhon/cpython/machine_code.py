"""Reads the interpreter's machine code: instructions of a function, what they refer to, where they jump."""

import bisect
import re
import struct
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pyxhon.errors import ElfError
from pyxhon.target.elf import ElfImage

_MAX_FUNCTION_BYTES = 1 << 16
_MAX_CODE_BYTES = 1 << 27
_MAX_MATCHES = 1 << 21
_MAX_WORDS = 4096
_CHUNK_BYTES = 1 << 22
_NEAR_BYTES = 0x90  # how far an 8-bit jump reaches, and the jump itself
_SHORT_JUMP = 2  # bytes of a jump with an 8-bit displacement
_LONGEST_REFERENCE = 16
_NUMBER = re.compile(r"0x[0-9a-f]+|[0-9]+")
# lea r64, [rip + disp32] · mov r32, imm32 · lea r64, [base + disp32] (base is not rsp or r12).
_LEA_RIP = re.compile(rb"[\x48\x4c]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]", re.DOTALL)
_JUMP_REL32 = re.compile(rb"\xe9|\x0f[\x80-\x8f]", re.DOTALL)
_unpack_signed = struct.Struct("<i").unpack_from
_MOV_IMM32 = range(0xB8, 0xC0)
_LEA_BASE = re.compile(rb"[\x48\x49\x4c\x4d]\x8d[\x80-\xbf]", re.DOTALL)
_PLT_STUB = re.compile(rb"(?:\xf3\x0f\x1e\xfa)?\xf2?\xff\x25(....)", re.DOTALL)
_FAMILIES = {
    name: wide
    for wide, names in {
        "rax": "eax ax al ah",
        "rbx": "ebx bx bl bh",
        "rcx": "ecx cx cl ch",
        "rdx": "edx dx dl dh",
        "rsi": "esi si sil",
        "rdi": "edi di dil",
        "rbp": "ebp bp bpl",
        "rsp": "esp sp spl",
        **{f"r{n}": f"r{n}d r{n}w r{n}b" for n in range(8, 16)},
    }.items()
    for name in (wide, *names.split())
}

REGISTERS = frozenset(_FAMILIES.values())
"""The general registers, by their 64-bit names."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One decoded instruction, in Intel syntax."""

    address: int
    code: bytes
    mnemonic: str
    operands: str

    @property
    def end(self) -> int:
        """The address after it."""
        return self.address + len(self.code)

    @property
    def is_call(self) -> bool:
        """It calls, directly or through a pointer."""
        return self.mnemonic == "call"

    @property
    def is_jump(self) -> bool:
        """It jumps, on a condition or always."""
        return self.mnemonic[0] == "j"

    @property
    def ends_block(self) -> bool:
        """Control does not simply go on to the next instruction (a call comes back)."""
        return self.is_jump or self.mnemonic in {"ret", "hlt", "ud2", "int3"}

    @property
    def is_conditional(self) -> bool:
        """It jumps on a condition only."""
        return self.is_jump and self.mnemonic != "jmp"

    @property
    def target(self) -> int | None:
        """Where a direct jump or call goes."""
        if not (self.is_jump or self.is_call) or not _NUMBER.fullmatch(self.operands):
            return None
        return int(self.operands, 0)

    @property
    def is_emulated(self) -> bool:
        """The kernel emulates it under a uprobe instead of single-stepping it.

        From branch_setup_xol_ops and push_setup_xol_ops (arch/x86/kernel/uprobes.c, 3.15 and later). Longer
        nops are left out: only 6.18 emulates them, and the 5-byte one is rewritten there.
        """
        code = self.code
        if code[0] == 0x41:  # noqa: PLR2004 REX.B, only before push
            return len(code) == 2 and 0x50 <= code[1] <= 0x57  # noqa: PLR2004
        if code[0] == 0x0F:  # noqa: PLR2004 two-byte opcodes: jcc rel32
            return 0x80 <= code[1] <= 0x8F  # noqa: PLR2004
        if code[0] in (0xE8, 0xE9, 0xEB):
            return True
        return 0x50 <= code[0] <= 0x57 or 0x70 <= code[0] <= 0x7F or code in (b"\x90", b"\x66\x90")  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Code:
    """A file's code, and the sorted targets of its long jumps."""

    image: ElfImage
    far_jumps: "array[int]"

    def is_jumped_into(self, low: int, high: int) -> bool:
        """Tell whether a direct jump goes to an address from `low` to `high`, both within one function."""
        position = bisect.bisect_left(self.far_jumps, low)
        if position < len(self.far_jumps) and self.far_jumps[position] <= high:
            return True
        near = (instruction.target for instruction in disassemble_function(self.image, low))
        return any(target is not None and low <= target <= high for target in near)

    def jumps_into(self, body: Sequence[Instruction], low: int, high: int) -> list[Instruction] | None:
        """Give the jumps in a function's `body` that go to an address from `low` to `high`.

        None where others of the file do, or bytes that look like them.
        """
        found = [
            each for each in body
            if each.is_jump and each.target is not None and low <= each.target <= high
        ]  # fmt: skip
        far = bisect.bisect_right(self.far_jumps, high) - bisect.bisect_left(self.far_jumps, low)
        return found if far == sum(len(each.code) > _SHORT_JUMP for each in found) else None

    def is_joined(self, starts: Sequence[int], low: int, high: int) -> bool:
        """Tell whether control gets to an address from `low` to `high` by a direct jump, or runs into `low`.

        `starts` are sorted addresses where instructions start: what lies between the last of them and the reach of
        short jumps is decoded, not the whole function. Also when this cannot be told, it is.
        """
        position = bisect.bisect_left(self.far_jumps, low)
        if position < len(self.far_jumps) and self.far_jumps[position] <= high:
            return True
        index = bisect.bisect_right(starts, low - _NEAR_BYTES)
        bounds = self.image.function_range(low)
        first = max(starts[index - 1] if index else 0, bounds[0] if bounds else 0)
        last, runs_on = first, False
        for instruction in disassemble(self.image, first, high + _NEAR_BYTES - first):
            last = instruction.address
            target = instruction.target
            if target is not None and low <= target <= high and not instruction.is_call:
                return True
            if last < low and instruction.mnemonic != "nop":
                runs_on = not instruction.ends_block or instruction.is_conditional
        return runs_on or last < high


@cache
def _disassembler(*, in_detail: bool) -> Any:
    import capstone  # noqa: PLC0415 - not needed where the sites are remembered

    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    disassembler.detail = in_detail
    return disassembler


def disassemble(image: ElfImage, start: int, size: int) -> Iterator[Instruction]:
    """Decode instructions from `start` on; ends at what is no code."""
    code = image.read_upto(start, min(size, _MAX_FUNCTION_BYTES)) if image.is_code(start) else b""
    for address, length, mnemonic, operands in _disassembler(in_detail=False).disasm_lite(code, start):
        at = address - start
        name = mnemonic.rpartition(" ")[2]  # "bnd jmp", "rex.W call"
        yield Instruction(address, code[at : at + length], name, operands)


def disassemble_function(image: ElfImage, address: int) -> list[Instruction]:
    """Decode the whole function around an address: the part that its unwind information covers."""
    bounds = image.function_range(address)
    return [] if bounds is None else list(disassemble(image, bounds[0], bounds[1] - bounds[0]))


def written_registers(instruction: Instruction) -> set[str]:
    """Name the 64-bit registers that an instruction changes, also in part; a call changes the scratch ones."""
    if instruction.is_call:
        return {"rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"}
    for decoded in _disassembler(in_detail=True).disasm(instruction.code, instruction.address, 1):
        names = (decoded.reg_name(register) for register in decoded.regs_access()[1])
        return {_FAMILIES[name] for name in names if name in _FAMILIES}
    return set(REGISTERS)


def moved_register(instruction: Instruction) -> tuple[str, str] | None:
    """Give (destination, source) of a 64-bit register to register move."""
    destination, comma, source = instruction.operands.partition(", ")
    if instruction.mnemonic != "mov" or not comma:
        return None
    return (destination, source) if {destination, source} <= REGISTERS else None


def referred_address(instruction: Instruction) -> int | None:
    """Give the address that an instruction loads or addresses: relative to rip, or a 32-bit constant."""
    _, comma, source = instruction.operands.partition(", ")
    if "[rip" in instruction.operands:
        displacement = re.search(r"\[rip(?: ([+-]) (\w+))?\]", instruction.operands)
        if displacement is None:
            return None
        offset = int(displacement[2] or "0", 0)
        return instruction.end + (-offset if displacement[1] == "-" else offset)
    if comma and instruction.mnemonic == "mov" and _NUMBER.fullmatch(source):
        return int(source, 0)
    return None


def referred_addresses(image: ElfImage, start: int, size: int) -> Iterator[int]:
    """Give what the straight code from `start` on refers to, up to the first return."""
    for instruction in disassemble(image, start, size):
        if instruction.mnemonic == "ret":
            return
        address = referred_address(instruction)
        if address is not None:
            yield address


def called_name(image: ElfImage, instruction: Instruction, names: Collection[str]) -> str | None:
    """Tell which of these exported functions a call reaches: directly, by the PLT or by the GOT."""
    if not instruction.is_call:
        return None
    target = instruction.target
    if target is None:
        slot = referred_address(instruction)
    else:
        for name in names:
            if image.exported_address(name) == target:
                return name
        slot = _stub_slot(image, target)
    bound = None if slot is None else image.symbol_name_at(slot)
    return bound if bound in names else None


def _stub_slot(image: ElfImage, target: int) -> int | None:
    """Give the GOT slot through which the PLT stub at `target` jumps."""
    found = _PLT_STUB.match(image.read_upto(target, 16))
    if found is None:
        return None
    return int(target + found.end() + struct.unpack("<i", found[1])[0])


def called_function(image: ElfImage, instruction: Instruction) -> int | None:
    """Give the function of the file itself that a direct call reaches, also through the PLT."""
    target = instruction.target if instruction.is_call else None
    if target is None:
        return None
    slot = _stub_slot(image, target)
    return target if slot is None else image.pointer_at(slot)


def is_stub(image: ElfImage, target: int) -> bool:
    """Tell whether a call target is a PLT stub."""
    return _stub_slot(image, target) is not None


def find_references(image: ElfImage, addresses: Collection[int], bases: Collection[int] = ()) -> set[int]:
    """Find the instructions that load one of `addresses`, alone or as a displacement from one of `bases`.

    Raises ElfError when there is more code than any interpreter has.
    """
    wanted = frozenset(addresses)
    found = {at for at, target in _relative_targets(image, _LEA_RIP) if target in wanted}
    for start, chunk in _code_chunks(image):
        for address in wanted:
            if address < 1 << 31:
                constants = _find_word(chunk, address)
                found |= {start + at - 1 for at in constants if at and chunk[at - 1] in _MOV_IMM32}
            for base in bases:
                for at in _find_word(chunk, address - base):
                    if at >= 3 and _LEA_BASE.fullmatch(chunk, at - 3, at):  # noqa: PLR2004
                        found.add(start + at - 3)
    return found


def find_words_in_code(image: ElfImage, word: int) -> Iterator[int]:
    """Give every address in the code where a 32-bit displacement or constant equal to `word` stands."""
    for start, chunk in _code_chunks(image):
        for at in _find_word(chunk, word):
            yield start + at


def index_code(image: ElfImage) -> Code:
    """Find the targets of all 32-bit jumps in a file's code; bytes that only look like one are among them.

    Raises ElfError when there is more code than any interpreter has.
    """
    targets = (target for _, target in _relative_targets(image, _JUMP_REL32) if target >= 0)
    return Code(image, array("Q", sorted(targets)))


def _relative_targets(image: ElfImage, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, int]]:
    """Give the address and the target of what matches `pattern` and ends with a relative 32-bit displacement."""
    count = 0
    for start, chunk in _code_chunks(image):
        for match in pattern.finditer(chunk, 0, len(chunk) - 4):
            end = match.end() + 4
            yield start + match.start(), start + end + _unpack_signed(chunk, end - 4)[0]
            count += 1
            if count > _MAX_MATCHES:
                raise ElfError(f"{image.name} has too much code to search")


def _find_word(chunk: bytes, word: int) -> Iterator[int]:
    if not -(1 << 31) <= word < 1 << 31:
        return
    pattern = struct.pack("<i", word)
    at = chunk.find(pattern)
    for _ in range(_MAX_WORDS):
        if at < 0:
            return
        yield at
        at = chunk.find(pattern, at + 1)


def _code_chunks(image: ElfImage) -> Iterator[tuple[int, bytes]]:
    """Give the file's code in overlapping pieces, each with its address."""
    if sum(segment.file_size for segment in image.code) > _MAX_CODE_BYTES:
        raise ElfError(f"{image.name} has too much code to search")
    for segment in image.code:
        for offset in range(0, segment.file_size, _CHUNK_BYTES):
            size = _CHUNK_BYTES + _LONGEST_REFERENCE
            yield segment.address + offset, image.read_upto(segment.address + offset, size)
