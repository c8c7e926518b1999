"""What an act touches: the paths, peers and DLLs that its arguments name."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyxhon.categories import SYSTEM_KINDS, CategoryTables, Resource
from pyxhon.policy.patterns import Dll, PlainPath, plain_path, read_dll
from pyxhon.policy.peers import Peer, read_host, read_peer, read_url

if TYPE_CHECKING:
    from pyxhon.join import Behaviour

_NO_DESCRIPTOR = (None, -1, "AT_FDCWD")
_MEMORY_DATABASES = (":memory:", "")
_FOLDERS = ("dirfd", "olddirfd", "newdirfd")  # of system calls: shown where what a path starts from is not known
# The text of a link starts from the folder of the link.
_LINKS = {"os.symlink": ("src", "dst"), "symlink": ("target", "linkpath"), "symlinkat": ("target", "linkpath")}
# Peers that say nothing: a Unix socket that is connected already, and what connect takes to dissolve a connection.
_NO_PEERS = ("unix:", "AF_UNSPEC")


@dataclass(frozen=True, slots=True)
class Touched:
    """One thing that an act touches, and the lists of a policy that speak of such things."""

    keys: tuple[str, ...]
    shown: str
    thing: PlainPath | Peer | Dll | None  # None: cannot be told, so that nothing matches it
    why: str = ""  # of None


def find_touched(behaviour: "Behaviour", tables: CategoryTables, directory: str | None) -> tuple[Touched, ...]:
    """Give all that an act touches; `directory` is the working directory where it is known."""
    arguments = behaviour.arguments
    if behaviour.kind == "audit":
        resources = tables.resources_of_event(behaviour.name)
        found = [item for resource in resources for item in _touch(resource, behaviour, directory)]
    elif behaviour.kind in SYSTEM_KINDS:
        entry = tables.find_system_call(behaviour.kind, behaviour.name)
        resources = entry.resources if entry else ()
        found = [item for resource in resources for item in _touch(resource, behaviour, directory)]
    elif behaviour.kind == "dll-load":
        found = list(_touch_dll(arguments.get("path"), directory))
    elif behaviour.kind == "import" and behaviour.category == "dll":
        found = list(_touch_extension(behaviour, tables, directory))
    else:
        found = []
    if behaviour.is_truncated:
        return tuple(Touched(item.keys, item.shown, None, "an argument was cut") for item in found)
    return tuple(found)


def accesses_of(mode: object, flags: object) -> tuple[str, ...]:
    """Tell read from write by the arguments of audit event `open`; both when they do not say."""
    if isinstance(mode, str) and mode and set(mode) <= set("rwxabtU+"):
        is_written = bool(set(mode) & set("wax+"))
        is_read = "r" in mode or "+" in mode or not is_written
        return ("files.read",) * is_read + ("files.write",) * is_written
    if isinstance(flags, int) and not isinstance(flags, bool):
        kind = flags & os.O_ACCMODE
        is_written = kind != os.O_RDONLY or bool(flags & (os.O_CREAT | os.O_TRUNC))
        return ("files.read",) * (kind != os.O_WRONLY) + ("files.write",) * is_written
    return ("files.read", "files.write")


def _touch(resource: Resource, behaviour: "Behaviour", directory: str | None) -> Iterator[Touched]:
    arguments = behaviour.arguments
    value = arguments.get(resource.argument)
    if value is None and behaviour.kind == "io_uring" and resource.kind == "address":
        value = arguments.get("peer")
    if resource.kind == "path":
        if resource.access == "by_mode":
            keys = accesses_of(arguments.get("mode"), arguments.get("flags"))
        else:
            keys = (f"files.{resource.access}",)
        yield from _touch_path(keys, resource.argument, behaviour, directory)
    elif resource.kind == "dll":
        yield from _touch_dll(value, directory)
    elif resource.kind == "url":
        yield _touch_peer(("network.connect",), value, read_url(value))
    elif resource.access == "lookup":
        if value not in (None, ""):  # nobody's name: the own address
            yield _touch_peer(("network.connect", "network.bind"), value, read_host(value))
    elif resource.kind == "address" and value is not None and value not in _NO_PEERS:  # None: to its peer
        port = arguments.get(resource.port_argument) if resource.port_argument else None
        yield _touch_peer((f"network.{resource.access}",), value, read_peer(value, port))


def _touch_path(
    keys: tuple[str, ...], argument: str, behaviour: "Behaviour", directory: str | None
) -> Iterator[Touched]:
    value = behaviour.arguments.get(argument, ...)
    if isinstance(value, int):
        return  # a descriptor: its file was judged when it was opened
    if behaviour.name == "sqlite3.connect":
        if value in _MEMORY_DATABASES:
            return
        if isinstance(value, str) and value.startswith("file:"):
            value = ...  # a URI, or a file of that name: the event does not say
    if value is ... and behaviour.kind in SYSTEM_KINDS and argument == "path":
        return  # left out: the call acts on a descriptor
    path = "." if value is None else value
    if isinstance(path, str):
        plain = plain_path(path, _find_base(argument, behaviour, directory))
        why = "the path is relative, and to what is not known"
    else:
        plain = None
        why = "the path cannot be told"
    shown = str(behaviour.arguments.get(argument))
    for key in keys:
        yield Touched((key,), shown, plain, "" if plain else why)


def _find_base(argument: str, behaviour: "Behaviour", directory: str | None) -> str | None:
    """Give the folder that a relative path starts from, where it is known."""
    arguments = behaviour.arguments
    bases = ("dir_fd", f"{argument}_dir_fd", "root_dir", *_FOLDERS)
    if any(arguments.get(name) not in _NO_DESCRIPTOR for name in bases if name != argument):
        return None
    text, place = _LINKS.get(behaviour.name.rpartition(":")[2], ("", ""))
    if argument == text:
        link = arguments.get(place)
        plain = plain_path(link, directory) if isinstance(link, str) else None
        return "/" + "/".join(plain.segments[:-1]) if plain else None
    return directory


def _touch_extension(behaviour: "Behaviour", tables: CategoryTables, directory: str | None) -> Iterator[Touched]:
    path = behaviour.arguments.get("filename", behaviour.arguments.get("path"))
    if path is not None:
        yield from _touch_dll(path, directory)
    elif not tables.is_standard_module(behaviour.module or ""):
        yield Touched(("dlls.load",), behaviour.module or "", None, "its file is not known")


def _touch_dll(value: object, directory: str | None) -> Iterator[Touched]:
    if value is None:
        return  # dlopen(NULL): the program itself
    if isinstance(value, str):
        yield Touched(("dlls.load",), value, read_dll(value, directory))
    else:
        yield Touched(("dlls.load",), str(value), None, "the path is not text")


def _touch_peer(keys: tuple[str, ...], value: object, peer: Peer | None) -> Touched:
    return Touched(keys, str(value), peer, "" if peer else "the address cannot be told")
