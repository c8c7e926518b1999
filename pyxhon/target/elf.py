"""One DLL's file: its segments, symbols, pointers and function starts.

Everything is read with bounded `pread` calls. The file is never mapped: its owner could truncate it and
so kill us with SIGBUS.
"""

import bisect
import os
import stat
import struct
from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

from pyxhon.errors import ElfError
from pyxhon.target import elf_tables as tables
from pyxhon.target.elf_relocations import (
    R_X86_64_64,
    R_X86_64_RELATIVE,
    Relocations,
    decode_relr,
)
from pyxhon.target.elf_tables import Section, Segment, Symbol, SymbolTable

_ET_DYN = 3
_EM_X86_64 = 62
_NT_GNU_BUILD_ID = 3
_CHUNK_BYTES = 1 << 22
_MAX_SEGMENTS = 512
_MAX_SECTIONS = 8192
_MAX_BUILD_ID_BYTES = 64
_MAX_SMALL_BYTES = 1 << 20
_MAX_TABLE_BYTES = 1 << 26
_MAX_PACKED_RELOCATIONS = 1 << 21
_MAX_POINTERS = 1024


class ElfImage:
    """A read-only view of one x86-64 ELF file; owns the descriptor it is given.

    Addresses are those of the file's own program headers ("as linked"). Raises ElfError for what is no
    such file; a table that does not fit is treated as absent.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor = descriptor
        self.name = name
        self.size_bytes = os.fstat(descriptor).st_size
        self._header = self._read_header()
        self.segments = self._read_segments()

    def __enter__(self) -> "ElfImage":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def read_file(self, offset: int, size: int) -> bytes | None:
        """Read `size` bytes at a file offset; None when the file does not have them all."""
        if offset < 0 or size < 0 or offset + size > self.size_bytes:
            return None
        try:
            data = os.pread(self.descriptor, size, offset)
        except OSError:
            return None
        return data if len(data) == size else None

    def read(self, address: int, size: int) -> bytes | None:
        """Read at an address; None outside of what the file holds."""
        segment = self.segment_of(address, size)
        if segment is None or size > _MAX_TABLE_BYTES:
            return None
        return self.read_file(address - segment.address + segment.offset, size)

    def read_upto(self, address: int, limit: int) -> bytes:
        """Read at most `limit` bytes at an address, less at the end of its segment."""
        segment = self.segment_of(address)
        if segment is None:
            return b""
        size = min(limit, segment.address + segment.file_size - address)
        return self.read(address, size) or b""

    def read_word(self, address: int) -> int | None:
        """Read eight bytes as they are in the file, before relocation."""
        data = self.read(address, 8)
        return None if data is None else int.from_bytes(data, "little")

    def read_string(self, address: int, limit: int = 256) -> str | None:
        """Read a NUL-terminated string; None when it is longer than `limit` or not there."""
        data = self.read_upto(address, limit)
        end = data.find(b"\0")
        return data[:end].decode("utf-8", "replace") if end >= 0 else None

    def find_bytes(self, pattern: bytes, segments: Iterable[Segment]) -> Iterator[int]:
        """Give every address in these segments where `pattern` stands."""
        for segment in segments:
            for start in range(0, segment.file_size, _CHUNK_BYTES):
                size = min(_CHUNK_BYTES + len(pattern) - 1, segment.file_size - start)
                chunk = self.read_file(segment.offset + start, size) or b""
                found = chunk.find(pattern)
                while found >= 0:
                    yield segment.address + start + found
                    found = chunk.find(pattern, found + 1)

    @property
    def is_position_independent(self) -> bool:
        """The file is loaded at an address of the loader's choice (ET_DYN)."""
        return bool(struct.unpack_from("<H", self._header, 16)[0] == _ET_DYN)

    @cached_property
    def loads(self) -> tuple[Segment, ...]:
        """The PT_LOAD segments."""
        return tuple(s for s in self.segments if s.kind == tables.PT_LOAD)

    @property
    def code(self) -> tuple[Segment, ...]:
        """The executable PT_LOAD segments."""
        return tuple(s for s in self.loads if s.is_executable)

    @property
    def read_only(self) -> tuple[Segment, ...]:
        """The PT_LOAD segments that the target cannot write: their memory equals the file."""
        return tuple(s for s in self.loads if not s.is_writable)

    def segment_of(self, address: int, size: int = 1) -> Segment | None:
        """Give the PT_LOAD segment with file content at these addresses."""
        return next((s for s in self.loads if s.holds(address, size)), None)

    def file_offset(self, address: int) -> int | None:
        """Give the file offset of an address: what a uprobe is placed by."""
        segment = self.segment_of(address)
        return None if segment is None else address - segment.address + segment.offset

    def is_code(self, address: int) -> bool:
        """Tell whether the address lies in an executable segment."""
        segment = self.segment_of(address)
        return segment is not None and segment.is_executable

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The section headers; empty when there are none or they do not fit."""
        offset = struct.unpack_from("<Q", self._header, 40)[0]
        size, count, names = struct.unpack_from("<HHH", self._header, 58)
        if size != tables.SECTION_BYTES or not 0 < count <= _MAX_SECTIONS:
            return ()
        table = self.read_file(offset, size * count)
        if table is None:
            return ()
        names_offset, names_size = tables.section_names_range(table, names)
        content = self.read_file(names_offset, min(names_size, _MAX_SMALL_BYTES)) or b""
        return tables.parse_sections(table, content)

    def section(self, name: str) -> Section | None:
        """Give the first section of that name."""
        return next((s for s in self.sections if s.name == name), None)

    def section_bytes(self, section: Section) -> bytes:
        """Give a section's content, empty when the file does not have it."""
        return b"" if section.size > _MAX_TABLE_BYTES else self.read_file(section.offset, section.size) or b""

    @cached_property
    def build_id(self) -> str | None:
        """The GNU build ID in hexadecimal."""
        for segment in self.segments:
            if segment.kind == tables.PT_NOTE and segment.file_size <= _MAX_SMALL_BYTES:
                content = self.read_file(segment.offset, segment.file_size) or b""
                for note in tables.parse_notes(content, segment.alignment):
                    if note.owner == b"GNU" and note.kind == _NT_GNU_BUILD_ID and note.content:
                        return note.content[:_MAX_BUILD_ID_BYTES].hex()
        return None

    @cached_property
    def is_stripped(self) -> bool:
        """There is no static symbol table."""
        return not any(s.kind == tables.SHT_SYMTAB and s.size for s in self.sections)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The libraries that the file asks for (DT_NEEDED)."""
        return self._dynamic_strings(tables.DT_NEEDED)

    @cached_property
    def library_paths(self) -> tuple[str, ...]:
        """The folders of DT_RUNPATH, else of DT_RPATH, unexpanded."""
        found = self._dynamic_strings(tables.DT_RUNPATH) or self._dynamic_strings(tables.DT_RPATH)
        return tuple(part for entry in found for part in entry.split(":") if part)

    @property
    def has_rpath(self) -> bool:
        """The library paths are of DT_RPATH: the loader takes them before LD_LIBRARY_PATH."""
        return tables.DT_RPATH in self._dynamic and tables.DT_RUNPATH not in self._dynamic

    @cached_property
    def soname(self) -> str | None:
        """The library's own name (DT_SONAME)."""
        return next(iter(self._dynamic_strings(tables.DT_SONAME)), None)

    @cached_property
    def dynamic_table(self) -> SymbolTable:
        """The dynamic symbol table, imports included."""
        start = self.dynamic_value(tables.DT_SYMTAB)
        count = self._count_dynamic_symbols()
        if start is None or not count:
            return SymbolTable(b"", b"")
        content = self.read(start, count * tables.SYMBOL_BYTES) or b""
        return SymbolTable(content, self._dynamic_names)

    def dynamic_symbol_ranges(self) -> tuple[int, int, int] | None:
        """Give file offset and size in bytes of the dynamic symbols, and the file offset of their names."""
        found = (self.dynamic_value(tag) for tag in (tables.DT_SYMTAB, tables.DT_STRTAB))
        symbols, names = (None if address is None else self.file_offset(address) for address in found)
        count = self._count_dynamic_symbols() if symbols is not None else None
        return None if symbols is None or names is None else (symbols, (count or 0) * tables.SYMBOL_BYTES, names)

    @cached_property
    def static_table(self) -> SymbolTable:
        """The static symbol table; empty in a stripped file."""
        table = next((s for s in self.sections if s.kind == tables.SHT_SYMTAB), None)
        if table is None or table.link >= len(self.sections):
            return SymbolTable(b"", b"")
        names = self.section_bytes(self.sections[table.link])
        return SymbolTable(self.section_bytes(table), names)

    @property
    def dynamic_symbols(self) -> dict[str, Symbol]:
        """The symbols that the file exports, by name."""
        return {s.name: s.symbol for s in self.dynamic_table if s.is_defined}

    @property
    def symbols(self) -> dict[str, Symbol]:
        """The symbols of the static table, by name."""
        return {s.name: s.symbol for s in self.static_table if s.is_defined}

    def exported_address(self, name: str) -> int | None:
        """Give the address of an exported symbol."""
        return next((entry.symbol.value for entry in self.dynamic_table.named(name)), None)

    def address_of(self, name: str) -> int | None:
        """Give the address of an exported symbol, else of a static one."""
        exported = self.exported_address(name)
        if exported is not None:
            return exported
        return next((entry.symbol.value for entry in self.static_table.named(name)), None)

    @cached_property
    def function_starts(self) -> "array[int]":
        """The sorted starts of all functions with unwind information (.eh_frame_hdr)."""
        for segment in self.segments:
            if segment.kind == tables.PT_GNU_EH_FRAME and segment.file_size <= _MAX_TABLE_BYTES:
                header = self.read_file(segment.offset, segment.file_size) or b""
                return tables.parse_function_starts(header, segment.address)
        return array("Q")

    def function_range(self, address: int) -> tuple[int, int] | None:
        """Give start and end of the function around an address; the end may include padding."""
        starts = self.function_starts
        index = bisect.bisect_right(starts, address)
        segment = self.segment_of(address)
        if not index or segment is None:
            return None
        limit = segment.address + segment.file_size
        return starts[index - 1], min(starts[index], limit) if index < len(starts) else limit

    @cached_property
    def relocations(self) -> Relocations:
        """The dynamic relocations."""
        rela = b""
        for at, size in ((tables.DT_RELA, tables.DT_RELASZ), (tables.DT_JMPREL, tables.DT_PLTRELSZ)):
            content = self._dynamic_content(at, size)
            rela += content[: len(content) - len(content) % tables.RELA_BYTES]
        relr = self._dynamic_content(tables.DT_RELR, tables.DT_RELRSZ)
        return Relocations(rela, decode_relr(relr, _MAX_PACKED_RELOCATIONS))

    def pointer_at(self, address: int) -> int | None:
        """Give the address that the word at `address` holds once relocated; None when not of this file."""
        relocation = self.relocations.at(address)
        if relocation is None:
            is_plain = not self.is_position_independent or self.relocations.has_relr(address)
            return self.read_word(address) if is_plain else None
        if relocation.kind == R_X86_64_RELATIVE:
            return relocation.addend
        symbol = self.dynamic_table.at(relocation.symbol)
        if symbol is None or not symbol.is_defined:
            return None
        return symbol.symbol.value + (relocation.addend if relocation.kind == R_X86_64_64 else 0)

    def pointer_sites(self, value: int) -> list[int]:
        """Give the addresses of words that hold a pointer to `value` once relocated; at most 1024."""
        sites = set(islice(self._pointer_sites(value), _MAX_POINTERS))
        return sorted(site for site in sites if site % 8 == 0)

    def _pointer_sites(self, value: int) -> Iterator[int]:
        yield from self.relocations.sites_of(value)
        for index in self.dynamic_table.indices_of_value(value):
            yield from self.relocations.sites_of_symbol(index)
        if not self.is_position_independent or self.relocations.relr:
            data = [s for s in self.loads if not s.is_executable]
            for site in self.find_bytes(struct.pack("<Q", value), data):
                if not self.is_position_independent or self.relocations.has_relr(site):
                    yield site

    def symbol_name_at(self, address: int) -> str | None:
        """Give the name that the loader binds the word at `address` to (a slot of the GOT)."""
        relocation = self.relocations.at(address)
        symbol = None if relocation is None else self.dynamic_table.at(relocation.symbol)
        return symbol.name or None if symbol is not None else None

    def _read_header(self) -> bytes:
        header = self.read_file(0, 64)
        if header is None or header[:4] != b"\x7fELF":
            raise ElfError(f"{self.name} is not an ELF file")
        machine = struct.unpack_from("<H", header, 18)[0]
        if header[4:6] != b"\x02\x01" or machine != _EM_X86_64:
            raise ElfError(f"{self.name} is an ELF file, but not for x86-64")
        return header

    def _read_segments(self) -> tuple[Segment, ...]:
        offset = struct.unpack_from("<Q", self._header, 32)[0]
        size, count = struct.unpack_from("<HH", self._header, 54)
        if size != tables.SEGMENT_BYTES or not 0 < count <= _MAX_SEGMENTS:
            raise ElfError(f"{self.name} is malformed: its program headers do not fit")
        table = self.read_file(offset, size * count)
        if table is None:
            raise ElfError(f"{self.name} is truncated: its program headers are missing")
        segments = tables.parse_segments(table)
        loads = [segment for segment in segments if segment.kind == tables.PT_LOAD]
        if any(segment.offset + segment.file_size > self.size_bytes for segment in loads):
            raise ElfError(f"{self.name} is truncated: a segment ends beyond the file's end")
        if sum(segment.file_size for segment in loads) > 2 * self.size_bytes:
            raise ElfError(f"{self.name} is malformed: its segments overlap")
        return segments

    @cached_property
    def _dynamic(self) -> dict[int, list[int]]:
        for segment in self.segments:
            if segment.kind == tables.PT_DYNAMIC and segment.file_size <= _MAX_SMALL_BYTES:
                return tables.parse_dynamic(self.read_file(segment.offset, segment.file_size) or b"")
        return {}

    def dynamic_value(self, tag: int) -> int | None:
        """Give the first value of a tag in the dynamic section."""
        return next(iter(self._dynamic.get(tag, ())), None)

    def _dynamic_content(self, address_tag: int, size_tag: int) -> bytes:
        address, size = self.dynamic_value(address_tag), self.dynamic_value(size_tag)
        return b"" if address is None or size is None else self.read(address, size) or b""

    @cached_property
    def _dynamic_names(self) -> bytes:
        return self._dynamic_content(tables.DT_STRTAB, tables.DT_STRSZ)

    def _dynamic_strings(self, tag: int) -> tuple[str, ...]:
        offsets = self._dynamic.get(tag, ())[:_MAX_SECTIONS]
        return tuple(tables.read_name(self._dynamic_names, offset) for offset in offsets)

    def _count_dynamic_symbols(self) -> int | None:
        gnu, plain = (self.dynamic_value(tag) for tag in (tables.DT_GNU_HASH, tables.DT_HASH))
        if gnu is not None:
            count = tables.count_gnu_hash_symbols(self.read_upto(gnu, _MAX_TABLE_BYTES))
            return count if count != 1 else self.relocations.symbol_count  # it hashes exports only: here are none
        header = self.read(plain, 8) if plain is not None else None
        return None if header is None else int(struct.unpack_from("<I", header, 4)[0])


def open_image(path: str) -> ElfImage:
    """Open an ELF file by its path; raises ElfError when it cannot be read or is no regular file."""
    return image_of(open_regular_file(path), path)


def image_of(descriptor: int, name: str) -> ElfImage:
    """Build an image that owns `descriptor`, which is closed when this fails."""
    try:
        return ElfImage(descriptor, name)
    except BaseException:
        os.close(descriptor)
        raise


def open_regular_file(path: str) -> int:
    """Open a regular file for reading; a pipe or device is never opened, only looked at."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise ElfError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ElfError(f"{path} is not a regular file")
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ElfError(f"{path} cannot be opened: {error.strerror}") from error
    finally:
        os.close(handle)
