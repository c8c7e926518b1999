"""Markers: the USDT points of a DLL, read from its .note.stapsdt section.

Format: SystemTap's sdt.h, "UserSpaceProbeImplementation" (note type 3, owner "stapsdt").
"""

import struct
from dataclasses import dataclass

from pyxhon.target.elf import ElfImage
from pyxhon.target.elf_tables import Note, parse_notes

_NT_STAPSDT = 3
_MAX_MARKERS = 16384


@dataclass(frozen=True, slots=True)
class Marker:
    """One USDT point; addresses are as linked, `semaphore` is 0 when it has none."""

    provider: str
    name: str
    location: int
    base: int
    semaphore: int
    arguments: str


def read_markers(image: ElfImage) -> tuple[Marker, ...]:
    """List the markers of a DLL; empty when it has none or its section headers are missing."""
    section = image.section(".note.stapsdt")
    if section is None:
        return ()
    base = image.section(".stapsdt.base")
    found: list[Marker] = []
    for note in parse_notes(image.section_bytes(section)):
        marker = _parse(note, None if base is None else base.address)
        if marker is not None and len(found) < _MAX_MARKERS:
            found.append(marker)
    return tuple(found)


def _parse(note: Note, base: int | None) -> Marker | None:
    """Parse one note; prelink moves sections, not notes, so addresses are corrected by the base's move."""
    if note.owner != b"stapsdt" or note.kind != _NT_STAPSDT or len(note.content) < 24:  # noqa: PLR2004
        return None
    location, linked_base, semaphore = struct.unpack_from("<QQQ", note.content)
    moved = 0 if base is None else base - linked_base
    words = note.content[24:].split(b"\0")
    if len(words) < 3:  # noqa: PLR2004 provider, name, arguments
        return None
    provider, name, arguments = (word.decode("utf-8", "replace") for word in words[:3])
    return Marker(
        provider=provider,
        name=name,
        location=location + moved,
        base=linked_base,
        semaphore=semaphore + moved if semaphore else 0,
        arguments=arguments,
    )
