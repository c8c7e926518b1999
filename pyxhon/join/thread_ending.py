"""What the C library does by itself to end a thread: it loads the unwinder, libgcc_s, once for each process.

glibc 2.36, `misc/unwind-link.c` (`__libc_unwind_link_get`), called by `pthread_exit`, `pthread_cancel` and `backtrace`;
before 2.32 `nptl/unwind-forcedunwind.c` (`pthread_cancel_init`).
"""

import posixpath
from collections.abc import Iterator
from typing import Final

from pyxhon.join.frameless import Sighting
from pyxhon.trace.rows import NativeFrameRow

_UNWINDER: Final = "libgcc_s.so.1"
_CACHE: Final = "/etc/ld.so.cache"
_FUNCTIONS: Final = frozenset(
    {"__libc_unwind_link_get", "pthread_cancel_init", "pthread_exit", "pthread_cancel", "__pthread_unwind"}
)
_MERGED: Final = "/usr"


def loads_unwinder(seen: Sighting) -> bool:
    """Tell whether the loader opens or maps the unwinder, of the C library's folder, within such a function.

    A file of that name in another folder, as of LD_LIBRARY_PATH, is a DLL as any other.
    """
    if not seen.native.is_loader:
        return False
    caller = next((frame for frame in _of_c_library(seen) if frame.symbol in _FUNCTIONS), None)
    arguments = seen.event.arguments
    path = arguments.get("path") if isinstance(arguments, dict) else None
    if caller is None or caller.path is None or not isinstance(path, str):
        return False
    return path == _CACHE or (posixpath.basename(path) == _UNWINDER and _folder_of(path) == _folder_of(caller.path))


def _of_c_library(seen: Sighting) -> Iterator[NativeFrameRow]:
    for frame in seen.native.frames:
        if frame.role != "c_library":
            return
        yield frame


def _folder_of(path: str) -> str:
    """Give the folder of a file; /lib is a link to /usr/lib where they are merged."""
    return posixpath.dirname(path).removeprefix(_MERGED)
