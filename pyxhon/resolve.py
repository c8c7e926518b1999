"""Code objects and stacks of the target: addresses become files, functions and lines, written to the trace."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pyxhon.cpython.code import LineTable, instruction_offset, is_frame_started, read_line_table
from pyxhon.cpython.layout import Layout
from pyxhon.events import ENTRY_FRAME
from pyxhon.trace.store import Store, clean

_LINE_TABLE_LIMIT = 4 << 20
_MAX_ALIKE = 16  # code objects of one name, file and line that have rows of their own
_MAX_PLACES = 4096  # kept of one code object

Read = Callable[[int, int], bytes | None]


@dataclass(frozen=True, slots=True)
class SeenCode:
    """A code object as a probe described it."""

    address: int
    fingerprint: int
    file: str | None
    name: str | None
    first_line: int
    first_traceable: int
    line_table: bytes
    line_table_bytes: int
    line_table_address: int


@dataclass(slots=True)
class _Code:
    row: int
    first_line: int
    first_traceable: int
    content: bytearray
    wanted_bytes: int
    address: int
    name: str | None = None
    line_table_address: int = 0
    lines: LineTable | None = None
    places: "dict[int, _Place | None]" = field(default_factory=dict)  # by instruction as walked

    @property
    def is_complete(self) -> bool:
        return len(self.content) >= self.wanted_bytes


_Named = tuple[str | None, str | None, int]  # file, qualified name, first line
_Place = tuple[int | None, int, int | None, bool]  # code, instruction, line, is entry; as the trace holds a frame


@dataclass(slots=True)
class ImageCode:
    """The code objects and stacks of one process image."""

    process: int
    layout: Layout | None = None
    read: Read | None = None  # reads the live process; None: gone
    codes: dict[tuple[int, int], _Code] = field(default_factory=dict)
    functions: dict[tuple[int, int], int] = field(default_factory=dict)  # rows, by address and generation
    # rows that only one of the two above has yet, by address and what they are called
    entered: dict[tuple[int, _Named], int] = field(default_factory=dict)
    described: dict[tuple[int, _Named], int] = field(default_factory=dict)
    named: dict[_Named, list[int]] = field(default_factory=dict)  # rows, by what they are called
    stacks: dict[int, int] = field(default_factory=dict)
    waiting: list[tuple[int, list[tuple[int, int, int]]]] = field(default_factory=list)


@dataclass(slots=True)
class ResolutionLosses:
    """What could not be resolved."""

    frames_without_code: int = 0
    line_tables_cut: int = 0


class Resolver:
    """Writes code objects and stacks; a stack waits until the line tables of its code objects are whole."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.losses = ResolutionLosses()

    def add_code(self, image: ImageCode, seen: SeenCode) -> None:
        """Take a code object."""
        named = (seen.file, seen.name, seen.first_line)
        row = image.entered.pop((seen.address, named), None)
        if row is None:
            row = image.described[seen.address, named] = self._add_row(image, seen)
        else:  # now its lines are known, too
            self._store.set_line_table(row, seen.line_table, seen.line_table_bytes)
        image.codes[seen.address, seen.fingerprint] = _Code(
            row,
            seen.first_line,
            seen.first_traceable,
            bytearray(seen.line_table),
            seen.line_table_bytes,
            seen.line_table_address,
            seen.name,
            seen.line_table_address,
        )

    def add_function(self, image: ImageCode, key: tuple[int, int], named: _Named) -> int:
        """Take a function by (address, generation); gives the row of its code object.

        Code that is made again and again, as by exec, shares a row after the first ones.
        """
        address, _ = key
        row = image.functions.get(key) or image.described.pop((address, named), None)
        rows = image.named.setdefault(named, [])
        if row is None and len(rows) >= _MAX_ALIKE:
            row = rows[-1]
        elif row is None:
            row = image.entered[address, named] = self._add_row(image, SeenCode(address, 0, *named, 0, b"", 0, 0))
            rows.append(row)
        image.functions[key] = row
        return row

    def _add_row(self, image: ImageCode, seen: SeenCode) -> int:
        return self._store.add_code(
            process=image.process,
            address=seen.address,
            file=seen.file,
            qualified_name=seen.name,
            first_line=seen.first_line,
            line_table=seen.line_table,
            line_table_bytes=seen.line_table_bytes,
        )

    def add_line_table(self, image: ImageCode, key: tuple[int, int], offset: int, content: bytes) -> None:
        """Take a further part of a line table."""
        code = image.codes.get(key)
        if code is not None and len(code.content) == offset:
            code.content += content
            if code.is_complete:
                self._store.set_line_table(code.row, bytes(code.content))

    def add_stack(
        self, image: ImageCode, stack: int, frames: list[tuple[int, int, int]], flags: tuple[bool, bool]
    ) -> None:
        """Take a stack of (code, instruction, fingerprint); flags are (is truncated, is partial).

        The probes may tell one again.
        """
        if stack in image.stacks:
            return
        row = self._store.add_stack(image.process, is_truncated=flags[0], is_partial=flags[1])
        image.stacks[stack] = row
        codes = self._codes_of(image, frames)
        if all(code is None or len(code.content) >= code.wanted_bytes for code in codes):
            self._write_frames(image, row, frames, codes)
        else:
            image.waiting.append((row, frames))

    def _codes_of(self, image: ImageCode, frames: list[tuple[int, int, int]]) -> list[_Code | None]:
        find = image.codes.get
        return [find((address, fingerprint)) for address, _, fingerprint in frames]

    def finish(self, image: ImageCode) -> None:
        """Write the stacks that waited, with the live process's help where a line table is not whole."""
        waiting, image.waiting = image.waiting, []
        for row, frames in waiting:
            codes = self._codes_of(image, frames)
            for code in codes:
                if code is not None and not code.is_complete:
                    self._complete(image, code)
            self._write_frames(image, row, frames, codes)

    def _complete(self, image: ImageCode, code: _Code) -> None:
        if image.read is not None and image.layout is not None and code.wanted_bytes <= _LINE_TABLE_LIMIT:
            content = image.read(code.address + image.layout.bytes_data, code.wanted_bytes)
            if content is not None and content.startswith(bytes(code.content)):
                code.content = bytearray(content)
                self._store.set_line_table(code.row, content)
                return
        self.losses.line_tables_cut += 1
        code.wanted_bytes = len(code.content)

    def _write_frames(
        self, image: ImageCode, row: int, frames: list[tuple[int, int, int]], codes: list[_Code | None]
    ) -> None:
        written: list[_Place] = []
        for (_, instruction, _), code in zip(frames, codes, strict=True):
            if code is None or image.layout is None:
                self.losses.frames_without_code += 1
                written.append((None, -1, None, False))
                continue
            if instruction not in code.places:
                if len(code.places) >= _MAX_PLACES:  # more than any real function calls from
                    code.places.clear()
                code.places[instruction] = _find_place(image.layout, code, instruction)
            place = code.places[instruction]
            if place is not None:
                written.append(place)
        self._store.add_frames(row, written)


def _find_place(layout: Layout, code: _Code, instruction: int) -> _Place | None:
    """Give what the trace holds of a frame; None for one that Python would not show yet."""
    offset = instruction_offset(layout, instruction & ~ENTRY_FRAME)
    if not is_frame_started(layout, offset, code.first_traceable):
        return None
    if code.lines is None:
        code.lines = read_line_table(layout.version, code.first_line, bytes(code.content))
    is_entry = bool(instruction & ENTRY_FRAME) or layout.has_frames_of_c
    return code.row, offset, code.lines.line_of(offset), is_entry


def storable(text: str | None) -> str | None:
    """Give a code object's file or name as the trace holds it."""
    return clean(text)
