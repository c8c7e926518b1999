"""The nearest function symbol of an address, from both symbol tables of a file."""

import bisect
import struct
import time
from array import array
from collections.abc import Iterator

from pyxhon.target import elf_tables as tables
from pyxhon.target.elf import ElfImage

_MAX_SYMBOLS = 1 << 18
_MAX_SECONDS = 2.0
_CHUNK_BYTES = 24 << 12
_MAX_TABLE_BYTES = 1 << 25
_MAX_NAME_BYTES = 512
_MAX_NESTED = 64
_MAX_FUNCTION_BYTES = 1 << 30
_MAX_OFFSET = 1 << 48
_FUNCTIONS = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_ENTRY = struct.Struct("<IBBHQQ")


class SymbolIndex:
    """The function symbols of one image, sorted by address; names are read from the file when asked for.

    At most a quarter of a million symbols and two seconds' work; `is_cut` when there was more.
    """

    def __init__(self, image: ElfImage) -> None:
        self._image = image
        self.is_cut = False
        self._starts = array("Q")
        self._sizes = array("I")
        self._names = array("Q")  # file offsets
        self._build()

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def size_bytes(self) -> int:
        """How much memory it takes."""
        return len(self) * (self._starts.itemsize + self._sizes.itemsize + self._names.itemsize)

    def name_at(self, address: int) -> str | None:
        """Give the name of the function that holds an address; of several names, the plainest."""
        found = self._find(address)
        if found is None:
            return None
        start, size = self._starts[found], self._sizes[found]
        names: list[str | None] = []
        while found >= 0 and self._starts[found] == start and len(names) < _MAX_NESTED:
            if self._sizes[found] == size:
                names.append(self._name(self._names[found]))
            found -= 1
        return min((name for name in names if name), key=_plainness, default=None)

    def _find(self, address: int) -> int | None:
        index = bisect.bisect_right(self._starts, address) - 1
        for candidate in range(index, max(index - _MAX_NESTED, -1), -1):
            if address - self._starts[candidate] < self._sizes[candidate]:
                return candidate
        return None

    def _build(self) -> None:
        deadline = time.monotonic() + _MAX_SECONDS
        found: list[tuple[int, int, int]] = []
        for entries in self._tables(deadline):
            found.extend(entries)
            if len(found) >= _MAX_SYMBOLS:
                self.is_cut = True
                break
        for start, size, name in sorted(set(found[:_MAX_SYMBOLS])):
            self._starts.append(start)
            self._sizes.append(size)
            self._names.append(name)

    def _tables(self, deadline: float) -> Iterator[list[tuple[int, int, int]]]:
        for offset, size, names in (*self._static_ranges(), *self._dynamic_ranges()):
            end = offset + min(size, _MAX_TABLE_BYTES)
            self.is_cut |= size > _MAX_TABLE_BYTES
            for start in range(offset, end, _CHUNK_BYTES):
                if time.monotonic() > deadline:
                    self.is_cut = True
                    return
                yield _functions(self._image.read_file(start, min(_CHUNK_BYTES, end - start)) or b"", names)

    def _static_ranges(self) -> Iterator[tuple[int, int, int]]:
        sections = self._image.sections
        for section in sections:
            if section.kind == tables.SHT_SYMTAB and section.link < len(sections):
                yield section.offset, section.size, sections[section.link].offset
                return

    def _dynamic_ranges(self) -> Iterator[tuple[int, int, int]]:
        ranges = self._image.dynamic_symbol_ranges()
        if ranges is not None:
            yield ranges

    def _name(self, offset: int) -> str | None:
        size = min(_MAX_NAME_BYTES, self._image.size_bytes - offset)
        content = self._image.read_file(offset, size) or b""
        return tables.read_name(content + b"\0", 0) or None


def _functions(table: bytes, names: int) -> list[tuple[int, int, int]]:
    """Give start, size and name's file offset of the functions defined in a piece of a symbol table."""
    whole = table[: len(table) - len(table) % tables.SYMBOL_BYTES]
    return [
        (value, size, names + name)
        for name, info, _, section, value, size in _ENTRY.iter_unpack(whole)
        if section and info & 15 in _FUNCTIONS and 0 < size < _MAX_FUNCTION_BYTES and names < _MAX_OFFSET
    ]


def _plainness(name: str) -> tuple[int, int, str]:
    return len(name) - len(name.lstrip("_")), len(name), name
