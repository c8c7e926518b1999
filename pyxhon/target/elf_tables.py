"""The tables of an ELF file, parsed from bytes: pure functions that refuse what does not fit.

Structures are those of the System V ABI for x86-64 and of the Linux Standard Base (.eh_frame_hdr).
"""

import itertools
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO = 0x6474E550, 0x6474E551, 0x6474E552
SHT_PROGBITS, SHT_SYMTAB, SHT_DYNSYM = 1, 2, 11
DT_NEEDED, DT_STRTAB, DT_SYMTAB, DT_HASH, DT_GNU_HASH = 1, 5, 6, 4, 0x6FFFFEF5
DT_RELA, DT_RELASZ, DT_JMPREL, DT_PLTRELSZ, DT_RELR, DT_RELRSZ = 7, 8, 23, 2, 36, 35
DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH = 10, 14, 15, 29
DT_INIT, DT_FINI, DT_TEXTREL, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1 = 12, 13, 22, 24, 30, 0x6FFFFFFB
DT_INIT_ARRAY, DT_FINI_ARRAY, DT_INIT_ARRAYSZ, DT_FINI_ARRAYSZ = 25, 26, 27, 28
DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ = 32, 33
SYMBOL_BYTES = 24
RELA_BYTES = 24
SECTION_BYTES = 64
SEGMENT_BYTES = 56

_PF_X, _PF_W = 1, 2
_SHF_EXECINSTR = 4
_MAX_NOTES = 4096
_MAX_NAME_BYTES = 4096
_MAX_SAME_TAILS = 64
_MAX_FUNCTIONS = 1 << 20
# DW_EH_PE encodings of .eh_frame_hdr: the only ones that linkers write.
_UDATA4, _DATAREL_SDATA4 = 0x03, 0x3B


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    alignment: int

    @property
    def is_executable(self) -> bool:
        """PF_X is set."""
        return bool(self.flags & _PF_X)

    @property
    def is_writable(self) -> bool:
        """PF_W is set (RELRO parts are, in the file)."""
        return bool(self.flags & _PF_W)

    def holds(self, address: int, size: int = 1) -> bool:
        """Tell whether the file has bytes for these addresses."""
        return self.address <= address and address + size <= self.address + self.file_size


@dataclass(frozen=True, slots=True)
class Section:
    """One section header, its name resolved."""

    name: str
    kind: int
    address: int
    offset: int
    size: int
    link: int
    flags: int = 0

    @property
    def is_code(self) -> bool:
        """SHF_EXECINSTR is set."""
        return bool(self.flags & _SHF_EXECINSTR)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name's address (as linked) and size in bytes."""

    value: int
    size: int
    is_function: bool = False


@dataclass(frozen=True, slots=True)
class NamedSymbol:
    """One entry of a symbol table; undefined ones are imports."""

    name: str
    symbol: Symbol
    is_defined: bool


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """A symbol table as bytes, searched in place: large ones have hundreds of thousands of entries."""

    entries: bytes
    names: bytes

    def __iter__(self) -> Iterator[NamedSymbol]:
        for position in range(0, len(self.entries) - SYMBOL_BYTES + 1, SYMBOL_BYTES):
            yield self._parse(position)

    def at(self, index: int) -> NamedSymbol | None:
        """Give the entry with that index; None for the null entry and outside of the table."""
        is_inside = 0 < index < len(self.entries) // SYMBOL_BYTES
        return self._parse(index * SYMBOL_BYTES) if is_inside else None

    def named(self, name: str) -> Iterator[NamedSymbol]:
        """Give the defined symbols of a name: each version of it is one."""
        text = name.encode() + b"\0"
        offset = self.names.find(text)
        for _ in range(_MAX_SAME_TAILS):  # the tail of a longer name may be shared
            if offset < 0:
                return
            for position in find_aligned(self.entries, struct.pack("<I", offset), SYMBOL_BYTES, 0):
                entry = self._parse(position)
                if entry.is_defined:
                    yield entry
            offset = self.names.find(text, offset + 1)

    def indices_of_value(self, value: int) -> Iterator[int]:
        """Give the indices of the defined symbols with a value."""
        for position in find_aligned(self.entries, struct.pack("<Q", value), SYMBOL_BYTES, 8):
            if self._parse(position).is_defined:
                yield position // SYMBOL_BYTES

    def _parse(self, position: int) -> NamedSymbol:
        name, info, _, section, value, size = struct.unpack_from("<IBBHQQ", self.entries, position)
        symbol = Symbol(value, size, is_function=info & 15 in (2, 10))
        return NamedSymbol(read_name(self.names, name), symbol, is_defined=section != 0)


