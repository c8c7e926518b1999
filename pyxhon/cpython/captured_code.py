"""Code objects read out of a target's memory, or out of blocks of it that a probe copied."""

import bisect
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pyxhon.cpython.bytecode import Covered, restore
from pyxhon.cpython.constants import Constant, read_short_text, summarise
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.objects import BYTES, LONG, TUPLE, UNICODE, Memory, TypeFacts, read_bytes, read_items
from pyxhon.cpython.opcode_tables import OpcodeTable, load_numbers

MAX_BYTECODE: Final = 65536
_MAX_ITEMS: Final = 4096
_MAX_TABLE: Final = 65536
_CODE_UNIT: Final = 2
# Bits of _PyLocals_Kind, the same from 3.11 to 3.15: Include/internal/pycore_code.h.
_LOCAL, _CELL, _FREE = 0x20, 0x40, 0x80
_KNOWN_TYPES: Final = {
    "PyUnicode_Type": ("str", UNICODE),
    "PyBytes_Type": ("bytes", BYTES),
    "PyLong_Type": ("int", LONG),
    "PyBool_Type": ("bool", LONG),
    "PyTuple_Type": ("tuple", TUPLE),
    "PyFloat_Type": ("float", 0),
    "PyCode_Type": ("code", 0),
    "PyComplex_Type": ("complex", 0),
    "PyFrozenSet_Type": ("frozenset", 0),
    "PyEllipsis_Type": ("ellipsis", 0),
    "PySlice_Type": ("slice", 0),
}


@dataclass(frozen=True, slots=True)
class CodeContent:
    """What a code object consists of, as the compiler made it; None among names and constants: could not be read.

    `bytecode_bytes` is the whole length, where `bytecode` was cut; `unresolved` counts instructions under an
    instrumented opcode that could not be put back.
    """

    version: tuple[int, int]
    name: str | None
    first_line: int
    flags: int
    argument_count: int
    positional_only_count: int
    keyword_only_count: int
    stack_size: int
    bytecode: bytes
    bytecode_bytes: int
    constants: list[Constant | None]
    names: list[str | None]
    variables: list[str | None]
    cells: list[str | None]
    free: list[str | None]
    all_locals: list[str | None]  # in the order of arguments of opcodes; from 3.11 on
    line_table: bytes
    exception_table: bytes
    unresolved: int = 0
    missing: int = 0  # parts that could not be read
    inner: list[int] = field(default_factory=list)  # addresses of code objects among the constants

    def digest(self) -> str:
        """Give the SHA-256 of what the compiler made: equal code objects have the same, wherever they are."""
        constants = [
            one and ("code" if one["type"] == "code" else (one["type"], one["text"])) for one in self.constants
        ]
        fields = (
            self.version, self.name, self.first_line, self.flags, self.argument_count, self.positional_only_count,
            self.keyword_only_count, self.stack_size, self.bytecode, self.bytecode_bytes, constants, self.names,
            self.variables, self.cells, self.free, self.all_locals, self.line_table, self.exception_table,
        )  # fmt: skip
        return hashlib.sha256(repr(fields).encode("utf-8", "surrogatepass")).hexdigest()


class Blocks:
    """Memory that was copied; what was not is read from the live process, where there is one."""

    def __init__(self, blocks: list[tuple[int, bytes]], live: Callable[[int, int], bytes | None] | None) -> None:
        self.exact: dict[int, bytes] = {}
        for address, content in blocks:
            known = self.exact.get(address)
            if known is None or len(known) < len(content):
                self.exact[address] = content
        self.all = sorted(self.exact.items())
        self._starts = [start for start, _ in self.all]
        self.live = live
        self.has_read_live = False

    def read(self, address: int, size: int) -> bytes | None:
        """Give all the bytes asked for, or None."""
        exact = self.exact.get(address)
        if exact is not None and size <= len(exact):
            return exact[:size]
        index = bisect.bisect_right(self._starts, address) - 1
        if index >= 0:
            start, content = self.all[index]
            if address + size <= start + len(content):
                return content[address - start : address - start + size]
            joined = self._join(index, address, size)
            if joined is not None or address < start + len(content):
                return joined  # what was copied in part is no other in the live process, only longer
        self.has_read_live |= self.live is not None
        return self.live(address, size) if self.live is not None else None

    def _join(self, index: int, address: int, size: int) -> bytes | None:
        """Put together blocks that follow each other: a long object is copied in pieces."""
        start, content = self.all[index]
        found = content[address - start :] if address < start + len(content) else b""
        while found and len(found) < size and index + 1 < len(self.all):
            index += 1
            if self._starts[index] != address + len(found):
                if self._starts[index] < address + len(found):
                    continue
                return None
            found += self.all[index][1]
        return found[:size] if len(found) >= size else None


