"""One process as /proc tells it: mappings, memory, identity; everything bounded.

A process may end at any moment: functions that must have an answer raise TargetError, the others say None.
"""

import ctypes
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyxhon.errors import TargetError

MAX_READ_BYTES = 1 << 24
_MAX_MAPS_BYTES = 1 << 26
_MAX_STATUS_BYTES = 1 << 16
_MAX_ARGUMENT_BYTES = 1 << 16
_MAX_THREADS = 1 << 16
_PAGE_BYTES = 4096
_MAX_KEPT_PAGES = 1 << 14
_LARGEST_KEPT_BYTES = 1 << 16
_DELETED = " (deleted)"
_OCTAL = re.compile(rb"\\([0-7]{3})")
_LIBC = ctypes.CDLL(None, use_errno=True)


class _IoVector(ctypes.Structure):
    """The kernel's struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


@dataclass(frozen=True, slots=True)
class Mapping:
    """An address range of a process; `path` is None for memory that no file backs."""

    start: int
    end: int
    permissions: str
    offset: int
    device: tuple[int, int]
    inode: int
    path: str | None
    is_deleted: bool = False

    @property
    def is_executable(self) -> bool:
        """The range may be executed."""
        return "x" in self.permissions


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """What /proc/PID/status says; `namespace_pids` runs from our namespace to the innermost one."""

    pid: int
    parent_pid: int
    namespace_pids: tuple[int, ...]
    thread_ids: tuple[int, ...]
    state: str
    uid: int
    name: str


def read_proc(pid: int, name: str, limit: int) -> bytes:
    """Read at most `limit` bytes of /proc/PID/name; TargetError when the process is gone or shut to us."""
    path = f"/proc/{pid}/{name}"
    try:
        with open(path, "rb", buffering=0) as file:
            return b"".join(_read_pieces(file.fileno(), limit))
    except (FileNotFoundError, ProcessLookupError):
        raise TargetError(f"process {pid} ended") from None
    except PermissionError:
        raise shut(pid, path) from None
    except OSError as error:
        raise TargetError(f"process {pid} may not be read ({path}: {error.strerror})") from None


def shut(pid: int, path: str) -> TargetError:
    """Say that a process may not be read, and what to do about it; path is what was tried."""
    remedy = (
        "run as root" if os.geteuid() else "root lacks CAP_SYS_PTRACE here: in a container add --cap-add SYS_PTRACE"
    )
    return TargetError(f"process {pid} may not be read ({path}: permission denied)", remedy)


def _read_pieces(descriptor: int, limit: int) -> Iterator[bytes]:
    while limit > 0 and (piece := os.read(descriptor, min(limit, 1 << 16))):
        limit -= len(piece)
        yield piece


def read_mappings(pid: int) -> list[Mapping]:
    """List the address ranges of a process, paths as it sees them.

    A process without memory is a zombie (it ended) or a kernel thread.
    """
    lines = read_proc(pid, "maps", _MAX_MAPS_BYTES).split(b"\n")
    root = read_root_path(pid)
    mappings = [mapping for line in lines if (mapping := parse_mapping(line, root)) is not None]
    if not mappings and is_ended(pid):
        raise TargetError(f"process {pid} ended")
    return mappings


def parse_mapping(line: bytes, root: str = "/") -> Mapping | None:
    """Parse one line of /proc/PID/maps of a process with that root; None for a line cut short."""
    fields = line.split(None, 5)
    if len(fields) < 5:  # noqa: PLR2004 all fields but the path
        return None
    try:
        start, _, end = fields[0].partition(b"-")
        major, _, minor = fields[3].partition(b":")
        path = decode_path(fields[5]) if len(fields) > 5 else None  # noqa: PLR2004
        is_deleted = path is not None and path.endswith(_DELETED)
        if path is not None:
            path = path_within(root, path.removesuffix(_DELETED))
        return Mapping(
            start=int(start, 16),
            end=int(end, 16),
            permissions=fields[1].decode("ascii"),
            offset=int(fields[2], 16),
            device=(int(major, 16), int(minor, 16)),
            inode=int(fields[4]),
            path=path,
            is_deleted=is_deleted,
        )
    except ValueError:
        return None


def decode_path(text: bytes) -> str:
    r"""Undo the kernel's octal escapes (`\012`), which seq_path writes for white space and backslash."""
    return os.fsdecode(_OCTAL.sub(lambda found: bytes((int(found[1], 8) & 0xFF,)), text))


