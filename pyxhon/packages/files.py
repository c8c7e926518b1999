"""The files that a distribution installed: as its record lists them, or as they lie where its modules are."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyxhon.packages.installed import Distribution, Installed
from pyxhon.packages.names import is_dll_name, module_of
from pyxhon.target.root import TargetRoot

MAX_FILES = 20_000
_MAX_ENTRIES = 10_000
_MAX_DEPTH = 24


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """A Python file or a DLL of a distribution, with the dotted name of its module where it has one."""

    path: str
    module: str | None
    sha256: str = ""  # as RECORD writes it; "": not recorded


def recorded_files(place: Installed, distribution: Distribution) -> list[InstalledFile]:
    """Give the Python files and DLLs that a distribution's record lists below its own directory."""
    wanted = place.distributions.index(distribution)
    found = []
    for relative, entry in place.files.items():
        if entry.distribution == wanted and not relative.startswith("../") and is_code(relative):
            path = posixpath.join(place.directory, relative)
            found.append(InstalledFile(path, module_of(relative), entry.sha256))
    return found


def files_below(root: TargetRoot, tops: Iterable[tuple[str, str]]) -> Iterator[InstalledFile]:
    """Give the Python files and DLLs below directories that are known to be modules: (directory, module)."""
    seen: set[str] = set()
    waiting = [(directory, module, 0) for directory, module in tops]
    while waiting and len(seen) < MAX_FILES:
        directory, module, depth = waiting.pop()
        for name in root.list_directory(directory, _MAX_ENTRIES) or []:
            path = posixpath.join(directory, name)
            if path in seen or len(seen) >= MAX_FILES:
                continue
            seen.add(path)
            if is_code(name):
                stem = module_of(name)
                yield InstalledFile(path, module if name.startswith("__init__.") else stem and f"{module}.{stem}")
            elif "." not in name and name != "__pycache__" and depth < _MAX_DEPTH:
                waiting.append((path, f"{module}.{name}", depth + 1))


def is_code(path: str) -> bool:
    """Tell whether a file is named as Python files and DLLs are."""
    return path.endswith((".py", ".pyw", ".pyc")) or is_dll_name(path)
