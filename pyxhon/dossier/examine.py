"""Examines files: hashes them, reads their dossiers or takes them from the cache.

Hash and dossier are of the very same bytes: the file is copied first, into memory that nobody else can write. Otherwise
a program could change its file between the two, and put a false dossier under the hash of an honest file. What is too
large to be copied is never put into the cache.
"""

import hashlib
import json
import os
from functools import cache
from pathlib import Path

from pyxhon.cache import prune_cached, read_cached, write_cached
from pyxhon.dossier.budget import Allowance
from pyxhon.dossier.model import Dossier, Examined, dossier_from_json
from pyxhon.dossier.read import read_dossier
from pyxhon.errors import ElfError
from pyxhon.target.elf import image_of

_MAGIC = b"\x7fELF"
_BLOCK_BYTES = 1 << 20
_MAX_COPY_BYTES = 1 << 27
_MAX_CACHED_BYTES = 1 << 20
_MAX_CACHED_FILES = 4096
_PREFIX = "dossier-"
_NO_TIME = "not looked at: the time for all files was up"
_TOO_MUCH = "not looked at: too much to read"
# The modules whose code decides what is found: other code, other cache.
_READERS = ("dossier", "target/elf.py", "target/elf_tables.py", "target/elf_relocations.py")


def examine(descriptor: int, name: str, allowance: Allowance) -> Examined:
    """Examine the file behind a descriptor, which stays open; raises ElfError for what is no ELF file, and OSError.

    A file that is one, but damaged or for another machine, has a dossier that says only this.
    """
    size = os.fstat(descriptor).st_size
    if os.pread(descriptor, len(_MAGIC), 0) != _MAGIC:
        raise ElfError(f"{name} is not an ELF file")
    if not allowance.take_bytes(size):
        return Examined(None, _build_id(descriptor, name), Dossier(size=size, partial=[_TOO_MUCH]))
    if size > _MAX_COPY_BYTES:
        return _look(descriptor, name, _hash(descriptor, None, size), allowance)
    copy = os.memfd_create("pyxhon-dossier", os.MFD_CLOEXEC)
    try:
        sha256 = _hash(descriptor, copy, size)
        known = _recall(sha256)
        if known is None:
            known = _look(copy, name, sha256, allowance)
            if not known.dossier.partial:
                _remember(sha256, known)
        return known
    finally:
        os.close(copy)


def hash_file(descriptor: int, allowance: Allowance) -> str | None:
    """Give the SHA-256 of any file in hexadecimal; None when it is more than what is left of the allowance."""
    size = os.fstat(descriptor).st_size
    return _hash(descriptor, None, size) if allowance.take_bytes(size) else None


def _hash(source: int, copy: int | None, size: int) -> str:
    """Hash at most `size` bytes, and write those very bytes into the copy."""
    digest, offset = hashlib.sha256(), 0
    while offset < size and (block := os.pread(source, min(_BLOCK_BYTES, size - offset), offset)):
        digest.update(block)
        if copy is not None:
            os.pwrite(copy, block, offset)
        offset += len(block)
    return digest.hexdigest()


def _look(descriptor: int, name: str, sha256: str, allowance: Allowance) -> Examined:
    size = os.fstat(descriptor).st_size
    budget = allowance.begin_file()
    if budget is None:
        return Examined(sha256, _build_id(descriptor, name), Dossier(size=size, partial=[_NO_TIME]))
    try:
        with image_of(os.dup(descriptor), name) as image:
            return Examined(sha256, image.build_id, read_dossier(image, budget))
    except ElfError as error:
        reason = str(error).removeprefix(f"{name} is ")
        return Examined(sha256, None, Dossier(size=size, partial=[f"not looked at: {reason}"]))
    finally:
        allowance.end_file(budget)


def _build_id(descriptor: int, name: str) -> str | None:
    try:
        with image_of(os.dup(descriptor), name) as image:
            return image.build_id
    except ElfError:
        return None


def _recall(sha256: str) -> Examined | None:
    content = read_cached(_cache_name(sha256))
    if content is None or len(content) > _MAX_CACHED_BYTES:
        return None
    try:
        known = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(known, dict) or known.get("sha256") != sha256:
        return None
    build_id, dossier = known.get("build_id"), dossier_from_json(known.get("dossier"))
    is_whole = dossier.partial == [] and (build_id is None or isinstance(build_id, str))
    return Examined(sha256, build_id, dossier) if is_whole else None


def _remember(sha256: str, examined: Examined) -> None:
    known = {"sha256": sha256, "build_id": examined.build_id, "dossier": examined.dossier.to_json()}
    content = json.dumps(known).encode()
    if len(content) <= _MAX_CACHED_BYTES:
        _make_room()
        write_cached(_cache_name(sha256), content)


@cache
def _make_room() -> None:
    """Remove old entries, once a run: what one run can add is little beside what is kept."""
    prune_cached(_PREFIX, _MAX_CACHED_FILES)


def _cache_name(sha256: str) -> str:
    # The hash covers the build ID, too: a file with a borrowed one must not borrow the dossier.
    return f"{_PREFIX}{sha256}-{_readers_digest()}.json"


@cache
def _readers_digest() -> str:
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    for name in _READERS:
        path = package / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else (path,):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
