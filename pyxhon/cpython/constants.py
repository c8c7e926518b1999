"""Constants of a code object in words: type and bounded text, read from a target's memory, never evaluated."""

import math
import struct
from typing import Final, TypedDict

from pyxhon.cpython.objects import BYTES, LONG, TUPLE, UNICODE, Memory, read_bytes, read_integer, read_items, read_text
from pyxhon.cpython.objects import read_type as read_type_of

_MAX_TEXT: Final = 200
_LIMITS: Final = (_MAX_TEXT, 64, 56, 28, 14)  # a copy may hold less than all of it
_MAX_DEPTH: Final = 3
_MAX_ITEMS: Final = 16
_ELLIPSIS: Final = "…"


class Constant(TypedDict):
    """A constant: its type's name, and what repr() would give, cut at 200 characters."""

    type: str
    text: str


def read_short_text(memory: Memory, address: int) -> str | None:
    """Read a str, as much as there is of it, cut with an ellipsis; None where nothing can be read."""
    length = memory.signed_word(address + memory.layout.unicode_length)
    if length is None:
        return None
    for limit in _LIMITS:
        text = read_text(memory, address, limit)
        if text is not None:
            return text if len(text) >= length else text + _ELLIPSIS
    return None


def summarise(memory: Memory, address: int, none: int | None, depth: int = 0) -> Constant | None:
    """Put an object into words; None where it cannot be read."""
    if address == none:
        return {"type": "NoneType", "text": "None"}
    facts = read_type_of(memory, address)
    if facts is None:
        return None
    text = _text_of(memory, address, facts.name, facts.flags, none, depth)
    return {"type": facts.name[:64], "text": text}


def _text_of(memory: Memory, address: int, name: str, flags: int, none: int | None, depth: int) -> str:  # noqa: PLR0911, PLR0913
    if flags & UNICODE:
        text = read_short_text(memory, address)
        return "?" if text is None else repr(text)
    if flags & BYTES:
        return _bytes_text(memory, address)
    if flags & LONG:
        value = read_integer(memory, address)
        if value is None:
            return "?"
        return str(bool(value)) if name == "bool" else str(value) if abs(value) < 1 << 256 else hex(value)[:_MAX_TEXT]
    if flags & TUPLE:
        return _tuple_text(memory, address, none, depth)
    if name == "float":
        block = memory.block(address + memory.layout.float_value, 8)
        return "?" if block is None else _float_text(struct.unpack("<d", block)[0])
    if name == "complex":
        block = memory.block(address + memory.layout.float_value, 16)
        return "?" if block is None else repr(complex(*struct.unpack("<dd", block)))
    if name == "code":
        return _code_text(memory, address)
    return {"ellipsis": "Ellipsis", "NoneType": "None"}.get(name, f"<{name[:64]}>")


def _float_text(value: float) -> str:
    return repr(value) if math.isfinite(value) else str(value)


def _bytes_text(memory: Memory, address: int) -> str:
    size = memory.signed_word(address + memory.layout.object_size)
    for limit in _LIMITS:
        content = read_bytes(memory, address, limit)
        if content is not None:
            return repr(content) + (_ELLIPSIS if size is not None and size > len(content) else "")
    return "?"


def _tuple_text(memory: Memory, address: int, none: int | None, depth: int) -> str:
    count = memory.signed_word(address + memory.layout.object_size)
    items = None
    for limit in (_MAX_ITEMS, 11, 8):
        items = items or read_items(memory, address, limit)
    if items is None or count is None:
        return "?"
    if depth >= _MAX_DEPTH:
        return "(…)" if count else "()"
    texts = []
    for item in items[:_MAX_ITEMS]:
        inner = summarise(memory, item, none, depth + 1)
        texts.append("?" if inner is None else inner["text"])
    shown = ", ".join(texts) + (f", {_ELLIPSIS}" if count > len(texts) else "," if count == 1 else "")
    return f"({shown})"[: 4 * _MAX_TEXT]


def _code_text(memory: Memory, address: int) -> str:
    layout = memory.layout
    name = memory.pointer(address + (layout.code_name if layout.code_qualname is None else layout.code_qualname))
    text = read_short_text(memory, name) if name else None
    return f"<code {text if text is not None else '?'}>"
