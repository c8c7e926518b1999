"""One system call as both sides tell it, so that they can be compared: strace's here, the trace's in trace_acts.py."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from elf_addresses import address_of
from strace_log import Call, Frame, read_descriptor, read_string

# The sensitive set, written down from the issue and not from PyXhon's own tables.
_SENSITIVE = """
open openat openat2 creat unlink unlinkat rmdir rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat
mknod mknodat chmod fchmod fchmodat chown fchown lchown fchownat truncate ftruncate mount umount2 chroot pivot_root
setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
socket connect bind listen accept accept4 sendto sendmsg sendmmsg
execve execveat fork vfork clone clone3 kill tkill tgkill ptrace prctl process_vm_readv process_vm_writev seccomp
setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups unshare setns pidfd_open
pidfd_send_signal pidfd_getfd
mmap mprotect pkey_mprotect memfd_create
bpf perf_event_open init_module finit_module delete_module kexec_load kexec_file_load keyctl add_key request_key
io_uring_setup io_uring_enter io_uring_register userfaultfd
"""
SOCKET_WRITES = ("write", "writev", "sendfile")  # sensitive on a socket only
SENSITIVE = (*_SENSITIVE.split(), *SOCKET_WRITES)
# Asked for besides: relative paths are made absolute by the former. The latter is what the C library calls in the
# function that then calls clone, whose stack libunwind cannot walk.
DIRECTORY_CHANGES = ("chdir", "fchdir")
BEFORE_CLONE = "rt_sigprocmask"
ASKED = (*SENSITIVE, *DIRECTORY_CHANGES, BEFORE_CLONE)
ACCEPTS = ("accept", "accept4")
CLONES = ("clone", "clone3")

_EXECUTABLE = ("mmap", "mprotect", "pkey_mprotect")
_PROTECTION_ARGUMENT = 2
_MAPPED_ARGUMENT = 4
# Where the paths are: for each the index of its directory's descriptor, or None, and its own.
_ONE_PATH = """
open creat unlink rmdir mkdir mknod chmod chown lchown truncate chroot execve umount2
setxattr lsetxattr removexattr lremovexattr
"""
_PLACES: tuple[tuple[str, tuple[tuple[int | None, int], ...]], ...] = (
    (_ONE_PATH, ((None, 0),)),
    ("openat openat2 unlinkat mkdirat mknodat fchmodat fchownat execveat", ((0, 1),)),
    ("rename link pivot_root mount", ((None, 0), (None, 1))),
    ("renameat renameat2 linkat", ((0, 1), (2, 3))),
    ("symlink", ((None, 1),)),
    ("symlinkat", ((1, 2),)),
)
_PATHS = {name: places for names, places in _PLACES for name in names.split()}
_ADDRESSES = {"connect": 1, "bind": 1, "sendto": 4, "sendmsg": 1}
SENDS = ("sendto", "sendmsg", "sendmmsg", *SOCKET_WRITES)
_SOCKET = re.compile(r"(?:socket|[A-Z][A-Za-z0-9]*(?:-[A-Z]+)?):\[")
_ENDS = re.compile(r"(?:TCP|UDP)\w*:\[.*?:(?P<port>\d+)(?:->(?P<peer>.*))?\]")


@dataclass(frozen=True)
class Act:
    """One system call: what it touches, what came of it, and its native stack from the inside out.

    `objects` are those of the stack without the C library's, `frames` all with the address in their ELF file.
    """

    pid: int
    tid: int
    time_ns: int
    name: str
    subject: str
    result: int | str | None
    objects: tuple[str, ...]
    responsible: str
    note: str = ""
    frames: tuple[tuple[str, int], ...] = ()

    @property
    def key(self) -> tuple[int, str, str]:
        """What acts are paired by; not the peer that is sent to: strace does not know that of every socket."""
        return self.tid, self.name, "" if self.name in SENDS else self.subject


NO_STACK = "strace printed no stack"
INTERPRETER, NOBODY = "(interpreter)", "(C library alone)"


@dataclass(frozen=True)
class Roles:
    """Which files are the interpreter and the C library, decided here by path."""

    interpreter: frozenset[str]
    loader_folder: str

    def of(self, path: str) -> str:
        """Give the object that a frame counts for: empty for the C library, INTERPRETER, or its path."""
        if path in self.interpreter:
            return INTERPRETER
        is_beside_loader = str(PurePath(path).parent) == self.loader_folder
        names = r"(libc|libpthread|libdl|librt|libm|libresolv|ld-linux-x86-64)[.-].*"
        if path == "[vdso]" or (is_beside_loader and re.fullmatch(names, PurePath(path).name)):
            return ""
        return path


def collapse(parts: Iterator[str]) -> tuple[str, ...]:
    """Give the objects in order, without those that repeat their neighbour and without the C library."""
    found: list[str] = []
    for part in parts:
        if part and (not found or found[-1] != part):
            found.append(part)
    return tuple(found)


def responsible_of(objects: tuple[str, ...]) -> str:
    """Give the innermost object that is neither interpreter nor C library; else what there is."""
    libraries = [one for one in objects if one != INTERPRETER]
    return libraries[0] if libraries else INTERPRETER if objects else NOBODY


def oracle_acts(calls: dict[int, list[Call]], first_pid: int, roles: Roles, directory: str) -> list[Act]:
    """Give the sensitive acts that strace saw, from the first successful execve of the first process on."""
    pids = {first_pid: first_pid}
    directories = {first_pid: directory}
    acts = []
    before: dict[int, Call] = {}
    has_begun = False
    in_order = sorted((call for thread in calls.values() for call in thread), key=lambda call: call.time_ns)
    accepting = _accepting_ports(in_order)
    for call in in_order:
        if not has_begun:
            has_begun = call.name == "execve" and call.result == 0
            continue
        pid = pids.setdefault(call.tid, call.tid)
        _note_child(call, pids, directories)
        working = directories.setdefault(pid, directory)
        if call.name in DIRECTORY_CHANGES and call.result == 0:
            directories[pid] = _changed(call, working)
        elif is_sensitive(call):
            objects, note = _objects(call, before.get(call.tid), roles)
            seen = (pid, call.tid, call.time_ns, call.name, _subject(call, working, accepting), call.result)
            acts.append(Act(*seen, objects, responsible_of(objects), note, _addresses(call)))
        before[call.tid] = call
    return acts


def _objects(call: Call, before: Call | None, roles: Roles) -> tuple[tuple[str, ...], str]:
    """Give the objects of a call, of a clone those of the call before it in the same function, and a remark."""
    objects = collapse(roles.of(frame.path) for frame in _frames(call))
    if call.name in CLONES and not objects and before is not None and before.name == BEFORE_CLONE:
        return collapse(roles.of(frame.path) for frame in _frames(before)), "by the call before"
    return objects, "" if call.frames else NO_STACK


def _frames(call: Call) -> list[Frame]:
    return [frame for frame in call.frames if frame.offset or frame.path.startswith("/")]


def _addresses(call: Call) -> tuple[tuple[str, int], ...]:
    return tuple((frame.path, address_of(frame.path, frame.offset)) for frame in _frames(call))


def _note_child(call: Call, pids: dict[int, int], directories: dict[int, str]) -> None:
    if call.name not in ("clone", "clone3", "fork", "vfork") or not isinstance(call.result, int) or call.result <= 0:
        return
    is_thread = any("CLONE_THREAD" in argument for argument in call.arguments)
    parent = pids[call.tid]
    pids[call.result] = parent if is_thread else call.result
    if not is_thread and parent in directories:
        directories[call.result] = directories[parent]


def _changed(call: Call, working: str) -> str:
    target = read_descriptor(call.arguments[0]) or read_string(call.arguments[0]) or ""
    return _join(working, target)


def is_sensitive(call: Call) -> bool:
    """Tell whether it belongs to the set: memory only where it becomes executable, writes only on sockets."""
    if call.name in _EXECUTABLE:
        return len(call.arguments) > _PROTECTION_ARGUMENT and "PROT_EXEC" in call.arguments[_PROTECTION_ARGUMENT]
    if call.name in SOCKET_WRITES:
        return bool(call.arguments) and bool(_SOCKET.match(read_descriptor(call.arguments[0]) or ""))
    return call.name in SENSITIVE


def _subject(call: Call, working: str, accepting: frozenset[str]) -> str:
    arguments = call.arguments
    if call.name in _PATHS:
        places = [(d, p) for d, p in _PATHS[call.name] if p < len(arguments)]
        return " ".join(_absolute(arguments, place, working) for place in places)
    if call.name == "mmap":
        mapped = read_descriptor(arguments[_MAPPED_ARGUMENT]) or ""
        return mapped if mapped.startswith("/") else ""
    index = _ADDRESSES.get(call.name)
    told = read_address(arguments[index]) if index is not None and index < len(arguments) else ""
    if told or call.name not in SENDS or not arguments:
        return told
    ends = _ENDS.fullmatch(read_descriptor(arguments[0]) or "")
    return ends["peer"] or "" if ends and ends["port"] not in accepting else ""


def _accepting_ports(calls: Iterable[Call]) -> frozenset[str]:
    """Give the ports that connections are accepted at: PyXhon tells no peers there, they are clients without number."""
    sockets = [read_descriptor(call.arguments[0]) or "" for call in calls if call.name in ACCEPTS and call.arguments]
    return frozenset(ends["port"] for ends in map(_ENDS.fullmatch, sockets) if ends)


def _absolute(arguments: list[str], place: tuple[int | None, int], working: str) -> str:
    directory, index = place
    path = read_string(arguments[index])
    if path is None:
        return ""
    if directory is not None:
        working = read_descriptor(arguments[directory]) or working
    return _join(working, path) if path else path


def _join(folder: str, path: str) -> str:
    """Make a path absolute as PyXhon does: repeated slashes and single dots go, for they mean nothing."""
    absolute = path if path.startswith("/") else f"{folder}/{path}"
    return "/" + "/".join(part for part in absolute.split("/") if part not in ("", "."))


_INET = re.compile(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)')
_INET6 = re.compile(r'sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"')
_UNIX = re.compile(r'sun_path=(@?"(?:[^"\\]|\\.)*")')
_NETLINK = re.compile(r"nl_pid=(-?\d+), nl_groups=(?:0x)?([0-9a-f]+)")


def read_address(argument: str) -> str:
    """Give a socket address as PyXhon writes it; empty where there is none."""
    if found := _INET.search(argument):
        return f"{found[2]}:{found[1]}"
    if found := _INET6.search(argument):
        return f"[{found[2]}]:{found[1]}"
    if found := _UNIX.search(argument):
        path = read_string(found[1]) or ""
        if path.startswith("\0"):
            return "unix:@" + path[1:]
        return f"unix:{path}" if path.startswith("/") else f"unix:./{path}"
    if found := _NETLINK.search(argument):
        return f"netlink:{found[1]}/{int(found[2], 16)}"
    return "unspecified" if "AF_UNSPEC" in argument else ""
