"""Finds the frame description (FDE) of an address: .eh_frame_hdr's table, else a walk over the whole section."""

import bisect
import struct
from array import array
from collections.abc import Iterator
from typing import Protocol

from pyxhon.target import elf_tables as tables
from pyxhon.target.cfi_entries import (
    OMITTED,
    CfiError,
    Cie,
    Cursor,
    Fde,
    cie_address,
    entry_extent,
    parse_cie,
    parse_fde,
)
from pyxhon.target.elf import ElfImage

_MAX_TABLE_BYTES = 1 << 23
_MAX_SECTION_BYTES = 1 << 23
_MAX_WALKED = 1 << 16
_MAX_ENTRY_BYTES = 1 << 16
_FIRST_READ_BYTES = 256
_MAX_KEPT_CIES = 1 << 12
# DW_EH_PE encodings of the table that can be searched: pairs of offsets from the header, of four or eight bytes.
_SEARCHABLE = {0x3B: struct.Struct("<ii"), 0x3C: struct.Struct("<qq")}


class CfiIndex(Protocol):
    """Where the frame descriptions of one image are found."""

    def find(self, address: int) -> Fde | None:
        """Give the description that holds an address; CfiError when what should is damaged."""

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""


class Entries:
    """Reads entries of .eh_frame at their addresses, CIEs once."""

    def __init__(self, image: ElfImage) -> None:
        self._image = image
        self._cies: dict[int, Cie] = {}

    def fde(self, address: int) -> Fde:
        """Read the FDE at an address; CfiError for anything else."""
        content = self._entry(address)
        owner = cie_address(content, address)
        if owner is None:
            raise CfiError("not an FDE")
        return parse_fde(content, address, self._cie(owner))

    def _cie(self, address: int) -> Cie:
        known = self._cies.get(address)
        if known is None:
            known = parse_cie(self._entry(address), address)
            if len(self._cies) >= _MAX_KEPT_CIES:
                self._cies.clear()
            self._cies[address] = known
        return known

    def _entry(self, address: int) -> bytes:
        head = self._image.read_upto(address, _FIRST_READ_BYTES)
        field, length = entry_extent(head)
        if length > _MAX_ENTRY_BYTES:
            raise CfiError("an entry is too long")
        if field + length <= len(head):
            return head[: field + length]
        content = self._image.read(address, field + length)
        if content is None:
            raise CfiError("an entry ends beyond the file")
        return content


class HeaderIndex:
    """The binary search table of .eh_frame_hdr, kept as the bytes that it is."""

    def __init__(self, table: bytes, base: int, pairs: struct.Struct, entries: Entries) -> None:
        self._table = table
        self._base = base
        self._pairs = pairs
        self._entries = entries

    def find(self, address: int) -> Fde | None:
        """Give the description that holds an address."""
        found = self._search(address)
        if found is None:
            return None
        fde = self._entries.fde(self._base + found[1])
        return fde if fde.start <= address < fde.end else None

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return len(self._table)

    def _search(self, address: int) -> tuple[int, int] | None:
        wanted, read, size = address - self._base, self._pairs.unpack_from, self._pairs.size
        low, high = 0, len(self._table) // size
        while low < high:
            middle = (low + high) // 2
            if read(self._table, middle * size)[0] <= wanted:
                low = middle + 1
            else:
                high = middle
        if not low:
            return None
        start, description = read(self._table, (low - 1) * size)
        return int(start), int(description)


class WalkedIndex:
    """All FDEs of one section, found by walking over it: for files without a usable .eh_frame_hdr."""

    def __init__(self, content: bytes, address: int, *, is_debug: bool) -> None:
        self._content = content
        self._address = address
        self._section = address if is_debug else None
        self._cies: dict[int, Cie | None] = {}
        pairs = sorted(self._walk())
        self._starts = array("Q", (start for start, _ in pairs))
        self._positions = array("Q", (position for _, position in pairs))

    def find(self, address: int) -> Fde | None:
        """Give the description that holds an address."""
        index = bisect.bisect_right(self._starts, address) - 1
        fde = None if index < 0 else self._fde(self._positions[index])
        return fde if fde is not None and fde.start <= address < fde.end else None

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return len(self._content) + 16 * len(self._starts)

    def _walk(self) -> Iterator[tuple[int, int]]:
        position = 0
        for _ in range(_MAX_WALKED):
            try:
                field, length = entry_extent(self._content[position : position + 12])
                if not length:
                    return
                fde = self._fde(position)
                if fde is not None and fde.start:
                    yield fde.start, position
            except CfiError:
                if not self._is_inside(position):
                    return
            position += field + length

    def _is_inside(self, position: int) -> bool:
        """Tell whether an entry fits: a damaged one among others is skipped, a damaged length ends the walk."""
        try:
            field, length = entry_extent(self._content[position : position + 12])
        except CfiError:
            return False
        return position + field + length <= len(self._content)

    def _entry(self, position: int) -> bytes:
        if not 0 <= position < len(self._content):
            raise CfiError("a CIE lies outside of its section")
        field, length = entry_extent(self._content[position : position + 12])
        if length > _MAX_ENTRY_BYTES or position + field + length > len(self._content):
            raise CfiError("an entry is too long")
        return self._content[position : position + field + length]

    def _fde(self, position: int) -> Fde | None:
        content, address = self._entry(position), self._address + position
        owner = cie_address(content, address, self._section)
        if owner is None:
            return None
        if owner not in self._cies:
            self._cies[owner] = None  # a damaged one is parsed once, too
            entry = self._entry(owner - self._address)
            self._cies[owner] = parse_cie(entry, owner, is_debug=self._section is not None)
        cie = self._cies[owner]
        if cie is None:
            raise CfiError("its CIE is damaged")
        return parse_fde(content, address, cie, is_debug=self._section is not None)


def open_index(image: ElfImage) -> CfiIndex | None:
    """Give the best index an image offers; None when it has no unwind information that can be used."""
    try:
        index = _header_index(image)
    except CfiError:
        index = None
    if index is not None:
        return index
    for name in (".eh_frame", ".debug_frame"):
        section = image.section(name)
        if section is not None and 0 < section.size <= _MAX_SECTION_BYTES:
            return WalkedIndex(image.section_bytes(section), section.address, is_debug=name == ".debug_frame")
    return None


def _header_index(image: ElfImage) -> CfiIndex | None:
    header = next((s for s in image.segments if s.kind == tables.PT_GNU_EH_FRAME), None)
    if header is None or header.file_size > _MAX_TABLE_BYTES:
        return None
    content = image.read_file(header.offset, header.file_size) or b""
    cursor = Cursor(content, header.address)
    if cursor.number(1) != 1:
        return None
    frame_encoding, count_encoding, table_encoding = cursor.take(3)
    frames = cursor.encoded(frame_encoding, header.address)
    pairs = _SEARCHABLE.get(table_encoding)
    if pairs is not None and count_encoding != OMITTED:
        count = cursor.encoded_size(count_encoding)
        table = content[cursor.position :][: max(count, 0) * pairs.size]
        return HeaderIndex(table[: len(table) - len(table) % pairs.size], header.address, pairs, Entries(image))
    rest = image.read_upto(frames, _MAX_SECTION_BYTES)
    return WalkedIndex(rest, frames, is_debug=False) if rest else None
