"""Constants of a code object in words: type and bounded text, read from a target's memory, never evaluated."""

import math
import struct
from typing import Final, TypedDict

from pyxhon.cpython.objects import BYTES, LONG, TUPLE, UNICODE, Memory, read_bytes, read_integer, read_items, read_text
from pyxhon.cpython.objects import read_type as read_type_of

_MAX_TEXT: Final = 200
# A copy holds no more of a str or bytes than so many units; where there is none, no more is read, so that equal code
# objects look the same however they were read.
_LIMITS: Final = (64, 56, 28, 14)
_MAX_DEPTH: Final = 3
_MAX_ITEMS: Final = 16
_ELLIPSIS: Final = "…"
_HEAD: Final = 32  # of an int, up to its first digit and the room after it


class Constant(TypedDict):
    """A constant: its type's name, and what repr() would give of its first 64 characters, or of 16 items."""

    type: str
    text: str


def read_short_text(memory: Memory, address: int) -> str | None:
    """Read a str, as much as there is of it, cut with an ellipsis; None where nothing can be read."""
    layout = memory.layout
    head = memory.head(address, layout.unicode_ascii_size)
    if head is None:
        return None
    facts = memory.types.get(_type_in(memory, head))
    if facts is not None and facts.flags & UNICODE and (text := _plain_text(memory, address, head)) is not None:
        return text
    length = _length_in(memory, head)
    for limit in _LIMITS:
        text = read_text(memory, address, limit)
        if text is not None:
            return text if len(text) >= length else text + _ELLIPSIS
    return None


def _plain_text(memory: Memory, address: int, head: bytes) -> str | None:
    """Give a str of ASCII that is in one piece, as nearly all are; None for another."""
    layout = memory.layout
    start, state = layout.unicode_ascii_size, head[layout.unicode_state]
    if not state >> layout.unicode_compact_shift & state >> layout.unicode_ascii_shift & 1:
        return None
    length = _length_in(memory, head)
    for limit in _LIMITS:
        size = min(length, limit)
        is_whole = len(head) >= start + size
        content = head[start : start + size] if is_whole else memory.block(address + start, size)
        if content is not None:
            return content.decode("latin-1") + (_ELLIPSIS if length > limit else "")
    return None


def _length_in(memory: Memory, head: bytes) -> int:
    place = memory.layout.unicode_length
    return int.from_bytes(head[place : place + 8], "little")


def _type_in(memory: Memory, head: bytes) -> int:
    place = memory.layout.object_type
    return int.from_bytes(head[place : place + 8], "little")


def summarise(memory: Memory, address: int, none: int | None, depth: int = 0) -> Constant | None:
    """Put an object into words; None where it cannot be read."""
    if address == none:
        return {"type": "NoneType", "text": "None"}
    head = memory.head(address, _HEAD)
    facts = memory.types.get(_type_in(memory, head)) if head is not None else None
    if head is not None and facts is not None and facts.flags & UNICODE:
        return {"type": facts.name[:64], "text": _quoted(memory, address)}
    facts = facts or read_type_of(memory, address)
    if facts is None:
        return None
    if head is not None and facts.name == "int" and (small := _small_integer(memory, head)) is not None:
        return {"type": "int", "text": str(small)}
    text = _text_of(memory, address, facts.name, facts.flags, none, depth)
    return {"type": facts.name[:64], "text": text}


def _quoted(memory: Memory, address: int) -> str:
    text = read_short_text(memory, address)
    return "?" if text is None else repr(text)


def _small_integer(memory: Memory, head: bytes) -> int | None:
    """Give an int of at most one digit; None for a longer one."""
    layout = memory.layout
    digit = int.from_bytes(head[layout.long_digits : layout.long_digits + 4], "little")
    if layout.long_tag is not None:
        tag = int.from_bytes(head[layout.long_tag : layout.long_tag + 8], "little")
        count, sign = tag >> 3, 1 - (tag & 3)
    else:
        size = int.from_bytes(head[layout.object_size : layout.object_size + 8], "little", signed=True)
        count, sign = abs(size), -1 if size < 0 else 1
    return 0 if count == 0 or sign == 0 else sign * digit if count == 1 else None


def _text_of(memory: Memory, address: int, name: str, flags: int, none: int | None, depth: int) -> str:  # noqa: PLR0911, PLR0913
    if flags & UNICODE:
        return _quoted(memory, address)
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
