"""Pointers that a DLL's file holds: relocation tables searched as bytes, without one object per entry."""

import bisect
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.target.elf_tables import RELA_BYTES, find_aligned, sorted_addresses

R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE = 1, 6, 7, 8
_ADDEND_AT = 16
_SIGN_BIT, _WORD = 1 << 63, 1 << 64


@dataclass(frozen=True, slots=True)
class Relocation:
    """One RELA entry: type, index of the dynamic symbol, addend."""

    kind: int
    symbol: int
    addend: int


@dataclass(frozen=True, slots=True)
class Relocations:
    """The RELA tables (DT_RELA and DT_JMPREL together) and the sorted addresses of DT_RELR."""

    rela: bytes
    relr: "array[int]"

    @property
    def symbol_count(self) -> int:
        """How many dynamic symbols there are at least, for the entries refer to them."""
        infos = array("Q", self.rela)[1::3]
        return (max(infos) >> 32) + 1 if infos else 0

    def at(self, site: int) -> Relocation | None:
        """Give the RELA entry that fills the word at `site`."""
        for entry in find_aligned(self.rela, struct.pack("<Q", site), RELA_BYTES, 0):
            _, info, addend = struct.unpack_from("<QQq", self.rela, entry)
            return Relocation(info & 0xFFFFFFFF, info >> 32, addend)
        return None

    def sites_of(self, value: int) -> Iterator[int]:
        """Give the addresses of words that R_X86_64_RELATIVE entries set to `value`."""
        signed = value - _WORD if value & _SIGN_BIT else value
        for entry in find_aligned(self.rela, struct.pack("<q", signed), RELA_BYTES, _ADDEND_AT):
            site, info = struct.unpack_from("<QQ", self.rela, entry)
            if info & 0xFFFFFFFF == R_X86_64_RELATIVE:
                yield site

    def sites_of_symbol(self, index: int) -> Iterator[int]:
        """Give the addresses of words that hold the plain value of dynamic symbol `index`."""
        for kind in (R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT):
            word = struct.pack("<Q", index << 32 | kind)
            for entry in find_aligned(self.rela, word, RELA_BYTES, 8):
                site, _, addend = struct.unpack_from("<QQq", self.rela, entry)
                if addend == 0 or kind != R_X86_64_64:
                    yield site

    def has_relr(self, site: int) -> bool:
        """Tell whether DT_RELR relocates the word at `site` in place."""
        position = bisect.bisect_left(self.relr, site)
        return position < len(self.relr) and self.relr[position] == site


def decode_relr(table: bytes, limit: int) -> "array[int]":
    """Decode a DT_RELR table into at most `limit` sorted addresses (gABI proposal of 2018)."""
    sites = array("Q")
    base = 0
    for (entry,) in struct.iter_unpack("<Q", table[: len(table) & ~7]):
        if len(sites) >= limit:
            break
        if not entry & 1:
            sites.append(entry)
            base = entry + 8 & _WORD - 1
            continue
        bits, site = entry >> 1, base
        while bits:
            if bits & 1:
                sites.append(site & _WORD - 1)
            bits >>= 1
            site += 8
        base = base + 63 * 8 & _WORD - 1
    return sorted_addresses(sites)
