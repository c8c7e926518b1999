"""Code inside zip files: eggs, wheels on the path, zipapps; read within bounds, for the zip may be hostile."""

import errno
import io
import posixpath
import struct
import zipfile
import zlib
from dataclasses import dataclass

from pyxhon.packages import metadata
from pyxhon.target.root import TargetRoot

_MAX_READ_BYTES = 6 << 20  # zipfile reads the list of members at once and needs ten times as much for it
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArchivedDistribution:
    """A distribution whose metadata lies in a zip file."""

    name: str
    version: str | None
    files: frozenset[str]  # as its RECORD lists them; empty for an egg: the whole archive is its
    prefix: str  # where in the archive its search root is


@dataclass(frozen=True, slots=True)
class Archive:
    """What a zip file says of itself."""

    path: str
    members: frozenset[str]
    distributions: tuple[ArchivedDistribution, ...]

    def has(self, member: str) -> bool:
        """Tell whether the archive has a module's source or bytecode."""
        return member in self.members or member + "c" in self.members

    def distribution_of(self, member: str) -> ArchivedDistribution | None:
        """Find the distribution that lists a member, or the egg that the archive is."""
        for distribution in self.distributions:
            if not distribution.files or member in distribution.files or member + "c" in distribution.files:
                return distribution
        return None


def read_archive(root: TargetRoot, path: str) -> Archive | None:
    """Read a zip file's list of members and its distributions' metadata; None when it is no zip file."""
    descriptor = root.open_file(path)
    if descriptor is None:
        return None
    with _BoundedReader(io.FileIO(descriptor)) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_members(archive, path)
        except _ZIP_ERRORS:
            return None


class _BoundedReader(io.BufferedReader):
    """A file that gives no more than a bounded number of bytes at once, whatever its own headers ask for."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = _MAX_READ_BYTES
        if size > _MAX_READ_BYTES:
            raise OSError(errno.EFBIG, "read beyond the bound")
        return super().read(size)


def _read_members(archive: zipfile.ZipFile, path: str) -> Archive:
    names = archive.namelist()
    found = []
    for name in names:
        folder, _, file = name.rpartition("/")
        if file == "METADATA" and folder.endswith(".dist-info"):
            identity, version = _identity(archive, name, path)
            prefix = posixpath.dirname(folder)
            record = metadata.read_record(_read_member(archive, folder + "/RECORD", metadata.RECORD_BYTES))
            files = frozenset(posixpath.join(prefix, entry) for entry, _ in record)
            found.append(ArchivedDistribution(identity, version, files or frozenset({name}), prefix))
        elif name == "EGG-INFO/PKG-INFO":
            identity, version = _identity(archive, name, path)
            found.append(ArchivedDistribution(identity, version, frozenset(), ""))
    return Archive(path, frozenset(names), tuple(found))


def _identity(archive: zipfile.ZipFile, name: str, path: str) -> tuple[str, str | None]:
    identity, version = metadata.read_identity(_read_member(archive, name, metadata.METADATA_BYTES))
    folder = posixpath.basename(posixpath.dirname(name))
    guess = posixpath.basename(path) if folder == "EGG-INFO" else folder
    guessed_name, guessed_version = metadata.identity_of_file_name(guess)
    return identity or guessed_name, version or guessed_version


def _read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Read one member, b"" when it is not there or larger than the limit (also when its header lies)."""
    if name not in archive.NameToInfo:
        return b""
    with archive.open(name) as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else b""
