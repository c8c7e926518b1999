"""Markers from .note.stapsdt, against readelf on a file compiled with some, and on hostile notes."""

import struct
from dataclasses import dataclass

from pyxhon.target.elf_tables import Section
from pyxhon.target.markers import Marker, read_markers


@dataclass(frozen=True)
class _File:
    """A file that has only notes, and perhaps the section that prelink moves."""

    notes: bytes
    base: int | None = None

    def section(self, name: str) -> Section | None:
        if name == ".note.stapsdt":
            return Section(name, 7, 0, 0, len(self.notes), 0)
        return None if self.base is None else Section(name, 1, self.base, 0, 1, 0)

    def section_bytes(self, section: Section) -> bytes:  # noqa: ARG002
        return self.notes


def _note(content: bytes, owner: bytes = b"stapsdt\0", kind: int = 3) -> bytes:
    padded = content + bytes(-len(content) % 4)
    return struct.pack("<III", len(owner), len(content), kind) + owner + padded


_CONTENT = struct.pack("<QQQ", 0x1000, 0x8000, 0x9000) + b"python\0audit\x008@%rbx 8@%r15\0"


def test_a_marker_is_read():
    (marker,) = read_markers(_File(_note(_CONTENT), base=0x8000))

    assert marker == Marker("python", "audit", 0x1000, 0x8000, 0x9000, "8@%rbx 8@%r15")


def test_addresses_move_with_the_base():
    (marker,) = read_markers(_File(_note(_CONTENT), base=0x8100))

    assert (marker.location, marker.semaphore) == (0x1100, 0x9100)


def test_a_marker_without_semaphore_has_none_after_the_move():
    content = struct.pack("<QQQ", 0x1000, 0x8000, 0) + b"a\0b\0\0"

    (marker,) = read_markers(_File(_note(content), base=0x8100))

    assert (marker.semaphore, marker.arguments) == (0, "")


def test_foreign_and_broken_notes_are_left_out():
    notes = _note(_CONTENT, kind=4) + _note(_CONTENT, owner=b"other\0\0\0") + _note(b"short") + _note(_CONTENT[:30])

    assert read_markers(_File(notes + _note(_CONTENT)[:-8])) == ()