def known_types(symbols: dict[str, int], base: int) -> dict[int, TypeFacts]:
    """Give the types that constants and names have, by address: they need not be read."""
    return {
        symbols[symbol] + base: TypeFacts(name, flags, 0, 0, 0)
        for symbol, (name, flags) in _KNOWN_TYPES.items()
        if symbol in symbols
    }


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a code object already: its qualified name and its line table."""

    name: str | None
    line_table: bytes


def read_content(memory: Memory, address: int, none: int | None, known: Described) -> CodeContent | None:
    """Read a code object; `none` is the address of None. None where its instructions cannot be read."""
    layout = memory.layout
    table = load_numbers(layout.version)
    raw, size = _read_bytecode(memory, address)
    if table is None or raw is None:
        return None
    bytecode, unresolved = restore(table, raw, _covered(memory, address, table, raw))
    constants, inner = _read_constants(memory, memory.pointer(address + layout.code_constants), none)
    variables, cells, free, all_locals = _read_locals(memory, address)
    lists = [_read_names(memory, address, layout.code_names), variables, cells, free, all_locals]
    exceptions = _read_table(memory, address, layout.code_exception_table)
    missing = sum(part is None for part in (*lists, constants, exceptions))
    names, variables, cells, free, all_locals = (part or [] for part in lists)
    numbers = {
        name: memory.signed_int(address + place) or 0
        for name, place in (
            ("first_line", layout.code_first_line), ("flags", layout.code_flags),
            ("argument_count", layout.code_argument_count), ("stack_size", layout.code_stack_size),
            ("positional_only_count", layout.code_positional_only_count),
            ("keyword_only_count", layout.code_keyword_only_count),
        )
    }  # fmt: skip
    return CodeContent(
        version=layout.version, name=known.name, bytecode=bytecode, bytecode_bytes=size, constants=constants or [],
        names=names, variables=variables, cells=cells, free=free, all_locals=all_locals, line_table=known.line_table,
        exception_table=exceptions or b"", unresolved=unresolved, missing=missing, inner=inner, **numbers,
    )  # fmt: skip


def _read_bytecode(memory: Memory, address: int) -> tuple[bytes | None, int]:
    layout = memory.layout
    if layout.code_bytecode is not None:
        count = memory.signed_word(address + layout.object_size)
        size, start = None if count is None else count * _CODE_UNIT, address + layout.code_bytecode
    else:
        content = memory.pointer(address + (layout.code_bytes or 0))
        size = memory.signed_word(content + layout.object_size) if content else None
        start = (content or 0) + layout.bytes_data
    if size is None or not 0 <= size <= 1 << 31:
        return None, 0
    if size == 0:  # as Cython makes for its functions
        return b"", 0
    for wanted in (min(size, MAX_BYTECODE), min(size, MAX_BYTECODE - 512)):  # the copy holds the head, too
        found = memory.block(start, wanted)
        if found is not None:
            return found, size
    return None, size


def _covered(memory: Memory, address: int, table: OpcodeTable, raw: bytes) -> Covered:
    """Find the opcodes that instrumentation and the optimizer put others in place of; only where there are any."""
    layout, units = memory.layout, len(raw) // _CODE_UNIT
    present = {table.names[opcode] for opcode in raw[::_CODE_UNIT]}
    lines = instructions = None
    step = _CODE_UNIT
    monitoring = None if layout.code_monitoring is None else memory.pointer(address + layout.code_monitoring)
    if monitoring and "INSTRUMENTED_LINE" in present and layout.monitoring_lines is not None:
        place = memory.pointer(monitoring + layout.monitoring_lines)
        if place and layout.monitoring_line_data is not None:
            head = memory.block(place, layout.monitoring_line_data)
            step = head[0] if head else 0
            place += layout.monitoring_line_data
        if place and step:
            lines = memory.block(place, units * step)
    if monitoring and "INSTRUMENTED_INSTRUCTION" in present and layout.monitoring_opcodes is not None:
        place = memory.pointer(monitoring + layout.monitoring_opcodes)
        instructions = memory.block(place, units) if place else None
    return Covered(lines, step, instructions, lambda index: _executor(memory, address, index))


def _executor(memory: Memory, address: int, index: int) -> tuple[int, int] | None:
    layout = memory.layout
    if layout.code_executors is None or layout.executor_array_items is None or layout.executor_data is None:
        return None
    array = memory.pointer(address + layout.code_executors)
    executor = memory.pointer(array + layout.executor_array_items + index * 8) if array else None
    data = memory.block(executor + layout.executor_data, 2) if executor else None
    return (data[0], data[1]) if data else None


def _read_constants(
    memory: Memory, address: int | None, none: int | None
) -> tuple[list[Constant | None] | None, list[int]]:
    items = read_items(memory, address, _MAX_ITEMS) if address else None
    if items is None:
        return None, []
    constants = [summarise(memory, item, none) for item in items]
    inner = [item for item, constant in zip(items, constants, strict=True) if constant and constant["type"] == "code"]
    return constants, inner


def _read_names(memory: Memory, address: int, place: int | None) -> list[str | None] | None:
    found = memory.pointer(address + place) if place is not None else None
    items = read_items(memory, found, _MAX_ITEMS) if found else None
    return None if items is None else [read_short_text(memory, item) for item in items]


_Names = list[str | None] | None


def _read_locals(memory: Memory, address: int) -> tuple[_Names, _Names, _Names, _Names]:
    """Give variables, cell variables and free variables, and from 3.11 on all of them in their order."""
    layout: Layout = memory.layout
    names = _read_names(memory, address, layout.code_local_names)
    if layout.code_local_kinds is None:
        cells = _read_names(memory, address, layout.code_cell_names)
        return names, cells, _read_names(memory, address, layout.code_free_names), []
    place = memory.pointer(address + layout.code_local_kinds)
    kinds = read_bytes(memory, place, _MAX_ITEMS) if place else None
    if names is None or kinds is None:
        return None, None, None, names
    chosen = [[name for name, kind in zip(names, kinds, strict=False) if kind & bit] for bit in (_LOCAL, _CELL, _FREE)]
    return chosen[0], chosen[1], chosen[2], names


def _read_table(memory: Memory, address: int, place: int | None) -> bytes | None:
    if place is None:
        return b""
    found = memory.pointer(address + place)
    return read_bytes(memory, found, _MAX_TABLE) if found else None


def head_of(memory: Memory, address: int) -> bytes | None:
    """Give the pointers by which one tells whether a code object is still the one that it was."""
    layout = memory.layout
    places = (layout.code_filename, layout.code_name, layout.code_line_table, layout.code_constants, layout.code_names)
    pointers = [memory.pointer(address + place) for place in places]
    return None if None in pointers else struct.pack("<5Q", *(pointer or 0 for pointer in pointers))


def columns_of(content: CodeContent) -> dict[str, Any]:
    """Give a content as columns of table code_content."""
    lists = ("constants", "names", "variables", "cells", "free", "all_locals")
    return {
        "version": f"{content.version[0]}.{content.version[1]}",
        **{name: getattr(content, name) for name in (
            "name", "first_line", "flags", "argument_count", "positional_only_count", "keyword_only_count",
            "stack_size", "bytecode", "bytecode_bytes", "line_table", "exception_table", "unresolved", "missing",
        )},
        **{name: list(getattr(content, name)) for name in lists},
    }  # fmt: skip
