"""Dictionaries and instance attributes of a live process: the part of its objects with most forms.

A dictionary that changes while it is read is read again, and in the end marked partial.
"""

import struct
from array import array
from dataclasses import dataclass

from pyxhon.cpython.layout import Layout
from pyxhon.cpython.objects import DICT, MAX_ITEMS, Memory, TypeFacts, has_flag, read_text, read_type

_POINTER = 8
_MAX_LOG2 = 40
_ATTEMPTS = 3
_EMPTY = 0  # a key or value that was deleted or never set

# Of tp_flags (Include/object.h), since 3.11 and 3.13.
_MANAGED_DICT = 1 << 4
_INLINE_VALUES = 1 << 2

# Words before an object with a managed dictionary (pycore_object.h).
_MANAGED_DICT_OFFSET = -3 * _POINTER
_MANAGED_VALUES_OFFSET = -4 * _POINTER  # 3.11 alone keeps the values apart
_VALUES_TAG = 1  # 3.12: the word is the address of values, less one


@dataclass(frozen=True, slots=True)
class Items:
    """The addresses of a dictionary's keys and values; partial when more exist or it changed meanwhile."""

    pairs: tuple[tuple[int, int], ...]
    is_partial: bool


def read_dictionary(memory: Memory, address: int, limit: int = MAX_ITEMS) -> Items | None:
    """Give the addresses of a dictionary's keys and values, up to `limit`; None for anything else."""
    layout = memory.layout
    if not has_flag(memory, address, DICT):
        return None
    size = max(layout.dictionary_used, layout.dictionary_keys, layout.dictionary_values) + _POINTER
    items: Items | None = None
    for _ in range(_ATTEMPTS):
        header = memory.block(address, size)
        if header is None:
            return items
        used = struct.unpack_from("<q", header, layout.dictionary_used)[0]
        keys = struct.unpack_from("<Q", header, layout.dictionary_keys)[0]
        values = struct.unpack_from("<Q", header, layout.dictionary_values)[0]
        pairs = _read_pairs(memory, keys, values, limit)
        if pairs is None:
            continue
        is_settled = len(pairs) == used and memory.block(address, size) == header
        items = Items(tuple(pairs), is_partial=not is_settled)
        if is_settled or len(pairs) >= limit:
            break
    return items


def read_attributes(memory: Memory, address: int, limit: int = MAX_ITEMS) -> Items | None:
    """Give an instance's own attributes, as `vars()` would; None where it has none that can be found."""
    facts = read_type(memory, address)
    if facts is None:
        return None
    if facts.flags & _MANAGED_DICT and memory.layout.values_items is not None:
        return _read_managed_attributes(memory, address, facts, limit)
    if facts.dictionary_offset <= 0:
        return None
    dictionary = memory.pointer(address + facts.dictionary_offset)
    return read_dictionary(memory, dictionary, limit) if dictionary else None


def find_item(memory: Memory, items: Items, name: str, limit: int = MAX_ITEMS) -> int | None:
    """Give the address of the value whose key is this name; reads at most `limit` keys."""
    known = memory.names.setdefault(name, set())
    for key, value in items.pairs:
        if key in known:
            return value
    for key, value in items.pairs[:limit]:
        if read_text(memory, key, len(name) + 1) == name:
            known.add(key)
            return value
    return None


def _read_pairs(memory: Memory, keys: int, values: int, limit: int) -> list[tuple[int, int]] | None:
    """Read what is set in a table; `values` is NULL unless instances of a class share its keys."""
    pairs = _read_entries(memory, keys, limit)
    if pairs is not None and values:
        pairs = _take_values(memory, pairs, values)
    return None if pairs is None else [pair for pair in pairs if _EMPTY not in pair]


