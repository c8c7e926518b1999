"""Python objects of a live process, read from outside, bounded, and without believing what they say.

The process runs on meanwhile, so any object may change or vanish under the reader: what cannot be read is None.
"""

import struct
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pyxhon.cpython.layout import Layout

MAX_TEXT = 4096
"""The most code points of a str, and bytes of a C string or bytes object, that are read unless told otherwise."""

MAX_ITEMS = 1 << 16
"""The most items of a dictionary, tuple or list that are read unless told otherwise."""

_POINTER = 8
_MAX_ADDRESS = 1 << 47  # user space of x86-64 ends there
_MAX_DIGITS = 64
_DIGIT_BITS = 30
_MAX_BASES = 32
_MAX_CODE_POINT = 0x10FFFF
_LINE_TABLE_BYTES = 1 << 20

# Of tp_flags (Include/object.h).
LONG, LIST, TUPLE, BYTES, UNICODE, DICT = (1 << bit for bit in (24, 25, 26, 27, 28, 29))


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What is needed of a type to read its instances."""

    name: str
    flags: int
    basic_size: int
    dictionary_offset: int
    base: int


@dataclass(frozen=True, slots=True)
class Memory:
    """A process's memory and the layout of the CPython in it; `read` gives all the bytes asked for, or None."""

    read: Callable[[int, int], bytes | None]
    layout: Layout
    types: dict[int, TypeFacts] = field(default_factory=dict)  # by address; types hardly ever change
    names: dict[str, set[int]] = field(default_factory=dict)  # where a name was met as a key: names are interned
    copied: Mapping[int, bytes] = field(default_factory=dict)  # what `read` gives whole, by address

    def block(self, address: int, size: int) -> bytes | None:
        """Read a block; None for an address that cannot be one."""
        if not 0 < address < _MAX_ADDRESS or size < 0:
            return None
        block = self.read(address, size) if size else b""
        return block if block is not None and len(block) == size else None

    def head(self, address: int, size: int) -> bytes | None:
        """Read at least so many bytes; of what is copied all there is."""
        copied = self.copied.get(address)
        return copied if copied is not None and len(copied) >= size else self.block(address, size)

    def pointer(self, address: int) -> int | None:
        """Read a pointer."""
        block = self.block(address, _POINTER)
        return None if block is None else int.from_bytes(block, "little")

    def signed_word(self, address: int) -> int | None:
        """Read a Py_ssize_t."""
        return self._number(address, "<q")

    def signed_int(self, address: int) -> int | None:
        """Read an int."""
        return self._number(address, "<i")

    def _number(self, address: int, form: str) -> int | None:
        block = self.block(address, struct.calcsize(form))
        if block is None:
            return None
        number: int = struct.unpack(form, block)[0]
        return number


@dataclass(frozen=True, slots=True)
class CodeObject:
    """What is needed of a code object to name a frame; `qualified_name` is co_name before 3.11."""

    filename: str | None
    qualified_name: str | None
    first_line: int
    line_table: bytes | None
    first_traceable: int


def follow(memory: Memory, head: int, next_offset: int, limit: int) -> Iterator[int]:
    """Give the members of the linked list that starts with the pointer at `head`, as far as it can be followed."""
    seen: set[int] = set()
    address = memory.pointer(head)
    while address and address not in seen and len(seen) < limit:
        seen.add(address)
        yield address
        address = memory.pointer(address + next_offset)


def read_c_string(memory: Memory, address: int, limit: int = MAX_TEXT) -> str | None:
    """Read a string that ends in a NUL byte, up to `limit` bytes of it; bytes that are not UTF-8 are escaped."""
    found = b""
    while len(found) < limit:
        # Up to the end of the page: what lies beyond may not be there.
        size = min(4096 - (address + len(found)) % 4096, 256, limit - len(found))
        block = memory.block(address + len(found), size)
        if block is None:
            return None
        text, end, _ = block.partition(b"\0")
        found += text
        if end:
            break
    return found.decode("utf-8", "backslashreplace")


def read_type(memory: Memory, address: int) -> TypeFacts | None:
    """Read the type of an object."""
    layout = memory.layout
    type_address = memory.pointer(address + layout.object_type)
    return read_type_at(memory, type_address) if type_address else None


def read_type_at(memory: Memory, address: int) -> TypeFacts | None:
    """Read what is at the address of a type."""
    if address in memory.types:
        return memory.types[address]
    layout = memory.layout
    name_address = memory.pointer(address + layout.type_name)
    name = read_c_string(memory, name_address, limit=256) if name_address else None
    numbers = [
        memory.signed_word(address + offset)
        for offset in (layout.type_flags, layout.type_basic_size, layout.type_dictionary_offset, layout.type_base)
    ]
    flags, basic_size, dictionary_offset, base = numbers
    if name is None or flags is None or basic_size is None or dictionary_offset is None or base is None:
        return None
    facts = TypeFacts(name, flags, basic_size, dictionary_offset, base)
    memory.types[address] = facts
    return facts


