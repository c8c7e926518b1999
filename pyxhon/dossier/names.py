"""The dynamic symbols of a file as its relocations need them, and names for addresses."""

import bisect
import itertools
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.dossier.budget import Budget
from pyxhon.target import elf_tables as tables
from pyxhon.target.elf import ElfImage
from pyxhon.target.elf_tables import SymbolTable, read_name

_ENTRIES_AT_ONCE = 1 << 13
_MAX_TABLE_BYTES = 1 << 26
_MAX_FUNCTIONS = 1 << 17
_BINDINGS_SEEN_OUTSIDE = (1, 2, 10)  # STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE
_FUNCTIONS = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_unpack = struct.Struct("<IBBHQQ").iter_unpack
Entry = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Linked:
    """What a file takes from other files and gives to them."""

    imports: tuple[str, ...]
    exported: int
    python_modules: tuple[str, ...]
    is_whole: bool


def dynamic_table(image: ElfImage) -> SymbolTable:
    """Give the dynamic symbol table, at least as long as the relocations reach.

    The hash table, which tells the length elsewhere, covers exports: a DLL without any would seem to import nothing.
    """
    start = image.dynamic_value(tables.DT_SYMTAB)
    known = image.dynamic_table
    if start is None:
        return known
    count = max(image.relocations.symbol_count, len(known.entries) // tables.SYMBOL_BYTES)
    section = next((s for s in image.sections if s.kind == tables.SHT_DYNSYM and s.address == start), None)
    if section is not None:
        count = max(count, section.size // tables.SYMBOL_BYTES)
    content = image.read_upto(start, min(count * tables.SYMBOL_BYTES, _MAX_TABLE_BYTES))
    at, size = (image.dynamic_value(tag) for tag in (tables.DT_STRTAB, tables.DT_STRSZ))
    names = b"" if at is None or size is None else image.read_upto(at, min(size, _MAX_TABLE_BYTES))
    return SymbolTable(content, names)


def read_linked(table: SymbolTable, budget: Budget) -> Linked:
    """Sort a dynamic symbol table into imports, exports and the init functions of Python modules."""
    imports: dict[str, None] = {}
    modules: dict[str, None] = {}
    exported = 0
    is_whole = False
    for piece in _pieces(table, budget):
        is_whole = piece is None
        for name, info, _, section, _, _ in piece or ():
            if section and info >> 4 in _BINDINGS_SEEN_OUTSIDE:
                exported += 1
                if table.names.startswith((b"PyInit_", b"PyInitU_", b"PyModExport_"), name):
                    modules[read_name(table.names, name)] = None
            elif not section and name:
                imports[read_name(table.names, name)] = None
    imports.pop("", None)
    return Linked(tuple(imports), exported, tuple(modules), is_whole)


def _pieces(table: SymbolTable, budget: Budget) -> Iterator[list[Entry] | None]:
    """Give the entries in bounded lists; None after the last one, unless time ran out before."""
    whole = len(table.entries) - len(table.entries) % tables.SYMBOL_BYTES
    entries = _unpack(memoryview(table.entries)[:whole])
    while budget.begin():
        piece = list(itertools.islice(entries, _ENTRIES_AT_ONCE))
        if not piece:
            yield None
            return
        yield piece


class FunctionNames:
    """Names functions by their addresses, from both symbol tables; an address without a name is its own."""

    def __init__(self, image: ElfImage, table: SymbolTable, budget: Budget) -> None:
        names: dict[int, tuple[SymbolTable, int]] = {}
        for each in (image.static_table, table):
            for piece in _pieces(each, budget):
                for name, info, _, section, value, _ in piece or ():
                    if section and info & 15 in _FUNCTIONS and len(names) < _MAX_FUNCTIONS:
                        names[value] = (each, name)
        self._names = names
        self.starts = array("Q", sorted(names))
        """The sorted addresses of all functions that have a symbol."""

    def at(self, address: int) -> str:
        """Give the name of the function that starts here."""
        table, name = self._names.get(address, (None, 0))
        found = read_name(table.names, name) if table is not None else ""
        return found[:256] or hex(address)

    def around(self, address: int, starts: "array[int]") -> str:
        """Give the name of the function around an address; `starts` are those of unwind information."""
        position = bisect.bisect_right(starts, address)
        start = starts[position - 1] if position else None
        if start is not None and start in self._names:
            return self.at(start)
        position = bisect.bisect_right(self.starts, address)
        symbol = self.starts[position - 1] if position else None
        if symbol is not None and (start is None or symbol > start):
            return self.at(symbol)
        return hex(address if start is None else start)