def _read_entries(memory: Memory, keys: int, limit: int) -> list[tuple[int, int]] | None:
    """Read the entries of a PyDictKeysObject, also the empty ones."""
    layout = memory.layout
    header = memory.block(keys, layout.keys_indices)
    if header is None:
        return None
    index_bytes = _index_bytes(layout, header)
    count = struct.unpack_from("<q", header, layout.keys_entry_count)[0]
    if index_bytes is None or not 0 <= count <= 1 << _MAX_LOG2:
        return None
    size, key_offset, value_offset = layout.entry_size, layout.entry_key, layout.entry_value
    if layout.keys_kind is not None and header[layout.keys_kind] != 0:  # DICT_KEYS_GENERAL
        size = layout.unicode_entry_size or 0
        key_offset, value_offset = layout.unicode_entry_key or 0, layout.unicode_entry_value or 0
    entries = memory.block(keys + layout.keys_indices + index_bytes, min(count, limit) * size)
    if entries is None:
        return None
    words = array("Q", entries)
    step = size // _POINTER
    return list(zip(words[key_offset // _POINTER :: step], words[value_offset // _POINTER :: step], strict=True))


def _index_bytes(layout: Layout, header: bytes) -> int | None:
    """Give how many bytes dk_indices takes; None when the header makes no sense."""
    if layout.keys_log2_index_bytes is not None:
        log2 = header[layout.keys_log2_index_bytes]
        return 1 << log2 if log2 <= _MAX_LOG2 else None
    size = struct.unpack_from("<q", header, layout.keys_size or 0)[0]
    if not 0 <= size <= 1 << _MAX_LOG2:
        return None
    widths = ((0xFF, 1), (0xFFFF, 2), (0xFFFFFFFF, 4))  # DK_IXSIZE
    return int(size) * next((width for most, width in widths if size <= most), 8)


def _take_values(memory: Memory, pairs: list[tuple[int, int]], values: int) -> list[tuple[int, int]] | None:
    """Give the keys with the values of one dictionary or instance, in the order in which they were set."""
    layout = memory.layout
    order: bytes | range | None = range(len(pairs))
    if layout.values_items is not None:
        order = _read_insertion_order(memory, values)
    if not order:
        return None if order is None else []
    block = memory.block(values + (layout.values_items or 0), (max(order) + 1) * _POINTER)
    if block is None:
        return None
    slots = array("Q", block)
    return [(pairs[slot][0], slots[slot]) for slot in order if slot < len(pairs)]


def _read_insertion_order(memory: Memory, values: int) -> bytes | None:
    """Read which slots of a PyDictValues are in use, 3.11+; the others may lie beyond its end."""
    layout = memory.layout
    if layout.values_capacity is None or layout.values_items is None:  # 3.11, 3.12: backwards, before the values
        size = memory.block(values - 2, 1)
        before = memory.block(values - 2 - size[0], size[0]) if size is not None else None
        return None if before is None else before[::-1]
    header = memory.block(values, layout.values_items)
    if header is None or header[layout.values_valid or 0] != 1:
        return None
    after = values + layout.values_items + header[layout.values_capacity] * _POINTER
    return memory.block(after, header[layout.values_size or 0])


def _read_managed_attributes(memory: Memory, address: int, facts: TypeFacts, limit: int) -> Items | None:
    layout = memory.layout
    word = memory.pointer(address + _MANAGED_DICT_OFFSET)
    if word is None:
        return None
    if word and not word & _VALUES_TAG:
        return read_dictionary(memory, word, limit)
    values: int | None = word + _VALUES_TAG  # 3.12
    if layout.version == (3, 11):
        values = memory.pointer(address + _MANAGED_VALUES_OFFSET)
    elif layout.values_capacity is not None:  # from 3.13 on they follow the object
        values = address + facts.basic_size if facts.flags & _INLINE_VALUES else None
    type_address = memory.pointer(address + layout.object_type)
    keys = memory.pointer(type_address + layout.type_cached_keys) if type_address else None
    if not keys or not values:
        return None
    pairs = _read_pairs(memory, keys, values, MAX_ITEMS)
    return None if pairs is None else Items(tuple(pairs[:limit]), is_partial=len(pairs) > limit)
