"""A `struct sockaddr` as text: `127.0.0.1:80`, `[::1]:80`, `unix:/run/x`, `unix:@name`, `netlink:PID/GROUPS`.

The bytes are the target's: any give a text, and none the text of another kind of address.
"""

import socket
import struct
from collections.abc import Callable, Mapping

from pyxhon.target.system_calls.constants import show_one

_FAMILY_BYTES = 2
_SHOWN_BYTES = 32
_IPV4_BYTES = 8  # the kernel asks for 16, but looks no further
_IPV6_BYTES = 24  # SIN6_LEN_RFC2133: without the scope
_IPV6_SCOPED_BYTES = 28


def show_address(data: bytes) -> str:
    """Give an address as people write it; one that cannot be read as its family says is shown in hexadecimal."""
    if len(data) < _FAMILY_BYTES:
        return f"unreadable/{data.hex()}"
    (family,) = struct.unpack_from("=H", data)
    show = _FAMILIES.get(family)
    try:
        shown = show(data) if show else None
    except struct.error:
        shown = None
    return shown or f"{_name_family(family)}/{data[_FAMILY_BYTES:][:_SHOWN_BYTES].hex()}"


def _name_family(family: int) -> str:
    name = show_one("family", family)
    return name if isinstance(name, str) else f"family_{family}"


def _show_ipv4(data: bytes) -> str | None:
    if len(data) < _IPV4_BYTES:
        return None
    (port,) = struct.unpack_from("!H", data, 2)
    return f"{socket.inet_ntop(socket.AF_INET, data[4:8])}:{port}"


def _show_ipv6(data: bytes) -> str | None:
    if len(data) < _IPV6_BYTES:
        return None
    (port,) = struct.unpack_from("!H", data, 2)
    scope = struct.unpack_from("=I", data, 24)[0] if len(data) >= _IPV6_SCOPED_BYTES else 0
    host = socket.inet_ntop(socket.AF_INET6, data[8:24])
    return f"[{host}%{scope}]:{port}" if scope else f"[{host}]:{port}"


def _show_unix(data: bytes) -> str:
    """Show a name in the file system, in the abstract space, where every byte counts, or none (unix(7))."""
    name = data[_FAMILY_BYTES:]
    if not name:
        return "unix:"
    if name[0] == 0:
        return "unix:@" + _escape_name(name[1:])
    path = name.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    # A relative path is marked so: "@name" would be one in the abstract space.
    return f"unix:{path}" if path.startswith("/") else f"unix:./{path}"


def _escape_name(name: bytes) -> str:
    """Escape what text does not hold, and the escapes themselves, so that two names never look the same."""
    return name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def _show_netlink(data: bytes) -> str:
    port, groups = struct.unpack_from("=II", data, 4)
    return f"netlink:{port}/{groups:x}"


def _show_packet(data: bytes) -> str:
    (protocol,) = struct.unpack_from("!H", data, 2)
    (interface,) = struct.unpack_from("=i", data, 4)
    return f"packet:if{interface}/{protocol:#06x}"


def _show_vsock(data: bytes) -> str:
    port, context = struct.unpack_from("=II", data, 4)
    return f"vsock:{context}/{port}"


def _show_alg(data: bytes) -> str:
    kind = data[2:16].partition(b"\0")[0]
    name = data[24:88].partition(b"\0")[0]
    return f"alg:{kind.decode('ascii', 'backslashreplace')}/{name.decode('ascii', 'backslashreplace')}"


def _show_unspecified(data: bytes) -> str:
    """Show what connect takes to dissolve a connection, but UDP's sendto as an IPv4 address (net/ipv4/udp.c)."""
    return f"AF_UNSPEC:{_show_ipv4(data)}" if any(data[_FAMILY_BYTES:_IPV4_BYTES]) else "AF_UNSPEC"


_FAMILIES: Mapping[int, Callable[[bytes], str | None]] = {
    socket.AF_UNSPEC: _show_unspecified,
    socket.AF_UNIX: _show_unix,
    socket.AF_INET: _show_ipv4,
    socket.AF_INET6: _show_ipv6,
    socket.AF_NETLINK: _show_netlink,
    socket.AF_PACKET: _show_packet,
    socket.AF_VSOCK: _show_vsock,
    socket.AF_ALG: _show_alg,
}
