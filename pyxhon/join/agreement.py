"""Whether an audit event and a system call speak of the same path or peer."""

import ipaddress
import posixpath
from typing import Literal

Kind = Literal["path", "address"]
_ANY_HOST = {"": "0.0.0.0", "<broadcast>": "255.255.255.255"}  # noqa: S104 - what CPython's setipaddr takes them for
_CUT_CHARACTERS = 64


def key_of(kind: Kind, value: object) -> str | None:
    """Give what equal paths or peers have in common, to look them up by; None: cannot be told."""
    if not isinstance(value, str) or value.startswith("<"):
        return None
    if kind == "address" and not value.startswith("unix:"):
        port = value.rpartition(":")[2]
        return ":" + port if port.isdigit() else None
    tail = posixpath.basename(value.removeprefix("unix:" if kind == "address" else "").rstrip("/"))
    return None if tail in {"", ".", ".."} else tail


def agree(kind: Kind, told: object, done: object, *, is_cut: bool = False) -> bool:
    """Tell whether both may be the same; what cannot be read contradicts nothing.

    `told` is the audit event's argument, `done` the system call's. `is_cut`: one of them may be only the beginning.
    """
    if key_of(kind, told) is None or key_of(kind, done) is None:
        return True
    first, second = str(told), str(done)
    if is_cut:
        return first.startswith(second) or second.startswith(first) or first[:_CUT_CHARACTERS] in second
    if kind == "path":
        return _is_same_path(first, second)
    if first.startswith("unix:") and second.startswith("unix:"):
        return _is_same_path(first.removeprefix("unix:"), second.removeprefix("unix:"))
    return not first.startswith("unix:") and not second.startswith("unix:") and _is_same_peer(first, second)


def _is_same_peer(told: str, done: str) -> bool:
    told_host, _, told_port = told.rpartition(":")
    done_host, _, done_port = done.rpartition(":")
    if told_port != done_port:
        return False
    first, second = _read_host(told_host), _read_host(done_host)
    return first is None or second is None or first == second


def _read_host(text: str) -> object:
    """Give a numeric address; None for a name, which CPython looks up itself."""
    plain = text.strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(_ANY_HOST.get(plain, plain))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_same_path(told: str, done: str) -> bool:
    """Compare whole paths, or ends where one of them is relative to what is not known here."""
    first, second = _plain(told), _plain(done)
    if first.startswith("/") and second.startswith("/"):
        return first == second
    return f"/{first}".endswith("/" + second.lstrip("/")) or f"/{second}".endswith("/" + first.lstrip("/"))


def _plain(path: str) -> str:
    """Give a path without empty parts; of a relative one that climbs, only what follows."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/"):
        return "/" + "/".join(parts)
    if ".." in parts:
        parts = parts[len(parts) - parts[::-1].index("..") :]
    return "/".join(parts)
