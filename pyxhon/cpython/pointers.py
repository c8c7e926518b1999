"""All pointers that a DLL's file holds, read once: for searches that follow many of them."""

import struct
from array import array
from collections.abc import Collection, Iterator
from itertools import islice

from pyxhon.target.elf import ElfImage
from pyxhon.target.elf_relocations import R_X86_64_64, R_X86_64_RELATIVE

_MAX_POINTERS = 1 << 20
_MAX_SEGMENT_BYTES = 1 << 26
_MAX_SAME = 64
_WORD = 1 << 64


class Pointers:
    """The words of a file that hold addresses once the loader is done: of the file itself, or of what it imports.

    At most a million are kept; `is_partial` says that there were more.
    """

    def __init__(self, image: ElfImage) -> None:
        self.image = image
        self.values: dict[int, int] = {}
        self.imports: dict[int, str] = {}
        self._code = [(s.address, s.address + s.file_size) for s in image.code]
        found = islice(_relocated(image, self.imports), _MAX_POINTERS + 1)
        self.values.update(found)
        if not image.is_position_independent and len(self.values) <= _MAX_POINTERS:
            self.values.update(islice(_plain(image), _MAX_POINTERS + 1 - len(self.values)))
        self.is_partial = len(self.values) > _MAX_POINTERS

    def is_code(self, address: int) -> bool:
        """Tell whether an address lies in an executable segment."""
        return any(start <= address < end for start, end in self._code)

    def is_pointer(self, site: int) -> bool:
        """Tell whether the word at `site` holds an address."""
        return site in self.values or site in self.imports

    def sites_of(self, wanted: Collection[int]) -> dict[int, list[int]]:
        """Give, for each address wanted, where the first 64 pointers to it are."""
        found: dict[int, list[int]] = {address: [] for address in wanted}
        for site, value in self.values.items():
            if value in found and len(found[value]) < _MAX_SAME:
                found[value].append(site)
        return found


def _relocated(image: ElfImage, imports: dict[int, str]) -> Iterator[tuple[int, int]]:
    rela = image.relocations.rela
    for site, info, addend in struct.iter_unpack("<QQq", rela):
        kind = info & 0xFFFFFFFF
        if kind == R_X86_64_RELATIVE:
            yield site, addend % _WORD
        elif kind == R_X86_64_64 and (symbol := image.dynamic_table.at(info >> 32)) is not None:
            if symbol.is_defined:
                yield site, (symbol.symbol.value + addend) % _WORD
            elif len(imports) < _MAX_POINTERS:
                imports[site] = symbol.name
    for site in image.relocations.relr:
        value = image.read_word(site)
        if value is not None:
            yield site, value


def _plain(image: ElfImage) -> Iterator[tuple[int, int]]:
    """Give the words of the data of a program at a fixed address that may be addresses."""
    lowest = min((s.address for s in image.loads), default=0)
    highest = max((s.address + s.memory_size for s in image.loads), default=0)
    for segment in image.loads:
        if segment.is_executable:
            continue
        start = -segment.address % 8
        size = min(segment.file_size, _MAX_SEGMENT_BYTES) - start & ~7
        content = image.read_file(segment.offset + start, size) if size > 0 else None
        for index, value in enumerate(array("Q", content or b"")):
            if lowest <= value < highest:
                yield segment.address + start + index * 8, value
