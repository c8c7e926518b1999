"""Where libffi lies, before a process has loaded it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from pyxhon.target.root import TargetRoot

LIBFFI: Final = "libffi.so."
_MACHINE: Final = "x86_64-linux-gnu"
_DIRECTORIES: Final = (
    f"/lib/{_MACHINE}", f"/usr/lib/{_MACHINE}", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
)  # fmt: skip
_MOST_ENTRIES: Final = 20_000  # of a directory
_MOST_FILES: Final = 8
_DEEPEST: Final = 16


@contextlib.contextmanager
def _opened(root: TargetRoot, path: str) -> Iterator[int | None]:
    descriptor = root.open_file(path)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def find_libffi(root: TargetRoot, program: str = "/") -> Iterator[tuple[str, tuple[tuple[int, int], int]]]:
    """Give each libffi in the loader's usual directories: a path to open it by until the next is asked for, its key.

    They are looked for in the root, and beneath each directory that `program` lies in: an environment has its own
    libraries, and so has a root that the program will be run in. The key is of the device, major and minor, and of
    the inode. At most _MOST_FILES are given, and no more than _DEEPEST directories are gone up.
    """
    found: set[tuple[tuple[int, int], int]] = set()
    parents = list(PurePosixPath(program).parents)[-_DEEPEST:]
    above = [str(parent).rstrip("/") for parent in reversed(parents)] or [""]
    for directory in (f"{parent}{usual}" for parent in above for usual in _DIRECTORIES):
        for name in sorted(root.list_directory(directory, _MOST_ENTRIES) or ()):
            if not name.startswith(LIBFFI) or len(found) >= _MOST_FILES:
                continue
            with _opened(root, f"{directory}/{name}") as descriptor:
                if descriptor is None:
                    continue
                status = os.fstat(descriptor)
                key = ((os.major(status.st_dev), os.minor(status.st_dev)), status.st_ino)
                if key not in found:
                    found.add(key)
                    yield f"/proc/self/fd/{descriptor}", key
