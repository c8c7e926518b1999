"""What a Python file's module is called, told at once: by its path, sys.path and a few looks for `__init__.py`.

Whose a file is needs installers' records, which take long to read when they are first asked for. A name does not.
"""

import posixpath
from collections.abc import Iterable, Iterator

from pyxhon.packages import metadata, names
from pyxhon.packages.places import Places, named_directory
from pyxhon.target.root import TargetRoot

_MAX_SEARCH_PATHS = 4096
_MAX_CACHED_DIRECTORIES = 20_000


class ModuleNames:
    """Names the modules of one root. Looks at no more than one file for each folder above an asked one, once."""

    def __init__(self, root: TargetRoot) -> None:
        self._root = root
        self._places = Places(root)
        self._search_paths: set[str] = set()
        self._tops: dict[str, str] = {}  # folder → where the outermost package around it lies

    def add_search_paths(self, search_paths: Iterable[str]) -> None:
        """Take up entries of the target's sys.path."""
        for written in search_paths:
            path = metadata.absolute_path(written)
            if path and len(self._search_paths) < _MAX_SEARCH_PATHS:
                self._search_paths.add(path)

    def names_of(self, path: str, working_directory: str | None) -> tuple[str, ...]:
        """Give the dotted names that the module of a code object's file may have; none: there is no way to import it.

        A program may reach one file by several entries of sys.path, and it chooses these itself: so all names are
        given. First comes the one below site-packages or the standard library, then by the longest entry.
        """
        if names.is_pseudo(path):
            module = names.frozen_module(path)
            return (module,) if module else ()
        absolute = metadata.absolute_path(posixpath.join(working_directory or "", path))
        if absolute is None:
            return ()
        source = names.source_of(absolute)
        relative = (names.relative_to(source, directory) or "" for directory in self._starts(source))
        return tuple(dict.fromkeys(module for each in relative if (module := names.module_of(each))))

    def _starts(self, path: str) -> Iterator[str]:
        """Give the folders that the name may start from."""
        installed = named_directory(path) or self._places.standard_library(path)
        if installed:
            yield installed
        listed = [each for each in reversed(names.ancestors(path)) if each in self._search_paths]
        yield from listed
        folder = posixpath.dirname(path)
        top = self._top(folder)
        if not installed and (top != folder or not listed):
            yield top

    def _top(self, folder: str) -> str:
        """Give the folder that the outermost package around a folder lies in; itself where it is no package."""
        found = self._tops.get(folder)
        if found is None:
            if len(self._tops) >= _MAX_CACHED_DIRECTORIES:
                self._tops.clear()
            found = folder
            while found != "/" and self._root.is_file(posixpath.join(found, "__init__.py")):
                found = posixpath.dirname(found)
            self._tops[folder] = found
        return found
