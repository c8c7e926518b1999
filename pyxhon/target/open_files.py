"""The open files and sockets of a process, from /proc/PID/fd and /proc/PID/net."""

import contextlib
import ipaddress
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.errors import TargetError
from pyxhon.target.process import path_within, read_proc, read_root_path

_MAX_FILES = 1 << 16
_MAX_TABLE_BYTES = 1 << 25
_NUMBERED = re.compile(r"(socket|pipe):\[(\d+)\]")
_ADDRESS = re.compile(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")
# The kernel's enum in include/net/tcp_states.h, as /proc/net/tcp prints it; UDP uses 7 for "not connected".
_TCP_STATES = {
    1: "established",
    2: "connecting",
    3: "connecting",
    10: "listening",
}
_UNIX_KINDS = {1: "stream", 2: "datagram", 5: "packets"}
_DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One descriptor: `kind` is file, directory, device, fifo, socket, pipe, memfd or anon."""

    fd: int
    kind: str
    description: str
    path: str | None = None
    peer: str | None = None


@dataclass(frozen=True, slots=True)
class _Socket:
    """What the kernel's tables say of one socket."""

    description: str
    path: str | None
    peer: str | None


def list_open_files(pid: int) -> list[OpenFile]:
    """List what a process has open; TargetError when it ended or may not be read."""
    try:
        numbers = sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd") if name.isdigit())
    except (FileNotFoundError, ProcessLookupError):
        raise TargetError(f"process {pid} ended") from None
    except OSError as error:
        raise TargetError(f"the open files of process {pid} cannot be read: {error.strerror}") from None
    root = read_root_path(pid)
    links: dict[int, str] = {}
    for number in numbers[:_MAX_FILES]:
        with contextlib.suppress(OSError):  # closed since
            links[number] = os.readlink(f"/proc/{pid}/fd/{number}")
    wanted = {int(match[2]) for text in links.values() if (match := _NUMBERED.fullmatch(text)) and match[1] == "socket"}
    sockets = dict(_read_sockets(pid, wanted)) if wanted else {}
    found = []
    for number, text in links.items():
        numbered = _NUMBERED.fullmatch(text)
        if numbered and numbered[1] == "socket":
            found.append(_describe_socket(number, text, sockets.get(int(numbered[2]))))
        elif numbered:
            found.append(OpenFile(number, "pipe", text))
        else:
            found.append(_describe_file(number, text, root, f"/proc/{pid}/fd/{number}"))
    return found


def _describe_socket(number: int, text: str, socket: _Socket | None) -> OpenFile:
    if socket is None:
        return OpenFile(number, "socket", text)
    return OpenFile(number, "socket", socket.description, socket.path, socket.peer)


def _describe_file(number: int, text: str, root: str, link: str) -> OpenFile:
    if text.startswith("anon_inode:"):
        return OpenFile(number, "anon", text)
    if text.startswith("/memfd:"):
        return OpenFile(number, "memfd", text.removesuffix(_DELETED).removeprefix("/"))
    if not text.startswith("/"):
        return OpenFile(number, "anon", text)
    path = path_within(root, text.removesuffix(_DELETED))
    kind = _kind_of(link)
    deleted = " (deleted)" if text.endswith(_DELETED) else ""
    return OpenFile(number, kind, f"{path}{deleted}", path)


def _kind_of(link: str) -> str:
    try:
        mode = os.stat(link).st_mode
    except OSError:
        return "file"
    kinds = {
        stat.S_IFDIR: "directory",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
        stat.S_IFIFO: "fifo",
    }
    return kinds.get(stat.S_IFMT(mode), "file")


def _read_sockets(pid: int, wanted: set[int]) -> Iterator[tuple[int, _Socket]]:
    """Give inode and description of the sockets wanted, in the network namespace of a process."""
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in _read_table(pid, protocol):
            fields = line.split()
            parsed = _parse_internet(fields, protocol.removesuffix("6")) if _is_wanted(fields, 9, wanted) else None
            if parsed is not None:
                yield parsed
    for line in _read_table(pid, "unix"):
        fields = line.split(None, 7)
        named = _parse_unix(fields) if _is_wanted(fields, 6, wanted) else None
        if named is not None:
            yield named


def _is_wanted(fields: list[str], place: int, wanted: set[int]) -> bool:
    """Tell whether a line is of a socket wanted: a busy host has tens of thousands, most of nobody any more."""
    return len(fields) > place and fields[place].isdigit() and int(fields[place]) in wanted


def _read_table(pid: int, name: str) -> list[str]:
    try:
        text = read_proc(pid, f"net/{name}", _MAX_TABLE_BYTES)
    except TargetError:  # ended, or a kernel without this protocol
        return []
    return os.fsdecode(text).split("\n")[1:]


def _parse_internet(fields: list[str], protocol: str) -> tuple[int, _Socket] | None:
    """Parse a line of /proc/net/tcp or udp (get_tcp4_sock and its kin in the kernel)."""
    if len(fields) < 10:  # noqa: PLR2004 up to the inode
        return None
    local, remote = decode_address(fields[1]), decode_address(fields[2])
    if local is None or remote is None:
        return None
    try:
        state, inode = int(fields[3], 16), int(fields[9])
    except ValueError:
        return None
    is_connected = not remote.endswith(":0")
    words = [protocol, local]
    if is_connected:
        words += ["->", remote]
    if protocol == "tcp":
        words.append(_TCP_STATES.get(state, "closing" if is_connected else "unconnected"))
    return inode, _Socket(" ".join(words), None, remote if is_connected else None)


def _parse_unix(fields: list[str]) -> tuple[int, _Socket] | None:
    """Parse a line of /proc/net/unix (unix_seq_show in the kernel)."""
    if len(fields) < 7:  # noqa: PLR2004 up to the inode; the path is optional
        return None
    try:
        kind, inode = int(fields[4], 16), int(fields[6])
    except ValueError:
        return None
    path = fields[7] if len(fields) > 7 else None  # noqa: PLR2004
    words = ["unix", _UNIX_KINDS.get(kind, "socket"), *([path] if path else [])]
    return inode, _Socket(" ".join(words), path, None)


def decode_address(text: str) -> str | None:
    """Decode the kernel's "0100007F:0050" into "127.0.0.1:80"; an IPv4 address inside IPv6 is shown as IPv4."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    raw = bytes.fromhex(found[1])
    words = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(words)
    port = int(found[2], 16)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return f"[{address}]:{port}"
        address = address.ipv4_mapped
    return f"{address}:{port}"
