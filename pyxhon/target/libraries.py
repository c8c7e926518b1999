"""Finds the file of a needed library as the program loader would: folders named by the file, the cache, defaults.

Search order of ld.so(8); the cache's format is glibc's (`glibc-ld.so.cache1.1`, sysdeps/generic/dl-cache.h).
"""

import os
import struct
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from pyxhon.target.elf import ElfImage
from pyxhon.target.root import TargetRoot

_CACHE_PATH = "/etc/ld.so.cache"
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_MAX_CACHE_BYTES = 1 << 24
_MAX_TREE_CACHE_BYTES = 1 << 20  # of another tree, which may be made to keep us busy
_MAX_FOLDERS, _MAX_CACHED = 256, 16
_HEADER_BYTES, _ENTRY_BYTES = 48, 24
_DEFAULT_FOLDERS = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)


def find_library(
    image: ElfImage, name: str, environment: Mapping[str, str], tree: tuple[TargetRoot, str] | None = None
) -> str | None:
    """Give the path of the library `name` that the executable `image` needs; None when it is nowhere.

    `tree` is another file tree than ours, and the path of the executable in it.
    """
    is_file = os.path.isfile if tree is None else tree[0].is_file
    if "/" in name:
        return name if is_file(name) else None
    origin = os.path.dirname(os.path.realpath(image.name) if tree is None else tree[1])
    for folder in islice(_folders(image, origin, environment), _MAX_FOLDERS):
        path = os.path.join(folder, name)
        if is_file(path):
            return path
    cache = _read_cache(None if tree is None else tree[0])
    cached = islice(_cached_paths(cache, name), _MAX_CACHED)
    candidates = chain(cached, (os.path.join(folder, name) for folder in _DEFAULT_FOLDERS))
    return next((path for path in candidates if is_file(path)), None)


def _read_cache(root: TargetRoot | None) -> bytes:
    if root is not None:
        return root.read_file(_CACHE_PATH, _MAX_TREE_CACHE_BYTES) or b""
    try:
        with open(_CACHE_PATH, "rb") as file:
            return file.read(_MAX_CACHE_BYTES)
    except OSError:
        return b""


def _folders(image: ElfImage, origin: str, environment: Mapping[str, str]) -> Iterator[str]:
    """List the folders that the file and the environment name (DT_RPATH comes before, DT_RUNPATH after)."""
    named = environment.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":")
    own = list(image.library_paths)
    for folder in own + named if image.has_rpath else named + own:
        if folder:
            expanded = folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
            yield expanded.replace("${LIB}", "lib").replace("$LIB", "lib")


def _cached_paths(content: bytes, name: str) -> Iterator[str]:
    """Look a library up in the loader's cache; there may be several, the best for the machine first."""
    start = content.find(_CACHE_MAGIC)
    if start < 0 or start + _HEADER_BYTES > len(content):
        return
    cache = content[start:]
    (count,) = struct.unpack_from("<I", cache, len(_CACHE_MAGIC))
    wanted = os.fsencode(name)
    for index in range(min(count, (len(cache) - _HEADER_BYTES) // _ENTRY_BYTES)):
        _, key, value = struct.unpack_from("<iII", cache, _HEADER_BYTES + index * _ENTRY_BYTES)
        if cache[key : key + len(wanted) + 1] == wanted + b"\0":
            end = cache.find(b"\0", value, value + 4096)
            if end > value:
                yield os.fsdecode(cache[value:end])
