"""The files that a distribution installed: as its record lists them, or as they lie where its modules are."""

import posixpath
from collections.abc import Iterable
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


def files_below(root: TargetRoot, tops: Iterable[tuple[str, str]]) -> tuple[list[InstalledFile], int]:
    """Give the Python files and DLLs below directories that are known to be modules: (directory, module).

    Gives also how many files and folders are beyond the bounds, as far as they were met.
    """
    found: list[InstalledFile] = []
    left_out = looked_at = 0
    waiting = [(directory, module, 0) for directory, module in tops]
    while waiting:
        directory, module, depth = waiting.pop()
        if looked_at >= MAX_FILES or depth > _MAX_DEPTH:
            left_out += 1
            continue
        names = root.list_directory(directory, _MAX_ENTRIES) or []
        left_out += len(names) == _MAX_ENTRIES
        looked_at += len(names)
        for name in names:
            path = posixpath.join(directory, name)
            if is_code(name):
                stem = module_of(name)
                named = module if name.startswith("__init__.") else stem and f"{module}.{stem}"
                found.append(InstalledFile(path, named))
            elif "." not in name and name != "__pycache__":
                waiting.append((path, f"{module}.{name}", depth + 1))
    return found, left_out


def is_code(path: str) -> bool:
    """Tell whether a file is named as Python files and DLLs are."""
    return path.endswith((".py", ".pyw", ".pyc")) or is_dll_name(path)
