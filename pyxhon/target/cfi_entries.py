"""CIEs and FDEs of .eh_frame and .debug_frame, parsed from bytes that may be hostile.

Formats are those of the Linux Standard Base 5.0 (.eh_frame, pointer encodings) and of DWARF 2 to 5 (.debug_frame).
"""

import struct
from dataclasses import dataclass
from typing import NoReturn

WORD_MASK = (1 << 64) - 1
OMITTED = 0xFF
_MAX_LEB_BYTES = 10
_MAX_AUGMENTATION_BYTES = 16
_EXTENDED_LENGTH = 0xFFFFFFFF
_DEBUG_CIE = (0xFFFFFFFF, WORD_MASK)
_WITH_ADDRESS_SIZE = 4
_ABSOLUTE, _PC_RELATIVE, _DATA_RELATIVE = 0x00, 0x10, 0x30
# DW_EH_PE: how a value is stored, by the low four bits of its encoding.
_FORMATS = {
    0x00: struct.Struct("<Q"),
    0x02: struct.Struct("<H"),
    0x03: struct.Struct("<I"),
    0x04: struct.Struct("<Q"),
    0x0A: struct.Struct("<h"),
    0x0B: struct.Struct("<i"),
    0x0C: struct.Struct("<q"),
}
_ULEB, _SLEB = 0x01, 0x09


class CfiError(Exception):
    """Unwind information that is damaged, hostile or of an unknown kind: the chain of frames ends here."""


def refuse(what: str) -> NoReturn:
    """Give up on a piece of unwind information."""
    raise CfiError(what)


class Cursor:
    """Reads values one after the other out of bytes that lie at an address; CfiError beyond their end."""

    __slots__ = ("address", "content", "end", "position")

    def __init__(self, content: bytes, address: int, position: int = 0, end: int | None = None) -> None:
        self.content = content
        self.address = address
        self.position = position
        self.end = len(content) if end is None else min(end, len(content))

    @property
    def has_more(self) -> bool:
        """There are bytes left."""
        return self.position < self.end

    def skip(self, count: int) -> None:
        """Leave bytes out."""
        if not 0 <= count <= self.end - self.position:
            refuse("ends early")
        self.position += count

    def take(self, count: int) -> bytes:
        """Give the next bytes."""
        start = self.position
        self.skip(count)
        return self.content[start : self.position]

    def byte(self) -> int:
        """Give the next byte."""
        position = self.position
        if position >= self.end:
            refuse("ends early")
        self.position = position + 1
        return self.content[position]

    def number(self, size: int, *, signed: bool = False) -> int:
        """Give a number of fixed size."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def uleb(self) -> int:
        """Give an unsigned LEB128 number."""
        return self._leb()[0]

    def sleb(self) -> int:
        """Give a signed LEB128 number."""
        value, bits, is_negative = self._leb()
        return value - (1 << bits) if is_negative else value

    def _leb(self) -> tuple[int, int, bool]:
        value = shift = 0
        content, end = self.content, self.end
        for position in range(self.position, min(self.position + _MAX_LEB_BYTES, end)):
            byte = content[position]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:  # noqa: PLR2004 the continuation bit
                self.position = position + 1
                return value, shift, bool(byte & 0x40)
        refuse("a LEB128 number does not end")

    def text(self) -> bytes:
        """Give a short NUL-terminated text."""
        stop = self.content.find(b"\0", self.position, min(self.end, self.position + _MAX_AUGMENTATION_BYTES))
        if stop < 0:
            refuse("the augmentation is too long")
        text = self.content[self.position : stop]
        self.position = stop + 1
        return text

    def encoded(self, encoding: int, data_base: int = 0) -> int:
        """Give a pointer in one of the encodings DW_EH_PE; an indirect one as it stands."""
        at = self.address + self.position
        value = self.encoded_size(encoding)
        base = {_ABSOLUTE: 0, _PC_RELATIVE: at, _DATA_RELATIVE: data_base}.get(encoding & 0x70)
        if base is None:
            refuse(f"pointer encoding {encoding:#x}")
        return value + base & WORD_MASK

    def encoded_size(self, encoding: int) -> int:
        """Give a number stored as that encoding says, relative to nothing."""
        form = encoding & 0x0F
        if form in _FORMATS:
            reader = _FORMATS[form]
            return int(reader.unpack(self.take(reader.size))[0])
        if form in (_ULEB, _SLEB):
            return self.uleb() if form == _ULEB else self.sleb()
        refuse(f"pointer encoding {encoding:#x}")


@dataclass(frozen=True, slots=True)
class Cie:
    """What many functions share: alignments, initial rules, how their addresses are written."""

    code_alignment: int
    data_alignment: int
    return_register: int
    pointer_encoding: int
    has_augmentation_data: bool
    is_signal: bool
    instructions: bytes


@dataclass(frozen=True, slots=True)
class Fde:
    """One function's range and instructions; `end` is exclusive."""

    cie: Cie
    start: int
    end: int
    instructions: bytes
    instructions_address: int