def is_instance(memory: Memory, address: int, type_name: str) -> bool:
    """Say whether a type of that name is the object's own or, along tp_base, an ancestor."""
    facts = read_type(memory, address)
    for _ in range(_MAX_BASES):
        if facts is None:
            return False
        if facts.name == type_name:
            return True
        facts = read_type_at(memory, facts.base) if facts.base else None
    return False


def has_flag(memory: Memory, address: int, flag: int) -> bool:
    """Say whether the object's type has a flag."""
    facts = read_type(memory, address)
    return facts is not None and bool(facts.flags & flag)


def read_text(memory: Memory, address: int, limit: int = MAX_TEXT) -> str | None:
    """Read a str, up to `limit` code points of it; None for anything else."""
    layout = memory.layout
    if not has_flag(memory, address, UNICODE):
        return None
    header = memory.block(address, layout.unicode_state + 4)
    if header is None:
        return None
    length = struct.unpack_from("<q", header, layout.unicode_length)[0]
    state = struct.unpack_from("<I", header, layout.unicode_state)[0]
    kind = state >> layout.unicode_kind_shift & 7
    if kind not in (1, 2, 4) or length < 0:
        return None  # kind 0: a legacy string that was never made ready
    data: int | None
    if state >> layout.unicode_compact_shift & 1:
        is_ascii = state >> layout.unicode_ascii_shift & 1
        data = address + (layout.unicode_ascii_size if is_ascii else layout.unicode_compact_size)
    else:
        data = memory.pointer(address + layout.unicode_data)
    block = memory.block(data, min(length, limit) * kind) if data else None
    return None if block is None else _decode(block, kind)


def _decode(block: bytes, kind: int) -> str:
    if kind == 1:
        return block.decode("latin-1")
    # Not utf-16: a str may hold both halves of a surrogate pair, which must not melt into one code point.
    units = array("H" if kind == 2 else "I", block)  # noqa: PLR2004
    return "".join(chr(unit) if unit <= _MAX_CODE_POINT else "\ufffd" for unit in units)


def read_bytes(memory: Memory, address: int, limit: int = MAX_TEXT) -> bytes | None:
    """Read a bytes object, up to `limit` bytes of it; None for anything else."""
    if not has_flag(memory, address, BYTES):
        return None
    size = memory.signed_word(address + memory.layout.object_size)
    if size is None or size < 0:
        return None
    return memory.block(address + memory.layout.bytes_data, min(size, limit))


def read_integer(memory: Memory, address: int) -> int | None:
    """Read an int or bool of up to 64 digits of 30 bits; None for anything else."""
    layout = memory.layout
    if not has_flag(memory, address, LONG):
        return None
    if layout.long_tag is not None:
        tag = memory.pointer(address + layout.long_tag)  # lv_tag: count << 3 | sign, where 2 is negative, 1 is zero
        if tag is None:
            return None
        count, is_negative = tag >> 3, tag & 3 == 2  # noqa: PLR2004
    else:
        size = memory.signed_word(address + layout.object_size)
        if size is None:
            return None
        count, is_negative = abs(size), size < 0
    if count > _MAX_DIGITS:
        return None
    block = memory.block(address + layout.long_digits, 4 * count)
    if block is None:
        return None
    value = sum(digit << _DIGIT_BITS * place for place, digit in enumerate(array("I", block)))
    return -value if is_negative else value


def read_items(memory: Memory, address: int, limit: int = MAX_ITEMS) -> list[int] | None:
    """Give the addresses of a tuple's or list's items, up to `limit`; None for anything else."""
    layout = memory.layout
    items: int | None
    if has_flag(memory, address, TUPLE):
        items = address + layout.tuple_items
    elif has_flag(memory, address, LIST):
        items = memory.pointer(address + layout.list_items)
    else:
        return None
    count = memory.signed_word(address + layout.object_size)
    if count is None or count < 0 or items is None:
        return None
    block = memory.block(items, min(count, limit) * _POINTER) if count else b""
    return None if block is None else list(array("Q", block))


def read_code(memory: Memory, address: int) -> CodeObject | None:
    """Read a code object; None for anything else."""
    layout = memory.layout
    facts = read_type(memory, address)
    if facts is None or facts.name != "code":
        return None
    qualified_name = layout.code_qualname if layout.code_qualname is not None else layout.code_name
    texts = [memory.pointer(address + offset) for offset in (layout.code_filename, qualified_name)]
    filename, name = (read_text(memory, text) if text else None for text in texts)
    table = memory.pointer(address + layout.code_line_table)
    first_line = memory.signed_int(address + layout.code_first_line)
    first_traceable = 0
    if layout.code_first_traceable is not None:
        first_traceable = memory.signed_int(address + layout.code_first_traceable) or 0
    return CodeObject(
        filename=filename,
        qualified_name=name,
        first_line=first_line or 0,
        line_table=read_bytes(memory, table, _LINE_TABLE_BYTES) if table else None,
        first_traceable=first_traceable,
    )
