"""Network peers in policies, `host:port`, and in behaviours."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from pyxhon.policy.patterns import BadPatternError, PathPattern, parse_path, plain_path

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_HIGHEST_PORT = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "ws": 80, "wss": 443}
# What the socket module makes of these two (socket(7), "Socket families" of its documentation).
_NAMED_ADDRESSES = {"": "0.0.0.0", "<broadcast>": "255.255.255.255"}  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of an act: a host with a port, or a Unix socket."""

    host: str | None = None  # in lower case, without the dot at its end; None: a Unix socket
    address: IpAddress | None = None  # where the host is written as an address
    port: int | None = None  # None: not told, as when a name is looked up
    socket: str | None = None  # path of a Unix socket, or @name


@dataclass(frozen=True, slots=True)
class PeerPattern:
    """Hosts (a network, an address, a name with `*`) and ports, or the path of a Unix socket."""

    text: str
    network: IpNetwork | None = None
    name: str | None = None
    ports: tuple[int, int] = (0, _HIGHEST_PORT)
    socket: PathPattern | str | None = None

    def matches(self, peer: Peer) -> bool:
        """Tell whether the peer is meant; a port that is not told counts as any."""
        if peer.host is None or self.socket is not None:
            return self._matches_socket(peer)
        if peer.port is not None and not self.ports[0] <= peer.port <= self.ports[1]:
            return False
        return self._matches_host(peer)

    def _matches_host(self, peer: Peer) -> bool:
        if self.network is not None:
            return peer.address is not None and peer.address in self.network
        if peer.address is not None:
            # Only "*" is both: "1*" is a name, and must not match 10.0.0.1.
            return self.name == "*"
        return self.name is not None and peer.host is not None and fnmatchcase(peer.host, self.name)

    def _matches_socket(self, peer: Peer) -> bool:
        if peer.socket is None or self.socket is None:
            return False
        if isinstance(self.socket, str):
            return fnmatchcase(peer.socket, self.socket)
        path = plain_path(peer.socket, None)
        return path is not None and self.socket.matches(path)


def parse_peer(text: str) -> PeerPattern:
    """Read `host:port`, `[::1]:port`, `unix:/path` or `unix:@name`."""
    if text.startswith("unix:"):
        rest = text.removeprefix("unix:")
        return PeerPattern(text, socket=rest if rest.startswith("@") else parse_path(rest))
    host, separator, port = text.rpartition(":")
    if not separator:
        raise BadPatternError("a peer needs a port", f"write {text}:443, or {text}:* for any")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise BadPatternError("an IPv6 address is written in brackets", f"write [{host}]:{port}")
    ports = _parse_ports(port)
    network = _parse_network(host)
    if network is not None:
        return PeerPattern(text, network=network, ports=ports)
    if not re.fullmatch(r"[a-zA-Z0-9*?._-]+", host):
        raise BadPatternError("this is neither a host name, an address nor a network")
    if host != "*" and re.fullmatch(r"[0-9*?.]+", host):
        raise BadPatternError("addresses have no wildcards", "write a network as in 10.0.0.0/8:*")
    return PeerPattern(text, name=host.lower().rstrip("."), ports=ports)


def read_peer(value: object, port: object = None) -> Peer | None:
    """Read the peer of a behaviour: `[host, port, …]`, a host with its port, or text as behaviours show it.

    None when it cannot be told, for example for the address of a netlink socket.
    """
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) > 1:
        return read_peer(value[0], value[1]) if isinstance(value[1], int) else None
    if not isinstance(value, str):
        return None
    if isinstance(port, str) and port.isascii() and port.isdecimal():
        port = int(port[:6])
    if isinstance(port, int):
        return _make_peer(value, port)
    if value.startswith("unix:"):
        return Peer(socket=value.removeprefix("unix:"))
    host, separator, digits = value.rpartition(":")
    if not separator or not (digits.isascii() and digits.isdecimal()):
        return None
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return _make_peer(bare, int(digits)) if ":" not in host or bare != host else None


def read_host(value: object) -> Peer | None:
    """Read a name or address that is looked up; it has no port."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = value[0] if value else None
    return _make_peer(value, None) if isinstance(value, str) else None


def read_url(value: object) -> Peer | None:
    """Read the host and port that a URL leads to."""
    if not isinstance(value, str):
        return None
    try:
        url = urlsplit(value)
        port = url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme)
    except ValueError:
        return None
    return _make_peer(url.hostname, port) if url.hostname and port is not None else None


def _make_peer(host: str, port: int | None) -> Peer | None:
    host = _NAMED_ADDRESSES.get(host, host)
    if not host.isprintable() or any(letter.isspace() for letter in host):
        return None
    if port is not None and not 0 <= port <= _HIGHEST_PORT:
        return None
    return Peer(host.lower().rstrip("."), _read_address(host), port)


def _read_address(host: str) -> IpAddress | None:
    # Strict: "127.1" and "0x7f.1" are addresses to the C library, but no network pattern matches them.
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _parse_network(host: str) -> IpNetwork | None:
    try:
        return ipaddress.ip_network(host)
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError:
        if re.fullmatch(r"[0-9./]+", host) or "/" in host or ":" in host:
            raise BadPatternError("this is no address or network") from None
        return None
    raise BadPatternError("the address has bits beyond the network's", f"did you mean '{network}'?")


def _parse_ports(text: str) -> tuple[int, int]:
    if text == "*":
        return (0, _HIGHEST_PORT)
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    low = int(match[1]) if match else 0
    high = int(match[2] or match[1]) if match else -1
    if not low <= high <= _HIGHEST_PORT:
        raise BadPatternError("a port is a number up to 65535, a range as 8000-8999, or *")
    return (low, high)
