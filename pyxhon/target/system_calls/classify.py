"""What a decoded call is: which kind of event, and whether it is an act at all."""

import os
import posixpath
import re
from collections.abc import Callable, Mapping

from pyxhon.target.system_calls.constants import load_constants, show_one
from pyxhon.target.system_calls.declarations import EventKind, find_call
from pyxhon.target.system_calls.numbers import bare_name

_OPENING = ("open", "openat", "openat2", "creat")
# Memory of processes, and the switches of the kernel's own tracing.
_PROBED_MEMORY = re.compile(r"/proc/[^/]+(?:/task/[^/]+)?/mem")
_TRACING = re.compile(r"/sys/kernel/(?:debug/)?tracing(?:/.*)?")
_HIDING_OPTIONS = ("PR_SET_DUMPABLE", "PR_SET_SECCOMP", "PR_SET_MM")
_DUMPABLE = 1  # SUID_DUMP_USER: as it is without the call
_IDLE_OPTIONS = re.compile(r"PR_(?:GET_.*|SET_NAME|SET_VMA|SET_TIMERSLACK|CAPBSET_READ|MCE_KILL.*|SET_THP_DISABLE)")
_EXECUTABLE = 4  # PROT_EXEC
_SOCKET_CALLS = (
    "socket", "bind", "connect", "listen", "accept", "accept4", "socketpair", "send", "sendto", "sendmsg", "sendmmsg",
)  # fmt: skip


def event_kind(name: str, arguments: Mapping[str, object]) -> EventKind:
    """Give the kind of event: `tamper` where the call could disturb tracing or what it tells."""
    call, bare = find_call(name), bare_name(name)
    if bare == "prctl" and arguments.get("option") in _HIDING_OPTIONS:
        is_usual = arguments["option"] == "PR_SET_DUMPABLE" and arguments.get("arg2") == _DUMPABLE
        return "syscall" if is_usual else "tamper"
    if bare in _OPENING and _is_tampering_path(bare, arguments):
        return "tamper"
    return call.kind if call else "syscall"


def is_act(name: str, arguments: Mapping[str, object]) -> bool:
    """Tell whether a call counts as a behaviour; others are events because they explain later acts, or by accident."""
    test = _ACT_TESTS.get(name) or _ACT_TESTS.get(bare_name(name))
    return test is None or test(arguments)


def io_uring_operation(number: int) -> str:
    """Name an operation of io_uring in lower case: `openat`, `send_zc`, `operation_99`."""
    name = show_one("io_uring", number)
    return name.removeprefix("IORING_OP_").lower() if isinstance(name, str) else f"operation_{number}"


def operation_names() -> tuple[str, ...]:
    """Give the names of all operations of io_uring."""
    return tuple(map(io_uring_operation, load_constants()["io_uring"].names))


def _is_tampering_path(name: str, arguments: Mapping[str, object]) -> bool:
    path = arguments.get("path")
    if not isinstance(path, str):
        return False
    plain = posixpath.normpath(path)
    if _TRACING.fullmatch(plain):
        return True
    flags = arguments.get("flags", 0)
    is_written = name == "creat" or not isinstance(flags, int) or flags & os.O_ACCMODE != os.O_RDONLY
    return is_written and _PROBED_MEMORY.fullmatch(plain) is not None


def _makes_process(arguments: Mapping[str, object]) -> bool:
    return "CLONE_THREAD" not in str(arguments.get("flags", "")).split("|")


def _is_executable_mapping(arguments: Mapping[str, object]) -> bool:
    match arguments.get("args"):
        case [_, _, int(protection), *_]:
            return bool(protection & _EXECUTABLE)
    return True


_ACT_TESTS: Mapping[str, Callable[[Mapping[str, object]], bool]] = {
    "clone": _makes_process,
    "clone3": _makes_process,
    "prctl": lambda arguments: not _IDLE_OPTIONS.fullmatch(str(arguments.get("option"))),
    "splice": lambda arguments: "addr" in arguments,  # else nothing goes to a socket
    "shmat": lambda arguments: "SHM_EXEC" in str(arguments.get("shmflg", "")),
    "socketcall": lambda arguments: arguments.get("call") in _SOCKET_CALLS,
    "i386:mmap": _is_executable_mapping,
}
