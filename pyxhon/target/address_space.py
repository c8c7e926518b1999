"""What executable code lies where in one process, as mappings come and hide each other."""

import bisect
import os
from dataclasses import dataclass, replace
from typing import Any, Literal

from pyxhon.target.elf import ElfImage
from pyxhon.target.images import FileIdentity, Images
from pyxhon.target.mapped_files import FilePins, MappingRecord
from pyxhon.target.mapped_files import read_address_space as read_records
from pyxhon.target.native_code import NativeCode

MAX_MAPPINGS = 1 << 16
_MAX_REMEMBERED = 1 << 16
_EARLIEST = 2
_DELETED = " (deleted)"
_MEMFD = "/memfd:"
_WITHOUT_FILE = ("//anon", "/dev/zero", "anon_inode:", "[")

ObjectKind = Literal["file", "anonymous", "memfd", "vdso"]


@dataclass(eq=False, slots=True)
class NativeObject:
    """What code belongs to: a file, a memfd, the vDSO, or memory without a file ("anon:ADDRESS").

    `code` is None without an ELF file that could be opened; it may become known with a later mapping of the file.
    """

    path: str
    kind: ObjectKind
    identity: FileIdentity | None = None
    is_deleted: bool = False
    code: NativeCode | None = None

    @property
    def image(self) -> ElfImage | None:
        """The file itself."""
        return None if self.code is None else self.code.image


@dataclass(frozen=True, slots=True)
class Mapped:
    """One executable range, `end` exclusive, and where in its object it begins."""

    start: int
    end: int
    file_offset: int
    object: NativeObject

    def offset_of(self, address: int) -> int:
        """Give the address as linked; without an ELF file the offset in the file, or from the memory's start."""
        offset = address - self.start + self.file_offset
        code = self.object.code
        linked = None if code is None else code.address_of(offset)
        return offset if linked is None else linked


