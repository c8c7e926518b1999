"""One directory with installed distributions: what each says it installed there."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pyxhon.packages import metadata
from pyxhon.packages.names import is_dll_name, normalise
from pyxhon.target.root import TargetRoot

MAX_DIRECTORY_ENTRIES = 50_000
_SHARED = -1
_SUFFIXES = (".py", ".pyc", ".pyw", ".so", ".pth", ".pyx")
METADATA_SUFFIXES = (".dist-info", ".egg-info")


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution by its metadata: a directory, or a single file of distutils."""

    metadata: str
    key: str  # normalised name, from the metadata's file name


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that a distribution says it installed."""

    distribution: int
    sha256: str  # URL-safe base64, "" where none is recorded
    others: tuple["Entry", ...] = ()  # further distributions that claim the same file


@dataclass(slots=True)
class Installed:
    """The distributions of one directory; paths are relative to it, as a RECORD writes them."""

    directory: str
    distributions: list[Distribution]
    files: dict[str, Entry] = field(default_factory=dict)
    directories: dict[str, int] = field(default_factory=dict)
    listed: set[Distribution] = field(default_factory=set)  # those with a list of files, not only of top-level names

    def entry_of(self, path: str) -> tuple[str, Entry] | None:
        """Find the file in what distributions recorded, the source or, where only that was shipped, its .pyc."""
        relative = posixpath.relpath(path, self.directory)
        candidates = (relative, relative + "c") if relative.endswith(".py") else (relative,)
        for candidate in candidates:
            if entry := self.files.get(candidate):
                return candidate, entry
        return None

    def directory_owner(self, path: str) -> Distribution | None:
        """Find the only distribution that installs into the nearest recorded directory above the path."""
        relative = posixpath.relpath(path, self.directory)
        number = self.directories.get(relative)
        while number is None and relative:
            relative = posixpath.dirname(relative)
            number = self.directories.get(relative) if relative else None
        return None if number is None or number == _SHARED else self.distributions[number]


def metadata_names(listing: Iterable[str]) -> list[str]:
    """Pick the metadata of distributions out of a directory listing; pip's leftovers (`~ip-…`) are none."""
    return sorted(name for name in listing if name.endswith(METADATA_SUFFIXES) and not name.startswith("~"))


def read_installed(root: TargetRoot, directory: str, listing: list[str]) -> Installed:
    """Read what every distribution in the directory says it installed; RECORD wins over weaker claims."""
    names = metadata_names(listing)
    distributions = [
        Distribution(posixpath.join(directory, name), normalise(metadata.identity_of_file_name(name)[0]))
        for name in names
    ]
    installed = Installed(directory, distributions)
    without: list[int] = []
    for number, distribution in enumerate(distributions):
        if _add_record(root, installed, number, distribution):
            installed.listed.add(distribution)
        else:
            without.append(number)
    stems = _by_stem(listing)
    _add_claims(installed, {number: list(_top_levels(root, distributions[number], stems)) for number in without})
    unclaimed = set(without) - set(installed.directories.values())
    # Metadata that lists nothing at all (distutils): the name of the distribution is most often the module's.
    keys = {normalise(stem): found for stem, found in stems.items()}
    _add_claims(installed, {number: keys.get(distributions[number].key, []) for number in unclaimed})
    return installed


def _add_record(root: TargetRoot, installed: Installed, number: int, distribution: Distribution) -> bool:
    """Take up the files that RECORD, installed-files.txt or SOURCES.txt lists; tell whether there was a list."""
    data = root.read_file(posixpath.join(distribution.metadata, "RECORD"), metadata.RECORD_BYTES)
    if data is not None:
        return _add_entries(installed, number, metadata.read_record(data))
    data = root.read_file(posixpath.join(distribution.metadata, "installed-files.txt"), metadata.RECORD_BYTES)
    if data is not None:
        folder = posixpath.basename(distribution.metadata)
        paths = (posixpath.join(folder, line) for line in metadata.read_lines(data))
        return _add_entries(installed, number, ((path, "") for path in paths))
    return False


def _add_entries(installed: Installed, number: int, entries: Iterable[tuple[str, str]]) -> bool:
    last_directory = None
    is_listed = False
    for written, digest in entries:
        if "__pycache__" in written:
            continue
        path = posixpath.normpath(written) if "/." in written or written.startswith((".", "/")) else written
        if path.startswith("/"):
            path = posixpath.relpath(path, installed.directory)
        directory, _, name = path.rpartition("/")
        is_metadata = directory.endswith(METADATA_SUFFIXES)
        if directory != last_directory and not is_metadata:
            last_directory = directory
            _claim_directory(installed, directory, number)
        if path.startswith("../") or path.endswith(_SUFFIXES) or is_dll_name(path) or "." not in name:
            is_listed = is_listed or not is_metadata
            _claim_file(installed, path, Entry(number, digest))
    return is_listed


def _claim_file(installed: Installed, path: str, entry: Entry) -> None:
    present = installed.files.setdefault(path, entry)
    if present is not entry and present.distribution != entry.distribution:
        installed.files[path] = Entry(present.distribution, present.sha256, (*present.others, entry))


def _claim_directory(installed: Installed, directory: str, number: int) -> None:
    """Note a directory and those above it; two distributions in one make it a namespace that neither owns."""
    while directory and not directory.startswith(".."):
        present = installed.directories.setdefault(directory, number)
        if present not in {number, _SHARED} and not _is_same_project(installed, present, number):
            installed.directories[directory] = _SHARED
        directory = directory.rpartition("/")[0]


def _is_same_project(installed: Installed, first: int, second: int) -> bool:
    # An upgrade that failed half-way leaves two metadata directories of one project.
    return installed.distributions[first].key == installed.distributions[second].key


def _add_claims(installed: Installed, claims: dict[int, list[str]]) -> None:
    """Take up top-level names; a directory that a stronger source has claimed stays as it is."""
    settled = set(installed.directories)
    for number, names in claims.items():
        for name in names:
            if name not in settled:
                _claim_directory(installed, name, number)


def _by_stem(listing: list[str]) -> dict[str, list[str]]:
    """Group a directory's entries by the module name they can be imported under."""
    stems: dict[str, list[str]] = {}
    for name in listing:
        if not name.endswith(METADATA_SUFFIXES):
            stems.setdefault(name.partition(".")[0], []).append(name)
    return stems


def _top_levels(root: TargetRoot, distribution: Distribution, stems: dict[str, list[str]]) -> Iterator[str]:
    """Yield what an egg-info's top_level.txt and SOURCES.txt claim: directories and modules."""
    data = root.read_file(posixpath.join(distribution.metadata, "top_level.txt"), metadata.SMALL_BYTES)
    names = metadata.read_lines(data or b"")
    for name in names:
        yield from stems.get(name, ())
    data = root.read_file(posixpath.join(distribution.metadata, "SOURCES.txt"), metadata.RECORD_BYTES)
    # Of a project whose code is in `src`, paths start at the project and the metadata lies in `src`.
    prefix = posixpath.basename(posixpath.dirname(distribution.metadata)) + "/"
    for line in metadata.read_lines(data or b""):
        path = line.removeprefix(prefix)
        # A source tree has more than it installs: tests, documentation, setup.py.
        if path.endswith(_SUFFIXES) and path.partition("/")[0] in names:
            yield posixpath.dirname(path)
