"""What a decoded call is: which kind of event, and whether it is an act at all."""

import os
import posixpath
import re
from collections.abc import Mapping

from pyxhon.target.system_calls.constants import show_one
from pyxhon.target.system_calls.declarations import EventKind, find_call
from pyxhon.target.system_calls.numbers import bare_name

_OPENING = ("open", "openat", "openat2", "creat")
# Memory of processes, and the switches of the kernel's own tracing.
_PROBED_MEMORY = re.compile(r"/proc/[^/]+(?:/task/[^/]+)?/mem")
_TRACING = re.compile(r"/sys/kernel/(?:debug/)?tracing(?:/.*)?")
_HIDING_OPTIONS = ("PR_SET_DUMPABLE", "PR_SET_SECCOMP", "PR_SET_MM")
_IDLE_OPTIONS = re.compile(r"PR_(?:GET_.*|SET_NAME|SET_VMA|SET_TIMERSLACK|CAPBSET_READ|MCE_KILL.*|SET_THP_DISABLE)")
_EXECUTABLE = 4  # PROT_EXEC
_SOCKET_CALLS = frozenset(
    "socket bind connect listen accept accept4 socketpair send sendto sendmsg sendmmsg".split()  # noqa: SIM905
)


def event_kind(name: str, arguments: Mapping[str, object]) -> EventKind:
    """Give the kind of event: `tamper` where the call could disturb tracing or what it tells."""
    call, bare = find_call(name), bare_name(name)
    if bare == "prctl" and arguments.get("option") in _HIDING_OPTIONS:
        return "tamper"
    if bare in _OPENING and _is_tampering_path(bare, arguments):
        return "tamper"
    return call.kind if call else "syscall"


def is_act(name: str, arguments: Mapping[str, object]) -> bool:
    """Tell whether a call counts as a behaviour; others are events because they explain later acts, or by accident."""
    bare = bare_name(name)
    if bare in ("clone", "clone3"):
        return "CLONE_THREAD" not in str(arguments.get("flags", "")).split("|")
    if bare == "prctl":
        return not _IDLE_OPTIONS.fullmatch(str(arguments.get("option")))
    if bare == "splice":
        return "addr" in arguments  # else nothing goes to a socket
    if bare == "shmat":
        return "SHM_EXEC" in str(arguments.get("shmflg", ""))
    if bare == "socketcall":
        return arguments.get("call") in _SOCKET_CALLS
    if name == "i386:mmap":
        words = arguments.get("args")
        return not isinstance(words, list) or bool(words[2] & _EXECUTABLE)
    return True


def io_uring_operation(number: int) -> str:
    """Name an operation of io_uring in lower case: `openat`, `send_zc`, `operation_99`."""
    name = show_one("io_uring", number)
    return name.removeprefix("IORING_OP_").lower() if isinstance(name, str) else f"operation_{number}"


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
