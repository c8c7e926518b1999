"""Copies of code objects that were read before: forked children have what their parent has."""

import hashlib
from dataclasses import dataclass
from typing import Final

from pyxhon.bpf.code_records import CodeMemory
from pyxhon.cpython.bytecode import without_caches
from pyxhon.cpython.captured_code import Blocks, CodeContent, Described
from pyxhon.cpython.layout import Layout

_MOST_BYTES: Final = 16 << 20
_REFERENCES: Final = 8  # Py_ssize_t ob_refcnt, the first of every object

_Place = tuple[int, int, int]


@dataclass(slots=True)
class CodeCopy:
    """What was copied of a code object."""

    parts: list[CodeMemory]
    blocks: Blocks
    known: Described
    layout: Layout


class CodesRead:
    """What was read from which copies."""

    def __init__(self) -> None:
        self._read: dict[_Place, tuple[list[CodeMemory] | bytes, Described, CodeContent]] = {}
        self._bytes = 0

    def find(self, copy: CodeCopy) -> CodeContent | None:
        """Give what was read from such a copy before."""
        place = _place_of(copy)
        earlier = self._read.get(place)
        if earlier is None:
            return None
        told, known, content = earlier
        if not isinstance(told, bytes):  # the second process that has it: most are had by one only
            self._bytes -= _size_of(told)
            told = _sign(CodeCopy(told, blocks_of(told), known, copy.layout))
            self._read[place] = told, known, content
        return content if told == _sign(copy) else None

    def add(self, copy: CodeCopy, content: CodeContent) -> None:
        """Remember what was read from a copy."""
        if self._bytes > _MOST_BYTES or len(self._read) > _MOST_BYTES >> 13:
            self._read.clear()
            self._bytes = 0
        place = _place_of(copy)
        earlier = self._read.get(place)
        if earlier is not None and not isinstance(earlier[0], bytes):
            self._bytes -= _size_of(earlier[0])
        self._read[place] = copy.parts, copy.known, content
        self._bytes += _size_of(copy.parts)


def blocks_of(parts: list[CodeMemory]) -> Blocks:
    """Give the blocks of memory in all parts of a copy."""
    return Blocks([block for part in parts for block in part.blocks()], None)


def _place_of(copy: CodeCopy) -> _Place:
    record = copy.parts[0]
    return record.code, record.base, record.fingerprint


def _size_of(parts: list[CodeMemory]) -> int:
    return sum(len(part.content) for part in parts)


def _sign(copy: CodeCopy) -> bytes:
    """Stand for all that a code object is read from, but for references to its objects, and what running changes."""
    record, layout, known = copy.parts[0], copy.layout, copy.known
    told = repr((record.code, record.base, known.name, len(known.line_table)))
    digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16)
    digest.update(known.line_table)
    end = None
    for address, content in copy.blocks.all:
        is_continued = address == end
        end = address + len(content)
        digest.update(address.to_bytes(8, "little"))
        if address == record.code and layout.code_bytecode is not None:
            digest.update(content[_REFERENCES : layout.code_bytecode])
            digest.update(without_caches(layout.version, content[layout.code_bytecode :]))
        else:
            digest.update(content if is_continued else content[_REFERENCES:])
    return digest.digest()
