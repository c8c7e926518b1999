"""The directories of one root as far as they have been read: listings, installed distributions, their names."""

import posixpath

from pyxhon.packages import metadata, names
from pyxhon.packages.installed import (
    MAX_DIRECTORY_ENTRIES,
    Distribution,
    Installed,
    metadata_names,
    read_installed,
)
from pyxhon.target.root import TargetRoot

_MAX_CACHED_DIRECTORIES = 20_000


class Places:
    """Reads directories when they are first asked for and keeps what it read, within bounds."""

    def __init__(self, root: TargetRoot) -> None:
        self._root = root
        self._listings: dict[str, list[str]] = {}
        self._installed: dict[str, Installed | None] = {}
        self._identities: dict[str, tuple[str, str | None]] = {}
        self._landmarks: dict[str, bool] = {}

    def listing(self, directory: str) -> list[str]:
        """List a directory; empty when it is none."""
        found = self._listings.get(directory)
        if found is None:
            if len(self._listings) >= _MAX_CACHED_DIRECTORIES:
                self._listings.clear()
            found = self._listings[directory] = self._list_now(directory)
        return found

    def installed_in(self, directory: str) -> Installed | None:
        """Give what is installed in a directory; None when it has no distribution's metadata."""
        if directory not in self._installed:
            if len(self._installed) >= _MAX_CACHED_DIRECTORIES:
                self._installed.clear()
            listing = self.listing(directory)
            found = read_installed(self._root, directory, listing) if metadata_names(listing) else None
            self._installed[directory] = found
        return self._installed[directory]

    def rescan(self, path: str) -> bool:
        """Forget directories above a path in which something was installed since; tell whether there were any."""
        is_stale = False
        for directory in directories_of(path):
            listing = self._list_now(directory)
            if metadata_names(listing) != metadata_names(self.listing(directory)):
                self._listings[directory] = listing
                self._installed.pop(directory, None)
                is_stale = True
        return is_stale

    def around(self, path: str) -> list[Installed]:
        """Give the directories of distributions that a path can belong to, the outermost first."""
        directories = [*directories_of(path), *self._script_directories(path)]
        return [place for directory in directories if (place := self.installed_in(directory))]

    def identity(self, distribution: Distribution) -> tuple[str, str | None]:
        """Give name and version as METADATA or PKG-INFO write them, else as the metadata's file name does."""
        found = self._identities.get(distribution.metadata)
        if found is None:
            found = self._identities[distribution.metadata] = self._read_identity(distribution.metadata)
        return found

    def standard_library(self, path: str) -> str | None:
        """Find the directory of the standard library that a path lies in, by its landmarks."""
        for directory in reversed(names.ancestors(path)):
            if not names.is_standard_library_directory_name(directory):
                continue
            if directory not in self._landmarks:
                self._landmarks[directory] = self._has_landmarks(directory)
            if self._landmarks[directory]:
                return directory
        return None

    def _list_now(self, directory: str) -> list[str]:
        return self._root.list_directory(directory, MAX_DIRECTORY_ENTRIES) or []

    def _has_landmarks(self, directory: str) -> bool:
        marks = ("os.py", "encodings/__init__.py")
        paths = [posixpath.join(directory, mark) for mark in marks]
        return all(self._root.is_file(path) or self._root.is_file(path + "c") for path in paths)

    def _script_directories(self, path: str) -> list[str]:
        """List where the distributions are whose scripts lie in a `bin` directory."""
        folder = posixpath.dirname(path)
        if posixpath.basename(folder) != "bin":
            return []
        library = posixpath.join(posixpath.dirname(folder), "lib")
        versions = sorted(name for name in self.listing(library) if name.startswith("python3"))
        sites = sorted(names.SITE_DIRECTORY_NAMES)
        return [posixpath.join(library, version, site) for version in versions for site in sites]

    def _read_identity(self, path: str) -> tuple[str, str | None]:
        candidates = (posixpath.join(path, "METADATA"), posixpath.join(path, "PKG-INFO"), path)
        read = (self._root.read_file(candidate, metadata.METADATA_BYTES) for candidate in candidates)
        data = next((found for found in read if found is not None), b"")
        name, version = metadata.read_identity(data)
        guessed_name, guessed_version = metadata.identity_of_file_name(
            posixpath.basename(path.removesuffix("/EGG-INFO"))
        )
        return name or guessed_name, version or guessed_version


def named_directory(path: str) -> str | None:
    """Find the nearest directory above a path that is named site-packages or dist-packages."""
    above = reversed(names.ancestors(path))
    return next((each for each in above if posixpath.basename(each) in names.SITE_DIRECTORY_NAMES), None)


def directories_of(path: str) -> list[str]:
    """List the directories that may hold a path's distribution, the outermost first.

    Nothing above site-packages counts: a project that keeps its environment in its own folder does not own it.
    """
    above = names.ancestors(path)
    named = named_directory(path)
    return above[above.index(named) :] if named else above
