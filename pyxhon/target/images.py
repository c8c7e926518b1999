"""The ELF files that processes have mapped, each open once, and the kernel's vDSO."""

import os
import stat
from collections import OrderedDict
from dataclasses import dataclass

from pyxhon.errors import ElfError, TargetError
from pyxhon.target.elf import ElfImage, image_of, open_regular_file
from pyxhon.target.native_code import NativeCode, OpenTables, Recall
from pyxhon.target.process import read_mappings, read_memory

_MAX_VDSO_BYTES = 1 << 16
_MAX_FILES = 1 << 14
_MAX_IDENTITIES = 1 << 16
_VDSO = "[vdso]"

FileKey = tuple[int, int, int, int]  # st_dev, st_ino, st_size, st_mtime_ns


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """How the kernel names a mapped file; device as "major:minor"."""

    device: str
    inode: int
    generation: int = 0


class _PinnedImage(ElfImage):
    """An image whose descriptor may be lent back while nobody reads it: the file is opened again by its path."""

    def __init__(self, descriptor: int, name: str, images: "Images") -> None:
        self._images = images
        self.key = file_key(descriptor)
        super().__init__(descriptor, name)

    def read_file(self, offset: int, size: int) -> bytes | None:
        """Read like any image; None when the file cannot be opened again."""
        return super().read_file(offset, size) if self._images.hold(self) else None


def file_key(descriptor: int) -> FileKey:
    """Give what tells files, and versions of one file, apart."""
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


class Images:
    """All images of a session; owns their descriptors, of which at most `limit` are open.

    A file that cannot be found again by its path (unlinked, replaced, of another mount namespace) keeps its
    descriptor; when all that are open do, further files are counted in `refused` and have no image. `recall` gives
    what earlier runs knew of a file's code.
    """

    def __init__(self, limit: int = 512, recall: Recall | None = None) -> None:
        self._limit = limit
        self._recall = recall
        self._tables = OpenTables()
        self._codes: dict[FileKey, NativeCode] = {}
        self._by_identity: dict[FileIdentity, NativeCode] = {}
        self._open: OrderedDict[FileKey, _PinnedImage] = OrderedDict()
        self._vdso: NativeCode | None = None
        self._asked_for_vdso = False
        self.refused = 0

    def __enter__(self) -> "Images":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give all descriptors back."""
        for image in self._open.values():
            image.close()
        self._open.clear()
        if self._vdso is not None:
            self._vdso.image.close()

    @property
    def codes(self) -> tuple[NativeCode, ...]:
        """The code of every file met so far."""
        return tuple(self._codes.values())

    def known(self, identity: FileIdentity) -> NativeCode | None:
        """Give the code of a file met before under that identity."""
        return self._by_identity.get(identity)

    def adopt(self, descriptor: int, name: str, identity: FileIdentity | None = None) -> NativeCode | None:
        """Take over an open file, which is closed if it is known already or is no ELF file (None)."""
        try:
            key = file_key(descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                return None
        except OSError:
            return None
        code = self._codes.get(key)
        if code is not None:
            os.close(descriptor)
        else:
            code = self._open_new(descriptor, name, key)
        if code is not None and identity is not None:
            if len(self._by_identity) >= _MAX_IDENTITIES:
                self._by_identity.clear()
            self._by_identity[identity] = code
        return code

    def _open_new(self, descriptor: int, name: str, key: FileKey) -> NativeCode | None:
        if len(self._codes) >= _MAX_FILES or not self._make_room():
            os.close(descriptor)
            self.refused += 1
            return None
        try:
            image = self._build(descriptor, name, key)
        except ElfError:
            return None
        code = self._codes[key] = NativeCode(image, self._recall, self._tables)
        return code

    def _build(self, descriptor: int, name: str, key: FileKey) -> _PinnedImage:
        image = _PinnedImage.__new__(_PinnedImage)
        image.descriptor, image.key = descriptor, key
        self._open[key] = image
        try:
            _PinnedImage.__init__(image, descriptor, name, self)
        except BaseException:
            del self._open[key]
            os.close(descriptor)
            raise
        return image

    def vdso(self) -> NativeCode | None:
        """Give the kernel's vDSO, the same in every 64-bit process: copied out of our own memory."""
        if not self._asked_for_vdso:
            self._asked_for_vdso = True
            image = copy_vdso()
            self._vdso = None if image is None else NativeCode(image)
        return self._vdso

    def hold(self, image: _PinnedImage) -> bool:
        """See to it that an image's file is open, as the one used last."""
        if image.key in self._open:
            self._open.move_to_end(image.key)
            return True
        if not self._make_room():
            return False
        try:
            descriptor = open_regular_file(image.name)
        except ElfError:
            return False
        if file_key(descriptor) != image.key:
            os.close(descriptor)
            return False
        image.descriptor = descriptor
        self._open[image.key] = image
        return True

    def _make_room(self) -> bool:
        """Close what can be opened again until one more may be open; tell whether that worked."""
        for image in list(self._open.values()):
            if len(self._open) < self._limit:
                break
            path = _path_of(image)
            if path is not None:
                image.name = path
                image.close()
                del self._open[image.key]
        return len(self._open) < self._limit


def _path_of(image: _PinnedImage) -> str | None:
    """Give the path here that leads to the very file; None when there is none."""
    try:
        path = os.readlink(f"/proc/self/fd/{image.descriptor}")
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return path if file_key(handle) == image.key else None
    finally:
        os.close(handle)


def copy_vdso() -> ElfImage | None:
    """Copy our own vDSO into a file of memory; None on a kernel without one."""
    try:
        mapping = next((m for m in read_mappings(os.getpid()) if m.path == _VDSO), None)
    except TargetError:
        return None
    if mapping is None or mapping.end - mapping.start > _MAX_VDSO_BYTES:
        return None
    content = read_memory(os.getpid(), mapping.start, mapping.end - mapping.start)
    if content is None:
        return None
    descriptor = os.memfd_create("vdso", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    try:
        return image_of(descriptor, _VDSO)
    except ElfError:
        return None
