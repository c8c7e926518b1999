"""Files as the target sees them: every path is resolved inside the target's own root by the kernel.

A container's absolute links, `..` and mounts mean what they mean there; nothing outside can be reached.
"""

import ctypes
import errno
import itertools
import os
import posixpath
import stat
import struct

from pyxhon.errors import KernelError, TargetError

_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 0x02, 0x10
_LOOK = os.O_PATH | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_LIBC = ctypes.CDLL(None, use_errno=True)


class TargetRoot:
    """The root directory of a process; owns the descriptors it is given: of it, and of its mount namespace.

    With the latter all that is mounted there stays when the process ends, until it is released. `key` tells roots
    apart: mount namespace, mount, device and inode. Processes with equal keys see the same files.
    """

    def __init__(self, descriptor: int, mount_namespace: int | None) -> None:
        self.descriptor = descriptor
        self.mount_namespace = mount_namespace
        status = os.fstat(descriptor)
        namespace = 0 if mount_namespace is None else os.fstat(mount_namespace).st_ino
        self.key = (namespace, _mount_of(descriptor), status.st_dev, status.st_ino)

    def __enter__(self) -> "TargetRoot":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptors back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            self.release_mounts()

    def release_mounts(self) -> None:
        """Let go of what is mounted there: it is gone with the last process that sees it."""
        if self.mount_namespace is not None:
            os.close(self.mount_namespace)
            self.mount_namespace = None

    def hold_mounts(self, other: "TargetRoot") -> None:
        """Keep what is mounted there once more, by the descriptor of another opening of the same root."""
        if self.mount_namespace is None:
            self.mount_namespace, other.mount_namespace = other.mount_namespace, None

    def open_file(self, path: str, max_bytes: int | None = None) -> int | None:
        """Open a regular file for reading; None when it is none, too large, or not to be had."""
        handle = self._open(path, _LOOK)
        if handle is None:
            return None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                return None
            if max_bytes is not None and status.st_size > max_bytes:
                return None
            return os.open(f"/proc/self/fd/{handle}", _READ)
        except OSError:
            return None
        finally:
            os.close(handle)

    def read_file(self, path: str, limit: int) -> bytes | None:
        """Read a regular file whole; None when it is larger than `limit` bytes or not to be had."""
        descriptor = self.open_file(path, limit)
        if descriptor is None:
            return None
        try:
            with open(descriptor, "rb", buffering=0) as file:
                pieces = []
                size = 0
                while size <= limit and (piece := file.read(limit + 1 - size)):
                    pieces.append(piece)
                    size += len(piece)
        except OSError:
            return None
        return b"".join(pieces) if size <= limit else None

    def list_directory(self, path: str, limit: int) -> list[str] | None:
        """List at most `limit` names of a directory, sorted; None when it is none or not to be had."""
        descriptor = self._open(path, _READ | os.O_DIRECTORY)
        if descriptor is None:
            return None
        try:
            with os.scandir(descriptor) as entries:
                return sorted(entry.name for entry in itertools.islice(entries, limit))
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def status(self, path: str) -> os.stat_result | None:
        """Give the status of what a path leads to; None when it leads nowhere."""
        handle = self._open(path, _LOOK)
        if handle is None:
            return None
        try:
            return os.fstat(handle)
        except OSError:
            return None
        finally:
            os.close(handle)

    def exists(self, path: str) -> bool:
        """Tell whether a path leads to anything."""
        return self.status(path) is not None

    def is_file(self, path: str) -> bool:
        """Tell whether a path leads to a regular file."""
        status = self.status(path)
        return status is not None and stat.S_ISREG(status.st_mode)

    def is_directory(self, path: str) -> bool:
        """Tell whether a path leads to a directory."""
        status = self.status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def resolve(self, path: str) -> str:
        """Give the canonical path within this root; a path that leads nowhere is only tidied."""
        tidy = posixpath.normpath("/" + path.lstrip("/"))
        handle = self._open(path, _LOOK)
        if handle is None:
            return tidy
        try:
            found = os.readlink(f"/proc/self/fd/{handle}")
            own = os.readlink(f"/proc/self/fd/{self.descriptor}").rstrip("/")
        except OSError:
            return tidy
        finally:
            os.close(handle)
        if not found.startswith("/"):  # no path: a magic link's end
            return tidy
        return found[len(own) :] or "/" if f"{found}/".startswith(f"{own}/") else found

    def _open(self, path: str, flags: int) -> int | None:
        if "\0" in path:
            return None
        try:
            return _open_in_root(self.descriptor, path, flags)
        except OSError as error:
            if error.errno == errno.ENOSYS:
                raise KernelError("the kernel has no openat2", "Linux 5.10 or later is needed") from None
            return None


def _mount_of(descriptor: int) -> int:
    """Give the number of the mount that a descriptor leads to, which nothing else has while it is open (proc(5))."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
        found = next((line.split()[1] for line in file if line.startswith("mnt_id:")), "0")
    return int(found)


def open_root(pid: int) -> TargetRoot:
    """Open the root directory of a process."""
    try:
        return _open_root(str(pid))
    except (FileNotFoundError, ProcessLookupError):
        raise TargetError(f"process {pid} ended") from None
    except OSError as error:
        raise TargetError(f"the root of process {pid} cannot be opened: {error.strerror}") from None


def open_own_root() -> TargetRoot:
    """Open our own root directory."""
    return _open_root("self")


def _open_root(process: str) -> TargetRoot:
    namespace = os.open(f"/proc/{process}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return TargetRoot(os.open(f"/proc/{process}/root", _LOOK | os.O_DIRECTORY), namespace)
    except BaseException:
        os.close(namespace)
        raise


def _open_in_root(root: int, path: str, flags: int) -> int:
    """Call openat2 (Linux 5.6), which Python does not wrap."""
    how = struct.pack("<QQQ", flags, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    descriptor = _LIBC.syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(root),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.c_char_p(how),
        ctypes.c_size_t(len(how)),
    )
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return int(descriptor)
