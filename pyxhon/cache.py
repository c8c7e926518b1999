"""Files kept between runs: compiled probes, sites by build ID, kernel offsets."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

_DEFAULT: Final = Path("/var/cache/pyxhon")


def cache_directory() -> Path | None:
    """Give the cache folder, made when missing; None where there can be none.

    It is used only when it belongs to us and nobody else can write there: what is in it is run in the kernel.
    """
    directory = Path(os.environ.get("PYXHON_CACHE_DIR", _DEFAULT))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = directory.lstat()
    except OSError:
        return None
    is_ours = facts.st_uid == os.geteuid() and stat.S_ISDIR(facts.st_mode) and not facts.st_mode & 0o022
    return directory if is_ours else None


def read_cached(name: str) -> bytes | None:
    """Give the content of a cached file; None when there is none."""
    directory = cache_directory()
    if directory is None:
        return None
    try:
        return (directory / name).read_bytes()
    except OSError:
        return None


def write_cached(name: str, content: bytes) -> None:
    """Keep a file, whole or not at all; a full or read-only disk is no error: the cache is only a help."""
    directory = cache_directory()
    if directory is None:
        return
    try:
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    except OSError:
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(directory / name)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()


def prune_cached(prefix: str, limit: int) -> None:
    """Keep the newest `limit` files whose names begin with `prefix`: targets decide how many there would be."""
    directory = cache_directory()
    if directory is None:
        return
    with contextlib.suppress(OSError):
        known = sorted(directory.glob(f"{prefix}*"), key=lambda path: path.lstat().st_mtime_ns)
        for path in known[: max(len(known) - limit, 0)]:
            path.unlink(missing_ok=True)