class AddressSpace:
    """The executable mappings of one process at one time.

    A later mapping hides what it overlaps. At most MAX_MAPPINGS are kept; `dropped` counts the others. `earliest` is
    what was mapped first: after an execve the program and, unless it is static, its loader. `remembered` and
    `remembered_starts` belong to the unwinder: what it knows of addresses as long as nothing there is replaced.
    """

    def __init__(self) -> None:
        self._mappings: list[Mapped] = []
        self._starts: list[int] = []
        self.remembered: dict[int, Any] = {}
        self.remembered_starts: dict[int, Any] = {}
        self.dropped = 0
        self.earliest: tuple[NativeObject, ...] = ()

    def __len__(self) -> int:
        return len(self._mappings)

    @property
    def mappings(self) -> tuple[Mapped, ...]:
        """All mappings, by address."""
        return tuple(self._mappings)

    def find(self, address: int) -> Mapped | None:
        """Give the mapping that holds an address."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        mapped = self._mappings[index]
        return mapped if address < mapped.end else None

    def add(self, mapped: Mapped) -> None:
        """Put a mapping in, later than all others; what it overlaps is cut or gone."""
        if mapped.start >= mapped.end:
            return
        if len(self.earliest) < _EARLIEST and mapped.object.kind in ("file", "memfd"):
            self.earliest += (mapped.object,)
        first = bisect.bisect_right(self._starts, mapped.start)
        if first and self._mappings[first - 1].end > mapped.start:
            first -= 1
        last = bisect.bisect_left(self._starts, mapped.end, first)
        hidden = self._mappings[first:last]
        if hidden == [mapped]:
            return
        fresh = [*_before(hidden, mapped), mapped, *_after(hidden, mapped)]
        if len(self._mappings) - len(hidden) + len(fresh) > MAX_MAPPINGS:
            self.dropped += 1
            return
        self._mappings[first:last] = fresh
        self._starts[first:last] = [one.start for one in fresh]
        if hidden:
            self.forget()

    def copy(self) -> "AddressSpace":
        """Give what a forked child has."""
        child = AddressSpace()
        child._mappings = list(self._mappings)
        child._starts = list(self._starts)
        child.remembered = dict(self.remembered)
        child.remembered_starts = dict(self.remembered_starts)
        child.dropped = self.dropped
        child.earliest = self.earliest
        return child

    def forget(self) -> None:
        """Forget what was remembered of addresses."""
        self.remembered.clear()
        self.remembered_starts.clear()


def _before(hidden: list[Mapped], mapped: Mapped) -> list[Mapped]:
    if not hidden or hidden[0].start >= mapped.start:
        return []
    return [replace(hidden[0], end=mapped.start)]


def _after(hidden: list[Mapped], mapped: Mapped) -> list[Mapped]:
    if not hidden or hidden[-1].end <= mapped.end:
        return []
    last = hidden[-1]
    return [replace(last, start=mapped.end, file_offset=last.file_offset + mapped.end - last.start)]


class NativeObjects:
    """All native objects of a session: the same file mapped in many processes is one."""

    def __init__(self, images: Images) -> None:
        self.images = images
        self._files: dict[tuple[FileIdentity, str], NativeObject] = {}
        self._odd_names: set[FileIdentity] = set()  # of files whose names really end in " (deleted)"
        self._vdso: NativeObject | None = None

    def mapped(self, record: MappingRecord) -> Mapped:
        """Give a record's mapping, its object included; the record's descriptor is ours from now on."""
        start, end = record.address, record.address + record.length
        kind, path = classify(record.path, record.inode)
        if kind in ("anonymous", "vdso"):
            if record.descriptor is not None:
                os.close(record.descriptor)
            found = self._kernel_code() if kind == "vdso" else NativeObject(f"anon:{start:x}", kind)
            return Mapped(start, end, 0, found)
        identity = FileIdentity(record.device, record.inode, record.generation)
        is_deleted = record.path.endswith(_DELETED)
        if is_deleted and kind == "file" and self._is_named_so(record, identity):
            path, is_deleted = record.path, False
        found = self._file(identity, path, kind, is_deleted=is_deleted)
        if record.descriptor is not None:
            found.code = self.images.adopt(record.descriptor, path, identity) or found.code
        elif found.code is None:
            found.code = self.images.known(identity)
        return Mapped(start, end, record.file_offset, found)

    def _is_named_so(self, record: MappingRecord, identity: FileIdentity) -> bool:
        """Tell whether a file said to be deleted has still got a name: then that is part of it."""
        if record.descriptor is not None and os.fstat(record.descriptor).st_nlink:
            if len(self._odd_names) >= _MAX_REMEMBERED:
                self._odd_names.clear()
            self._odd_names.add(identity)
        return identity in self._odd_names

    def _file(self, identity: FileIdentity, path: str, kind: ObjectKind, *, is_deleted: bool) -> NativeObject:
        known = self._files.get((identity, path))
        if known is None:
            if len(self._files) >= _MAX_REMEMBERED:
                self._files.clear()
            known = self._files[identity, path] = NativeObject(path, kind, identity, is_deleted)
        known.is_deleted |= is_deleted
        return known

    def _kernel_code(self) -> NativeObject:
        if self._vdso is None:
            self._vdso = NativeObject("[vdso]", "vdso", code=self.images.vdso())
        return self._vdso


def classify(path: str, inode: int) -> tuple[ObjectKind, str]:
    """Tell what a mapping is by the kernel's name for it, and its path as it is shown."""
    plain = path.removesuffix(_DELETED)
    if plain == "[vdso]":
        return "vdso", plain
    if plain.startswith(_MEMFD):
        return "memfd", f"memfd:{plain.removeprefix(_MEMFD)}"
    if not inode or not plain or plain.startswith(_WITHOUT_FILE):
        return "anonymous", plain
    return "file", plain


def read_address_space(pid: int, objects: NativeObjects) -> AddressSpace:
    """Give the executable mappings of a running process; TargetError when it may not be read."""
    space, pins = AddressSpace(), FilePins(limit=1)
    for record in read_records(pid):
        identity = record.identity
        is_new = identity is not None and objects.images.known(FileIdentity(*identity)) is None
        space.add(objects.mapped(replace(record, descriptor=pins.pin(record)) if is_new else record))
        pins.hand_over()
    return space