def read_memory(pid: int, address: int, size: int) -> bytes | None:
    """Read memory of a process; None unless all of it can be read."""
    if not 0 < size <= MAX_READ_BYTES or not 0 <= address < 1 << 63:
        return None
    buffer = ctypes.create_string_buffer(size)
    local = _IoVector(ctypes.cast(buffer, ctypes.c_void_p), size)
    remote = _IoVector(ctypes.c_void_p(address), size)
    got = _LIBC.process_vm_readv(ctypes.c_int(pid), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    return buffer.raw if got == size else None


def page_reader(pid: int) -> Callable[[int, int], bytes | None]:
    """Give a reader like `read_memory` that asks for each page once: for many small reads at one moment."""
    pages: dict[int, bytes | None] = {}

    def read_page(number: int) -> bytes | None:
        if number not in pages:
            if len(pages) >= _MAX_KEPT_PAGES:
                pages.clear()
            pages[number] = read_memory(pid, number * _PAGE_BYTES, _PAGE_BYTES)
        return pages[number]

    def read(address: int, size: int) -> bytes | None:
        first, start = divmod(address, _PAGE_BYTES)
        if start + size > _LARGEST_KEPT_BYTES or size <= 0:
            return read_memory(pid, address, size)
        content = b""
        for number in range(first, (address + size - 1) // _PAGE_BYTES + 1):
            page = read_page(number)
            if page is None:
                return None
            content += page
        return content[start : start + size]

    return read


def read_status(pid: int) -> ProcessStatus:
    """Read the identity of a process."""
    fields = _status_fields(pid)
    try:
        return ProcessStatus(
            pid=int(fields["Tgid"]),
            parent_pid=int(fields["PPid"]),
            namespace_pids=tuple(int(word) for word in fields.get("NStgid", fields["Tgid"]).split()),
            thread_ids=read_thread_ids(pid),
            state=fields["State"][:1],
            uid=int(fields["Uid"].split()[0]),
            name=fields.get("Name", ""),
        )
    except (KeyError, ValueError, IndexError):
        raise TargetError(f"process {pid} ended") from None


def _status_fields(pid: int) -> dict[str, str]:
    text = read_proc(pid, "status", _MAX_STATUS_BYTES).decode("utf-8", "replace")
    pairs = (line.partition(":") for line in text.split("\n"))
    return {name: value.strip() for name, _, value in pairs}


def read_thread_ids(pid: int) -> tuple[int, ...]:
    """List the thread ids of a process, sorted; empty when it ended."""
    try:
        names = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return ()
    return tuple(sorted(int(name) for name in names[:_MAX_THREADS] if name.isdigit()))


def is_ended(pid: int) -> bool:
    """Tell whether a process is gone or a zombie."""
    try:
        return _status_fields(pid).get("State", "Z")[:1] in ("Z", "X")
    except TargetError:
        return True


def read_arguments(pid: int) -> list[str]:
    """Read the command line, cut at 64 KiB; empty for a kernel thread or an ended process."""
    try:
        text = read_proc(pid, "cmdline", _MAX_ARGUMENT_BYTES)
    except TargetError:
        return []
    return [os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")] if text else []


def read_environment(pid: int, limit: int = 1 << 20) -> dict[str, str]:
    """Read the environment a process was started with; empty when it cannot be read."""
    try:
        text = read_proc(pid, "environ", limit)
    except TargetError:
        return {}
    pairs = (os.fsdecode(word).partition("=") for word in text.split(b"\0"))
    return {name: value for name, mark, value in pairs if mark}


def read_executable(pid: int) -> str | None:
    """Give the path of the executable as the process sees it; None for a kernel thread or when gone."""
    path = _read_link(f"/proc/{pid}/exe")
    return None if path is None else path_within(read_root_path(pid), path)


def open_executable(pid: int) -> int:
    """Give a descriptor (O_PATH) of the file that a process runs. Raises TargetError when there is none."""
    try:
        return os.open(f"/proc/{pid}/exe", os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        message = f"the program of process {pid} cannot be opened: {error.strerror}"
        raise TargetError(message) from None


def read_working_directory(pid: int) -> str | None:
    """Give the working directory as the process sees it."""
    path = _read_link(f"/proc/{pid}/cwd")
    return None if path is None else path_within(read_root_path(pid), path)


def read_root_path(pid: int) -> str:
    """Give the root of a process as a path here: "/" unless it runs chrooted (containers show "/" too)."""
    return _read_link(f"/proc/{pid}/root") or "/"


def path_within(root: str, path: str) -> str:
    """Cut a chroot's folder off a path that the kernel gave us: it names files from our own root."""
    return path[len(root) :] if root != "/" and path.startswith(f"{root}/") else path


def _read_link(path: str) -> str | None:
    try:
        return os.readlink(path).removesuffix(_DELETED)
    except OSError:
        return None


def read_start_time(pid: int) -> int | None:
    """Give the start of a process in clock ticks since boot: with the pid, its identity."""
    try:
        text = read_proc(pid, "stat", _MAX_STATUS_BYTES)
        return int(text[text.rindex(b")") + 1 :].split()[19])
    except (TargetError, ValueError, IndexError):
        return None


def list_processes() -> list[int]:
    """List the pids of all processes that our namespace shows."""
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def find_process(number: int) -> int:
    """Give the host pid for a host pid or, if there is none such, for a pid inside one container."""
    if number <= 0:
        raise TargetError(f"{number} is not a process id")
    if os.path.exists(f"/proc/{number}/stat"):
        return _leader_of(number)
    inner = [pid for pid in list_processes() if _innermost_pid(pid) == number]
    if len(inner) == 1:
        return inner[0]
    if not inner:
        raise TargetError(f"there is no process {number}", "see `ps -e` for process ids")
    candidates = ", ".join(f"{pid} ({read_executable(pid) or '?'})" for pid in inner[:8])
    raise TargetError(
        f"{number} is the id of {len(inner)} processes, each in its own namespace",
        f"give the id on this host, one of: {candidates}",
    )


def _leader_of(number: int) -> int:
    """Give the process of a thread id: /proc/TID exists too, though it is not listed."""
    try:
        return int(_status_fields(number)["Tgid"])
    except (KeyError, ValueError):
        raise TargetError(f"process {number} ended") from None


def _innermost_pid(pid: int) -> int | None:
    try:
        numbers = _status_fields(pid).get("NStgid", "").split()
        return int(numbers[-1]) if len(numbers) > 1 else None
    except (TargetError, ValueError):
        return None