def entry_extent(head: bytes) -> tuple[int, int]:
    """Give the size of the length field and the length it tells, of an entry that begins so; (4, 0) ends a section."""
    cursor = Cursor(head, 0)
    length = cursor.number(4)
    return (12, cursor.number(8)) if length == _EXTENDED_LENGTH else (4, length)


def parse_cie(content: bytes, address: int, *, is_debug: bool = False) -> Cie:
    """Parse a whole CIE, its length field included, that lies at `address`."""
    field, _ = entry_extent(content)
    cursor = Cursor(content, address, field)
    mark = cursor.number(8 if field > 4 and is_debug else 4)  # noqa: PLR2004 64-bit DWARF
    if mark not in (_DEBUG_CIE if is_debug else (0,)):
        refuse("not a CIE")
    version, augmentation = cursor.byte(), cursor.text()
    if version not in (1, 3, 4):
        refuse(f"CIE version {version}")
    if augmentation.startswith(b"eh"):  # GCC 2
        cursor.skip(8)
        augmentation = augmentation[2:]
    if version == _WITH_ADDRESS_SIZE and cursor.take(2) != b"\x08\0":
        refuse("addresses of another size")
    code_alignment, data_alignment = cursor.uleb(), cursor.sleb()
    return_register = cursor.byte() if version == 1 else cursor.uleb()
    encoding, is_signal = _parse_augmentation(cursor, augmentation)
    return Cie(
        code_alignment=code_alignment,
        data_alignment=data_alignment,
        return_register=return_register,
        pointer_encoding=encoding,
        has_augmentation_data=augmentation.startswith(b"z"),
        is_signal=is_signal,
        instructions=content[cursor.position :],
    )


def _parse_augmentation(cursor: Cursor, augmentation: bytes) -> tuple[int, bool]:
    """Give the encoding of addresses and whether it is a signal frame; leaves the cursor at the instructions."""
    encoding, is_signal = _ABSOLUTE, False
    if not augmentation:
        return encoding, is_signal
    if not augmentation.startswith(b"z"):
        refuse(f"augmentation {augmentation!r}")
    size = cursor.uleb()
    end = cursor.position + size
    if end > cursor.end:
        refuse("ends early")
    for letter in augmentation[1:].decode("latin-1"):
        if letter == "R":
            encoding = cursor.byte()
        elif letter == "P":
            cursor.encoded_size(cursor.byte())
        elif letter == "L":
            cursor.skip(1)
        elif letter == "S":
            is_signal = True
        elif letter != "B":
            break
    cursor.position = end
    return encoding, is_signal


def cie_address(content: bytes, address: int, section: int | None = None) -> int | None:
    """Give the address of an FDE's CIE; None for a CIE. `section` is the start of a .debug_frame."""
    field, _ = entry_extent(content)
    cursor = Cursor(content, address, field)
    if section is None:
        back = cursor.number(4)
        return None if back == 0 else address + field - back
    mark = cursor.number(8 if field > 4 else 4)  # noqa: PLR2004 64-bit DWARF
    return None if mark in _DEBUG_CIE else section + mark


def parse_fde(content: bytes, address: int, cie: Cie, *, is_debug: bool = False) -> Fde:
    """Parse a whole FDE, its length field included, that lies at `address` and belongs to that CIE."""
    field, _ = entry_extent(content)
    cursor = Cursor(content, address, field)
    cursor.skip(8 if field > 4 and is_debug else 4)  # noqa: PLR2004 64-bit DWARF
    if cie.pointer_encoding & 0x80:
        refuse("the function's address is indirect")
    start = cursor.encoded(cie.pointer_encoding)
    size = cursor.encoded_size(cie.pointer_encoding & 0x0F)
    if cie.has_augmentation_data:
        cursor.skip(cursor.uleb())
    if size < 0 or start + size > WORD_MASK:
        refuse("the function has no sensible size")
    at = cursor.position
    return Fde(cie, start, start + size, content[at:], address + at)
