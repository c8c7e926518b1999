"""What the C library's allocator reads by itself, whoever allocates: the number of processors, how memory is lent.

glibc 2.36, `malloc/arena.c` (`arena_get2`, `check_may_shrink_heap`) and `sysdeps/unix/sysv/linux/getsysstats.c`.
"""

from typing import Final

from pyxhon.join.frameless import Sighting

_FILES: Final = frozenset({"/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu/online", "/proc/stat"})
_FUNCTIONS: Final = frozenset({"malloc", "calloc", "realloc", "free", "cfree", "aligned_alloc", "posix_memalign"})
_WRITES: Final = 0o3  # O_WRONLY, O_RDWR


def is_allocators_own(seen: Sighting) -> bool:
    """Tell whether a file is opened within a call of an allocating function of the C library.

    A DLL may forge such a stack, and gains nothing by it: these files may be read by anybody and tell nothing.
    """
    arguments = seen.event.arguments
    if not isinstance(arguments, dict) or arguments.get("path") not in _FILES:
        return False
    flags = arguments.get("flags")
    if not isinstance(flags, int) or flags & _WRITES:
        return False
    for frame in seen.native.frames:
        if frame.role != "c_library":
            return False
        if frame.symbol in _FUNCTIONS:
            return True
    return False