@dataclass(frozen=True, slots=True)
class Note:
    """One note: owner, type and content."""

    owner: bytes
    kind: int
    content: bytes


def parse_segments(table: bytes) -> tuple[Segment, ...]:
    """Parse program headers."""
    return tuple(
        Segment(kind, flags, offset, address, file_size, memory_size, alignment)
        for kind, flags, offset, address, _, file_size, memory_size, alignment in struct.iter_unpack("<IIQQQQQQ", table)
    )


def parse_sections(table: bytes, names: bytes) -> tuple[Section, ...]:
    """Parse section headers; `names` is the content of the section name table."""
    return tuple(
        Section(read_name(names, name), kind, address, offset, size, link, flags)
        for name, kind, flags, address, offset, size, link, _, _, _ in struct.iter_unpack("<IIQQQQIIQQ", table)
    )


def section_names_range(table: bytes, index: int) -> tuple[int, int]:
    """Give file offset and size of the section name table, (0, 0) when there is none."""
    if (index + 1) * SECTION_BYTES > len(table):
        return 0, 0
    offset, size = struct.unpack_from("<QQ", table, index * SECTION_BYTES + 24)
    return int(offset), int(size)


def read_name(names: bytes, offset: int) -> str:
    """Read one bounded name out of a string table; "" outside of it."""
    end = names.find(b"\0", offset, offset + _MAX_NAME_BYTES)
    return names[offset:end].decode("utf-8", "replace") if end >= 0 else ""


def parse_dynamic(content: bytes) -> dict[int, list[int]]:
    """Parse the dynamic section into tag -> values."""
    tags: dict[int, list[int]] = {}
    for tag, value in struct.iter_unpack("<QQ", content[: len(content) & ~15]):
        if tag == 0:
            break
        tags.setdefault(tag, []).append(value)
    return tags


def find_aligned(table: bytes, word: bytes, entry_size: int, at: int) -> Iterator[int]:
    """Give the positions of the entries of a table that have `word` at offset `at`."""
    found = table.find(word, at)
    while found >= 0:
        entry, offset = divmod(found - at, entry_size)
        if not offset and (entry + 1) * entry_size <= len(table):
            yield entry * entry_size
        found = table.find(word, at + (entry + 1) * entry_size)


def parse_notes(content: bytes, alignment: int = 4) -> Iterator[Note]:
    """Parse a note segment or section; stops at the first note that does not fit."""
    position = 0
    for _ in range(_MAX_NOTES):
        if position + 12 > len(content):
            return
        name_size, size, kind = struct.unpack_from("<III", content, position)
        start = position + 12 + (name_size + 3 & ~3)
        if alignment == 8:  # noqa: PLR2004 the gABI's other note alignment
            start = position + (12 + name_size + 7 & ~7)
        if start + size > len(content):
            return
        owner = content[position + 12 : position + 12 + name_size].rstrip(b"\0")
        yield Note(owner, kind, content[start : start + size])
        position = start + (size + 7 & ~7 if alignment == 8 else size + 3 & ~3)  # noqa: PLR2004


def parse_function_starts(header: bytes, address: int) -> "array[int]":
    """Give the sorted starts of all functions in .eh_frame_hdr, loaded at `address`; empty if unusable."""
    if len(header) < 12 or header[0] != 1 or header[2:4] != bytes((_UDATA4, _DATAREL_SDATA4)):  # noqa: PLR2004
        return array("Q")
    count = min(struct.unpack_from("<I", header, 8)[0], (len(header) - 12) // 8, _MAX_FUNCTIONS)
    table = header[12 : 12 + 8 * count]
    found = (address + start for start, _ in struct.iter_unpack("<ii", table))
    return sorted_addresses(array("Q", (start for start in found if start >= 0)))


def sorted_addresses(addresses: "array[int]") -> "array[int]":
    """Sort addresses that linkers write sorted: a list of them all is made only when one did not."""
    is_sorted = all(one <= other for one, other in itertools.pairwise(addresses))
    return addresses if is_sorted else array("Q", sorted(addresses))


def count_gnu_hash_symbols(table: bytes) -> int | None:
    """Give the number of dynamic symbols that DT_GNU_HASH implies; `table` runs to the segment's end."""
    if len(table) < 16:  # noqa: PLR2004 the table's own header
        return None
    buckets, first, bloom, _ = struct.unpack_from("<IIII", table)
    start = 16 + 8 * bloom
    if not buckets or start + 4 * buckets > len(table):
        return None
    last = max(array("I", table[start : start + 4 * buckets]))
    if last < first:
        return int(first)
    position = start + 4 * buckets + 4 * (last - first)
    while position + 4 <= len(table):
        last += 1
        if table[position] & 1:
            return last
        position += 4
    return None
