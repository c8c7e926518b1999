"""Checks each behaviour that a report calls native against what an audit hook in the process itself heard."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

# Which audit events tell of which system calls; written down here, apart from PyXhon's own tables.
_EVENTS = {
    "file": (
        "open",
        "os.listdir",
        "os.scandir",
        "os.open",
        "ctypes.dlopen",
        "import",
        "shutil.",
        "tempfile.",
        "sqlite3.",
    ),
    "remove": ("os.remove", "os.rmdir", "os.unlink", "shutil.rmtree"),
    "move": ("os.rename", "os.link", "os.symlink", "shutil.move"),
    "make": ("os.mkdir", "os.mkfifo", "os.mknod", "tempfile."),
    "change": ("os.chmod", "os.chown", "os.truncate", "os.setxattr", "os.removexattr", "os.utime"),
    "socket": ("socket.__new__",),
    "connect": ("socket.connect",),
    "bind": ("socket.bind",),
    "send": ("socket.sendto", "socket.sendmsg"),
    "resolve": ("socket.getaddrinfo", "socket.gethostby", "socket.getnameinfo"),
    "start": ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system", "os.spawn", "pty.spawn"),
    "thread": ("_thread.start_new_thread", "_thread.start_joinable_thread"),
    "kill": ("os.kill", "os.killpg", "signal.pthread_kill"),
    "map": ("mmap.__new__", "ctypes.dlopen", "import"),
}
_RAISED_IN_PYTHON = ("subprocess.", "shutil.", "tempfile.", "pty.")
_OPEN = ("open", "openat", "openat2", "creat")
_TELLING: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (_OPEN, ("file", "resolve", "start")),
    (("unlink", "unlinkat", "rmdir"), ("remove",)),
    (("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"), ("move",)),
    (("mkdir", "mkdirat", "mknod", "mknodat"), ("make",)),
    (("chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown", "truncate", "ftruncate"), ("change",)),
    (("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"), ("change",)),
    (("socket",), ("socket", "resolve")),
    (("connect",), ("connect", "resolve")),
    (("bind",), ("bind", "resolve")),
    (("sendto", "sendmsg", "sendmmsg"), ("send", "resolve")),
    (("execve", "execveat", "fork", "vfork"), ("start",)),
    (("clone", "clone3"), ("thread", "start")),
    (("kill", "tkill", "tgkill"), ("kill",)),
    (("mmap", "mprotect"), ("map",)),
)
_BY_CALL = {name: tuple(e for kind in kinds for e in _EVENTS[kind]) for names, kinds in _TELLING for name in names}


@dataclass(frozen=True)
class Heard:
    """One audit event as the hook heard it."""

    time_ns: int
    pid: int
    tid: int
    name: str
    arguments: tuple[str, ...]
    stack: tuple[tuple[str, str, int | None], ...]


@dataclass(frozen=True)
class NativeBehaviour:
    """A behaviour that the report calls invisible at Python level; `explained_by` must be None."""

    name: str
    subject: str
    count: int
    package: str
    object: str | None  # None: the interpreter itself
    explained_by: Heard | None


def read_heard(log: Path) -> list[Heard]:
    """Give what the hook wrote."""
    heard = []
    for line in log.read_text(encoding="ascii").splitlines():
        time_ns, pid, tid, name, arguments, stack = json.loads(line)
        heard.append(Heard(time_ns, pid, tid, name, tuple(arguments), tuple((f, q, n) for f, q, n in stack)))
    return heard


def check_levels(report: dict[str, Any], heard: list[Heard]) -> list[NativeBehaviour]:
    """Give the native behaviours of a report, each with the audit event that tells of it after all."""
    by_thread: dict[int, list[Heard]] = defaultdict(list)
    for one in heard:
        by_thread[one.tid].append(one)
    since = {one.pid: one.time_ns for one in reversed(heard)}
    return list(_check(report, by_thread, since))


def _check(
    report: dict[str, Any], by_thread: dict[int, list[Heard]], since: dict[int, int]
) -> Iterator[NativeBehaviour]:
    for behaviour in report["behaviours"]:
        # before its first event the hook could not hear anything
        if behaviour["level"] != "native" or behaviour["last_ns"] < since.get(behaviour["pid"], 0):
            continue
        arguments = behaviour["args"]
        subject = str(arguments.get("path") or arguments.get("addr") or arguments.get("oldpath") or "")
        explained_by = next((h for h in by_thread[behaviour["tid"]] if tells_of(h, behaviour, subject)), None)
        yield NativeBehaviour(
            behaviour["name"], subject, behaviour["count"], behaviour["package"], behaviour["object"], explained_by
        )


def tells_of(heard: Heard, behaviour: dict[str, Any], subject: str) -> bool:
    """Tell whether an audit event tells of a behaviour: its kind, raised where the act was made, on the same thing."""
    name = behaviour["name"].rpartition(":")[2]
    events = _BY_CALL.get(name, ())
    if heard.time_ns > behaviour["last_ns"] or not any(heard.name.startswith(event) for event in events):
        return False
    stack = [(frame["file"], frame["function"], frame["line"]) for frame in behaviour["python_stack"]]
    return _is_same_place(heard, stack) and _is_about(heard, subject)


def _is_same_place(heard: Heard, stack: list[tuple[str, str, int | None]]) -> bool:
    """Tell whether an event was raised where the act was made; one raised by Python code, in the same function."""
    theirs = list(heard.stack)
    if heard.name.startswith(_RAISED_IN_PYTHON):
        return [frame[:2] for frame in theirs[:1]] == [frame[:2] for frame in stack[:1]] and theirs[1:] == stack[1:]
    return theirs == stack


def _is_about(heard: Heard, subject: str) -> bool:
    """Tell whether the event's arguments and the act's path or address are the same where both have one."""
    texts = [text for text in heard.arguments if text]
    if heard.name in ("import", "ctypes.dlopen"):  # a constructor's acts are not announced by the load
        return any(PurePath(text).name == PurePath(subject).name for text in texts)
    if heard.name == "open":
        return not subject or not texts or subject.endswith(texts[0].lstrip("./")) or texts[0].isdigit()
    if heard.name == "socket.connect":
        port = subject.rpartition(":")[2]
        return not port.isdigit() or any(port in text for text in texts)
    return True
