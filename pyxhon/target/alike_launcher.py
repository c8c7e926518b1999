"""Starts one program the way a process runs: a program of its own, see `alike.py`; imports nothing of ours.

`python -I -S alike_launcher.py DESCRIPTOR` reads its task there, one line of JSON, and answers there: "pid NUMBER", or
what could not be done. The descriptor closes when the program runs. It lives as long as that, which dies with it.

From the first step on it may be in a file system that somebody else has filled: it imports and opens nothing there.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, NoReturn

_MAX_TASK_BYTES = 1 << 18
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 24, 22, 38
_SECCOMP_MODE_FILTER = 2
_SYS_CAPSET, _SYS_EXECVEAT = 126, 322  # x86-64, as the filter
_CAPABILITY_VERSION_3 = 0x20080522
_AT_EMPTY_PATH = 0x1000
_MAX_CAPABILITIES = 64
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIMITS = (
    (resource.RLIMIT_CPU, "cpu_s"),
    (resource.RLIMIT_DATA, "data_bytes"),
    (resource.RLIMIT_NOFILE, "files"),
    (resource.RLIMIT_FSIZE, "file_bytes"),
    (resource.RLIMIT_CORE, "core_bytes"),
)


def main() -> None:
    """Do the task; exit status: the program's own, 128 and the signal's number, or 126 when it did not start."""
    control = int(sys.argv[1])
    task = _read_task(control)
    ours = [control, task["process"], task["executable"], task["root"]]
    for descriptor in ours:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - it has no name
    die_with_parent(task["parent"])
    signal.setitimer(signal.ITIMER_REAL, task["deadline_s"])  # ends us if nothing else does, whoever is stuck
    for place in (sys.path, sys.meta_path, sys.path_hooks):
        place.clear()
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("take its groups", lambda: _take_groups(task["groups"])),
        ("join its namespaces", lambda: _join(task["process"], task["namespaces"])),
        ("enter its root", lambda: _enter(task["root"], is_ours=task["is_our_root"])),
        ("die with its parent", lambda: die_with_parent(task["parent"])),  # other capabilities: forgotten
    )
    _do(steps, control)
    parent = 0 if task["is_other_pid_namespace"] else os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(task, control, parent)
    os.write(control, b"pid %d\n" % pid)
    for descriptor in (0, 1, 2, *ours):
        os.close(descriptor)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(status if status >= 0 else 128 - status)


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends; end now if it has ended already. It is told by its id as we see it."""
    _check(_prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(126)


def _read_task(control: int) -> Any:
    text = b""
    while not text.endswith(b"\n") and len(text) < _MAX_TASK_BYTES:
        piece = os.read(control, 1 << 16)
        if not piece:
            os._exit(126)
        text += piece
    return json.loads(text)


def _do(steps: tuple[tuple[str, Callable[[], object]], ...], control: int) -> None:
    """Do one step after the other; the first that fails is told, and is the last thing done."""
    for words, step in steps:
        try:
            step()
        except (OSError, ValueError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            os.write(control, f"cannot {words}: {why}\n".encode("utf-8", "backslashreplace"))
            os._exit(126)


def _become(task: Any, control: int, parent: int) -> NoReturn:
    """Turn the child into the program."""
    arguments, environment = (_strings(task[name]) for name in ("arguments", "environment"))
    filter_text = bytes.fromhex(task["filter"])
    steps: tuple[tuple[str, Callable[[], object]], ...] = (
        ("start a session", os.setsid),
        ("limit its resources", lambda: _limit(task["limits"])),
        ("give up the capabilities of others", lambda: _bound_capabilities(must=task["uid"] == 0)),
        ("take its user", lambda: _take_identity(task["uid"], task["gid"])),
        ("give up capabilities", _drop_capabilities),
        ("die with its parent", lambda: die_with_parent(parent)),
        ("be confined", lambda: _confine(filter_text)),
        ("run the program", lambda: _execute(task["executable"], arguments, environment)),
    )
    try:
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _do(steps, control)
    finally:
        os._exit(126)


def _strings(texts: list[str]) -> Any:
    return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)


def _prctl(option: int, value: int, further: int = 0) -> int:
    return int(_LIBC.prctl(option, *map(ctypes.c_ulong, (value, further, 0, 0))))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def _take_groups(groups: list[int]) -> None:
    if sorted(os.getgroups()) != groups:
        os.setgroups(groups)


def _take_identity(uid: int, gid: int) -> None:
    if os.getresgid() != (gid, gid, gid):
        os.setresgid(gid, gid, gid)
    if os.getresuid() != (uid, uid, uid):
        os.setresuid(uid, uid, uid)


def _join(process: int, namespaces: int) -> None:
    if namespaces:  # a pidfd joins all at once (Linux 5.8)
        _check(_LIBC.setns(process, namespaces))


def _enter(root: int, *, is_ours: bool) -> None:
    if not is_ours:  # also where it looks the same: another mount of the same directory may have others within
        os.fchdir(root)
        os.chroot(".")
    os.chdir("/")


def _limit(limits: dict[str, int]) -> None:
    for kind, name in _LIMITS:
        most = resource.getrlimit(kind)[1]
        limit = limits[name] if most == resource.RLIM_INFINITY else min(limits[name], most)
        resource.setrlimit(kind, (limit, limit))


def _bound_capabilities(*, must: bool) -> None:
    """Empty the bounding set: what user 0 would be given again by execve. Others are given nothing."""
    for capability in range(_MAX_CAPABILITIES):
        if _prctl(_PR_CAPBSET_DROP, capability) < 0:
            if ctypes.get_errno() != errno.EINVAL and must:  # EINVAL: the kernel knows no more of them
                _check(-1)
            return


def _drop_capabilities() -> None:
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    _check(_LIBC.syscall(ctypes.c_long(_SYS_CAPSET), header, bytes(24)))


def _confine(filter_text: bytes) -> None:
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1))
    text = ctypes.create_string_buffer(filter_text, len(filter_text))
    program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(filter_text) // 8, ctypes.addressof(text)))
    _check(_prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program)))  # struct sock_fprog


def _execute(executable: int, arguments: Any, environment: Any) -> None:
    number, flags = ctypes.c_long(_SYS_EXECVEAT), ctypes.c_long(_AT_EMPTY_PATH)
    _check(_LIBC.syscall(number, ctypes.c_long(executable), b"", arguments, environment, flags))


if __name__ == "__main__":
    main()
