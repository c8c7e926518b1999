"""Peers that a package spoke with → the entries of its `network` lists."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pyxhon.learning import paths
from pyxhon.learning.globs import vary
from pyxhon.learning.paths import MANY, Varying, learn_paths
from pyxhon.policy.patterns import BadPatternError, plain_path
from pyxhon.policy.peers import Peer, parse_peer

# The kernel's own range for ports that nobody asked for (ip(7), ip_local_port_range).
_EPHEMERAL: Final = (32_768, 60_999)
_HIGHEST_PORT: Final = 65_535
_SHORTEST_PREFIX: Final = 8
_LABELS: Final = 2  # of a domain that is one owner's


@dataclass(slots=True)
class LearnedPeer:
    """An entry, the peers it was learned from, and why it is wider than they are."""

    text: str
    sources: set[Peer] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)


def learn_peers(
    peers: Iterable[Peer], looked_up: Iterable[tuple[Peer, int | None]], varying: Varying
) -> list[LearnedPeer]:
    """Give the entries for peers, and for names that were looked up with the port that was asked for.

    All must be such that can be listed.
    """
    found: dict[str, LearnedPeer] = {}
    ordered = sorted(set(peers), key=_order)
    for peer in (each for each in ordered if each.host is None):
        _add(found, _learn_socket(peer, varying))
    for host, ports in _by_host(ordered).items():
        for text, sources, reasons in _learn_ports(host, ports):
            _add(found, LearnedPeer(text, sources, reasons))
    _widen_hosts(found)
    known = [parse_peer(text) for text in found]
    for peer, port in sorted(looked_up, key=lambda each: (_order(each[0]), each[1] or 0)):
        if not any(pattern.matches(peer) for pattern in known):
            text = f"{_host_text(peer)}:{port or '*'}"
            _add(found, LearnedPeer(text, {peer}, {"looked up"}))
    return [learned for _, learned in sorted(found.items())]


def _add(found: dict[str, LearnedPeer], learned: LearnedPeer) -> None:
    known = found.setdefault(learned.text, learned)
    known.sources |= learned.sources
    known.reasons |= learned.reasons


def _order(peer: Peer) -> tuple[str, str, int]:
    return peer.socket or "", peer.host or "", -1 if peer.port is None else peer.port


def _learn_socket(peer: Peer, varying: Varying) -> LearnedPeer:
    socket = peer.socket or ""
    path = None if socket.startswith("@") else plain_path(socket, None)
    if path is not None:
        (learned,) = learn_paths([path], varying)
        return LearnedPeer(f"unix:{learned.text}", {peer}, learned.reasons)
    glob, reasons = vary(socket, varying.numbers, is_scratch=True)
    return LearnedPeer(f"unix:{glob}", {peer}, set(reasons))


def _by_host(peers: Iterable[Peer]) -> dict[str, list[Peer]]:
    hosts: dict[str, list[Peer]] = {}
    for peer in peers:
        if peer.host is not None:
            hosts.setdefault(_host_text(peer), []).append(peer)
    return hosts


def _host_text(peer: Peer) -> str:
    if peer.address is not None:
        return f"[{peer.address}]" if peer.address.version == 6 else str(peer.address)  # noqa: PLR2004 - IPv6
    return re.sub(r"[^a-zA-Z0-9._-]", "?", peer.host or "?")


def _learn_ports(host: str, peers: list[Peer]) -> Iterable[tuple[str, set[Peer], set[str]]]:
    """Give the entries for one host: ports that the kernel chose are a range, and so are many."""
    low, high = _EPHEMERAL
    chosen = {peer for peer in peers if peer.port is not None and peer.port >= low and _is_local(peer)}
    asked = [peer for peer in peers if peer not in chosen]
    if chosen:
        top = high if all((peer.port or 0) <= high for peer in chosen) else _HIGHEST_PORT
        yield f"{host}:{low}-{top}", chosen, {"port that the kernel chose"}
    ports = {peer.port for peer in asked}
    if len(ports) >= MANY and None not in ports:
        numbers = [port for port in ports if port is not None]
        yield f"{host}:{min(numbers)}-{max(numbers)}", set(asked), {f"{len(ports)} ports"}
    else:
        for peer in asked:
            yield f"{host}:{'*' if peer.port is None else peer.port}", {peer}, set()


def _is_local(peer: Peer) -> bool:
    address = peer.address
    if address is None:
        return peer.host == "localhost"
    return address.is_loopback or address.is_unspecified or address.is_private


def _widen_hosts(found: dict[str, LearnedPeer]) -> None:
    """Take together many addresses, or many names of one domain, with the same ports."""
    groups: dict[tuple[str, str], list[str]] = {}
    for text in found:
        host, _, ports = text.rpartition(":")
        if not text.startswith("unix:"):
            groups.setdefault((ports, _kind_of(host)), []).append(text)
    for (ports, kind), texts in groups.items():
        if len(texts) >= MANY and (wide := _common_host(kind, [text.rpartition(":")[0] for text in texts])):
            wider = LearnedPeer(f"{wide}:{ports}", set(), {f"{len(texts)} hosts"})
            for text in texts:
                learned = found.pop(text)
                wider.sources |= learned.sources
                wider.reasons |= learned.reasons
            _add(found, wider)


def _kind_of(host: str) -> str:
    """Give what hosts must share to be taken together: the version of their address, or their domain."""
    if host.startswith("["):
        return "v6"
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return f".{host.partition('.')[2]}"
    return "v4"


def _common_host(kind: str, hosts: list[str]) -> str | None:
    if kind.startswith("."):
        return f"*{kind}" if kind.count(".") >= _LABELS else None
    addresses = [ipaddress.ip_address(host.strip("[]")) for host in hosts]
    bits = addresses[0].max_prefixlen
    differing = 0
    for address in addresses:
        differing |= int(address) ^ int(addresses[0])
    prefix = bits - differing.bit_length()
    if prefix < _SHORTEST_PREFIX:
        prefix = 0
    network = (
        ipaddress.ip_network((int(addresses[0]) >> (bits - prefix) << (bits - prefix), prefix)) if prefix else None
    )
    text = str(network) if network else ("0.0.0.0/0" if kind == "v4" else "::/0")
    return f"[{text}]" if kind == "v6" else text


def can_be_listed(peer: Peer) -> bool:
    """Tell whether an entry can mean a peer: of `127.1`, an address to the C library alone, none can."""
    if peer.host is None:
        path = plain_path(peer.socket or "", None)
        return (peer.socket or "").startswith("@") or (path is not None and paths.can_be_listed(path))
    try:
        return parse_peer(f"{_host_text(peer)}:{'*' if peer.port is None else peer.port}").matches(peer)
    except BadPatternError:
        return False
