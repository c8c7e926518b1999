"""Instructions that make a system call without the C library.

The bytes 0f 05 (syscall), 0f 34 (sysenter) and cd 80 (int 0x80) mostly are parts of other instructions. Where they
stand is found by search, which gives the upper bound. An instruction is confirmed by decoding from the start of its
function, or where several decodings from nearby agree: a start that lies hides nothing then. Confirmed is a lower
bound: code can jump into the middle of an instruction, and can be written at run time.
"""

import bisect
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import capstone

from pyxhon.dossier.budget import Budget
from pyxhon.target.elf import ElfImage
from pyxhon.target.elf_tables import Section

_PATTERNS = (b"\x0f\x05", b"\x0f\x34", b"\xcd\x80")
_PATTERN_BYTES = 2
_CHUNK_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 12
_LONGEST_INSTRUCTION = 15
_MAX_PLACES = 1 << 12
_MAX_DISTANCE = 1 << 20
_VOTES_FROM = range(16, 48)
_VOTES_NEEDED = 20
_SHORT_WAY = 64
_MAX_WAYS = 8


@dataclass(frozen=True, slots=True)
class SystemCallCode:
    """Where system call instructions stand, and in how many places their bytes do; `gap` says what was not decoded."""

    confirmed: tuple[int, ...]
    byte_count: int
    gap: str | None


def find_system_calls(image: ElfImage, starts: "array[int]", budget: Budget) -> SystemCallCode:
    """Find the system call instructions of a file; `starts` are the sorted starts of its functions."""
    ranges = _code_ranges(image, starts)
    places: list[int] = []
    count = inside_count = 0
    gap = None
    for start, size in _chunks(image):
        if not budget.begin():
            gap = "not all code was searched: time"
            break
        chunk = image.read_upto(start, size + _PATTERN_BYTES - 1)
        count += sum(map(chunk.count, _PATTERNS))
        for low, high in ranges:
            inside = (max(low - start, 0), max(min(high - start, len(chunk)), 0))
            inside_count += sum(chunk.count(pattern, *inside) for pattern in _PATTERNS)
            places.extend(start + at for at in _positions(chunk, inside, _MAX_PLACES - len(places)))
    decoded, confirmed = _confirm(image, sorted(set(places)), starts, budget)
    if gap is None and decoded < len(places):
        gap = "not all places with bytes of a system call instruction were decoded: time"
    elif gap is None and len(places) < inside_count:
        gap = f"only {len(places)} of {inside_count} places with bytes of a system call instruction were decoded"
    return SystemCallCode(tuple(confirmed), count, gap)


def _chunks(image: ElfImage) -> Iterator[tuple[int, int]]:
    for segment in image.code:
        for offset in range(0, segment.file_size, _CHUNK_BYTES):
            yield segment.address + offset, min(_CHUNK_BYTES, segment.file_size - offset)


def _code_ranges(image: ElfImage, starts: "array[int]") -> list[tuple[int, int]]:
    """Give where code may be: in sections of code, for some linkers put tables into the same segment.

    Section headers are for tools, not for the loader, and may lie: where a function starts elsewhere, they count for
    nothing.
    """
    sections: list[tuple[int, int]] = []
    for section in sorted((s for s in image.sections if s.is_code and image.is_code(s.address)), key=_address_of):
        low = max(section.address, sections[-1][1] if sections else 0)  # what two of them cover counts once
        if low < section.address + section.size:
            sections.append((low, section.address + section.size))
    segments = [(s.address, s.address + s.file_size) for s in image.code]
    known = sum(bisect.bisect_left(starts, high) - bisect.bisect_left(starts, low) for low, high in sections)
    return sections if sections and known >= len(starts) else segments


def _address_of(section: Section) -> int:
    return section.address


def _positions(chunk: bytes, inside: tuple[int, int], limit: int) -> Iterator[int]:
    low, high = inside
    for pattern in _PATTERNS:
        at = chunk.find(pattern, low, high)
        while at >= 0 and limit > 0:
            yield at
            limit -= 1
            at = chunk.find(pattern, at + 1, high)


def _confirm(image: ElfImage, places: list[int], starts: "array[int]", budget: Budget) -> tuple[int, list[int]]:
    """Give how many places were decoded, and those that are instructions."""
    confirmed: list[int] = []
    position = 0
    while position < len(places):
        index = bisect.bisect_right(starts, places[position])
        segment = image.segment_of(places[position])
        start = max(starts[index - 1] if index else 0, segment.address if segment is not None else 0)
        end = starts[index] if index < len(starts) else places[-1] + 1
        group = places[position : bisect.bisect_left(places, end, position + 1)]
        near = [place for place in group if place - start < _MAX_DISTANCE]
        found = _decode_from(image, start, near, budget) if near else set()
        if found is None:
            return position, confirmed
        for place in group:
            if place not in found and not budget.begin():
                return position, confirmed
            if place in found or _is_agreed_on(image, place):
                confirmed.append(place)
            position += 1
    return position, confirmed


def _decode_from(image: ElfImage, start: int, places: list[int], budget: Budget) -> set[int] | None:
    """Decode a function up to the last place; give which places are instructions, None when time ran out.

    Where the function jumps to is decoded, too: it can jump behind a byte that hides the instruction from a decoder.
    """
    found: set[int] = set()
    targets: set[int] = set()
    position, last = start, places[-1] + _PATTERN_BYTES
    while position < last:
        if not budget.begin():
            return None
        code = image.read_upto(position, _WINDOW_BYTES)
        is_cut = len(code) == _WINDOW_BYTES
        stop = min(last, position + len(code) - _LONGEST_INSTRUCTION) if is_cut else last
        before = position
        for address, size, mnemonic, operands in _disassembler().disasm_lite(code, position):
            if address >= stop:
                break
            position = address + size
            if _is_system_call(mnemonic, operands):
                found.add(position - _PATTERN_BYTES)
            elif mnemonic[0] == "j" and operands[:2] == "0x":
                targets.add(int(operands, 16))
        if position == before:
            break
    jumped_to = sorted(targets)
    for place in places:
        near = jumped_to[bisect.bisect_left(jumped_to, place - _SHORT_WAY) : bisect.bisect_right(jumped_to, place)]
        if place not in found and any(_is_reached(image, target, place) for target in near[-_MAX_WAYS:]):
            found.add(place)
    return found


def _is_agreed_on(image: ElfImage, place: int) -> bool:
    """Tell whether most decodings from the bytes before a place come upon a system call there."""
    missing = _VOTES_NEEDED
    for asked, distance in enumerate(_VOTES_FROM):
        if not 0 < missing <= len(_VOTES_FROM) - asked:
            break
        missing -= _is_reached(image, place - distance, place)
    return missing == 0


def _is_reached(image: ElfImage, start: int, place: int) -> bool:
    """Tell whether decoding from `start` comes upon a system call at a place, with prefixes or without."""
    code = image.read_upto(start, place - start + _LONGEST_INSTRUCTION)
    for address, size, mnemonic, operands in _disassembler().disasm_lite(code, start):
        if address > place:
            return False
        if address + size == place + _PATTERN_BYTES and _is_system_call(mnemonic, operands):
            return True
    return False


def _is_system_call(mnemonic: str, operands: str) -> bool:
    name = mnemonic.rpartition(" ")[2]  # "rex.W syscall"
    return name in {"syscall", "sysenter"} or (name == "int" and operands == "0x80")


@cache
def _disassembler() -> Any:
    """Give a decoder that passes over bytes that are no instruction, one by one."""
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    disassembler.skipdata = True
    return disassembler
