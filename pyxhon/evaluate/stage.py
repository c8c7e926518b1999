"""Folders that sandboxes are made of, in a mount namespace of our own: nothing is left when we end, however we end.

Users of sandboxes may pass through here where they may not through root's home.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxhon.errors import EvaluationError

_CLONE_NEWNS: Final = 0x20000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_MNT_DETACH: Final = 2
_STAGE_BYTES: Final = 64 << 20
_PLACE: Final = Path("/run/pyxhon-evaluate")
"""Root's alone to make, everybody's to pass through; in another mount namespace it is an empty folder."""
_INODES: Final = 200_000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """The root of these folders; its methods need the namespace that `prepare_stage` made."""

    root: Path

    def folder(self, name: str) -> Path:
        """Make a folder that everybody may pass through."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def show(self, source: Path, name: str, *, is_writable: bool = False) -> Path:
        """Show a folder of the machine here, read-only unless said otherwise."""
        path = self.folder(name)
        _mount(str(source), path, None, _MS_BIND)
        if not is_writable:
            _mount(None, path, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
        return path

    @contextlib.contextmanager
    def disk(self, name: str, size_bytes: int, uid: int) -> Iterator[Path]:
        """Make a folder of bounded size that belongs to a user, for as long as the block runs."""
        path = self.folder(name)
        _mount("tmpfs", path, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size_bytes},nr_inodes={_INODES},mode=755")
        try:
            os.chown(path, uid, uid)
            yield path
        finally:
            _LIBC.umount2(os.fsencode(path), _MNT_DETACH)


@contextlib.contextmanager
def prepare_stage() -> Iterator[Stage]:
    """Enter a mount namespace of our own; call it before there are threads. Raises EvaluationError."""
    if _LIBC.unshare(_CLONE_NEWNS) < 0:
        reason = os.strerror(ctypes.get_errno())
        raise EvaluationError(f"cannot make a mount namespace: {reason}", "run it as root, outside of containers")
    _mount("none", Path("/"), None, _MS_REC | _MS_PRIVATE)
    _PLACE.mkdir(mode=0o711, exist_ok=True)  # stays: to remove it would take away what another evaluation has there
    _mount("tmpfs", _PLACE, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={_STAGE_BYTES},mode=711")
    try:
        yield Stage(_PLACE)
    finally:
        _LIBC.umount2(os.fsencode(_PLACE), _MNT_DETACH)


def _mount(source: str | None, path: Path, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [text if text is None else os.fsencode(text) for text in (source, str(path), kind, options)]
    if _LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]) < 0:
        reason = os.strerror(ctypes.get_errno())
        raise EvaluationError(f"cannot mount {path}: {reason}", "run it as root, outside of containers")
