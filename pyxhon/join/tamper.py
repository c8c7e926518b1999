"""Which acts are attempts to disturb tracing, or to look into what traces: decided from the stored event alone."""

import posixpath
import re
from collections.abc import Mapping

from pyxhon.trace.rows import EventRow

_ALWAYS = frozenset({"ptrace", "process_vm_writev", "seccomp", "bpf", "perf_event_open"})
_MEMORY = re.compile(r"/proc/(?:self|thread-self|\d+)(?:/task/\d+)?/mem\Z")
_TRACING = re.compile(r"/sys/kernel/(?:tracing|debug)(?:/|\Z)")
_OPENS = frozenset({"open", "openat", "openat2", "creat"})
_PRELOADS = ("LD_PRELOAD=", "LD_AUDIT=")
_PRELOAD_FILE = "/etc/ld.so.preload"
_WRITE_FLAGS = 3  # O_ACCMODE: anything but O_RDONLY
# prctl(2): what hides a process, bars a tracer, or filters its calls.
_OPTIONS = {
    4: "PR_SET_DUMPABLE",
    22: "PR_SET_SECCOMP",
    26: "PR_SET_TSC",
    35: "PR_SET_MM",
    59: "PR_SET_SYSCALL_USER_DISPATCH",
    1499557217: "PR_SET_PTRACER",
}
_PROTECTIONS = frozenset({"mprotect", "pkey_mprotect"})
_PROT_WRITE = 2
_PROBED = frozenset({"interpreter", "c_library"})


def is_tampering(event: EventRow, code_role: str | None = None) -> bool:
    """Tell whether a system call disturbs tracing.

    `code_role` is the role of the object that a change of protection is for, where that is known.
    """
    if event.kind not in {"syscall", "memory", "io_uring"} or not isinstance(event.arguments, Mapping):
        return event.kind == "tamper"
    name, arguments = event.name.rpartition(":")[2], event.arguments
    if name in _PROTECTIONS:
        return code_role in _PROBED and _has(arguments.get("prot"), "PROT_WRITE", _PROT_WRITE)
    if name in _OPENS:
        return _opens_for_tampering(arguments)
    return name in _ALWAYS or (name == "prctl" and _hides(arguments)) or _sets_preload(arguments.get("envp"))


def _opens_for_tampering(arguments: Mapping[str, object]) -> bool:
    path = arguments.get("path")
    if not isinstance(path, str):
        return False
    plain = posixpath.normpath(path)
    if _TRACING.match(plain):
        return True
    return (bool(_MEMORY.match(plain)) or plain == _PRELOAD_FILE) and _is_for_writing(arguments)


def _is_for_writing(arguments: Mapping[str, object]) -> bool:
    """Tell by the flags; creat has none, and what cannot be read counts as writing."""
    flags = arguments.get("flags")
    if isinstance(flags, int):
        return bool(flags & _WRITE_FLAGS)
    return not isinstance(flags, str) or "O_WRONLY" in flags or "O_RDWR" in flags or "O_RDONLY" not in flags


def _hides(arguments: Mapping[str, object]) -> bool:
    option = arguments.get("option")
    shown = _OPTIONS.get(option) if isinstance(option, int) else str(option)
    is_shown_again = shown == "PR_SET_DUMPABLE" and arguments.get("arg2") in {1, "SUID_DUMP_USER"}
    return shown in _OPTIONS.values() and not is_shown_again


def _has(value: object, name: str, bit: int) -> bool:
    return bool(value & bit) if isinstance(value, int) else isinstance(value, str) and name in value.split("|")


def _sets_preload(environment: object) -> bool:
    """Tell whether a program is started with DLLs put before all others."""
    return isinstance(environment, list) and any(str(entry).startswith(_PRELOADS) for entry in environment)
