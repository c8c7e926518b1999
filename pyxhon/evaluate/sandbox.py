"""The sandbox of one step: bubblewrap's command line, the limits that the kernel keeps, and what is seen within."""

import resource
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxhon.errors import EvaluationError
from pyxhon.evaluate.interpreter import Python
from pyxhon.evaluate.options import Limits
from pyxhon.evaluate.users import become

ENVIRONMENT, HOME, DOWNLOADS, TESTERS, BUILT, PROGRAMS, TOOLS = (
    "/env", "/home/user", "/downloads", "/testers", "/built", "/programs", "/tools",
)  # fmt: skip
EXERCISE: Final = "/exercise.py"
PYTHON: Final = f"{ENVIRONMENT}/bin/python"
_INSIDE: Final = "1000"
_SYSTEM_LINKS: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# No name of a person, no key, no address of the machine.
_SETTINGS: Final = (
    "alternatives", "ca-certificates", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types",
    "nsswitch.conf", "protocols", "services", "ssl/certs", "ssl/openssl.cnf", "python3", "python3.10", "python3.11",
    "python3.12", "python3.13", "python3.14",
)  # fmt: skip
_NETWORK_SETTINGS: Final = ("hosts", "resolv.conf", "gai.conf")
_WAIT: Final = 'read -r _; exec "$@" </dev/null'
# How many processors there are and how they lie, which C libraries ask for. Not the rest of the folder: frequencies and
# idle times tell what the machine does meanwhile.
_PROCESSORS: Final = Path("/sys/devices/system/cpu")
_OF_ALL_PROCESSORS: Final = ("online", "possible", "present", "kernel_max")
_OF_EACH_PROCESSOR: Final = ("topology", "cache")
_MOST_PROCESSORS: Final = 256
_FILES_OPEN: Final = 1024
_SHARED_MEMORY: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Box:
    """What one step sees and may do."""

    python: Python
    uid: int
    environment: Path
    """The folder seen as /env."""
    is_environment_writable: bool
    shown: tuple[tuple[Path, str], ...]
    """Folders and files shown read-only, with the path that they have within."""
    writable: tuple[tuple[Path, str], ...]
    limits: Limits
    has_network: bool
    search_path: str | None = None
    """One more folder of modules."""


def find_bubblewrap() -> str:
    """Give the path of bubblewrap. Raises EvaluationError when it is missing."""
    tool = shutil.which("bwrap")
    if tool is None:
        raise EvaluationError("bubblewrap is missing, which makes the sandbox", "apt-get install bubblewrap")
    return tool


def boxed(box: Box, command: list[str], descriptor: int) -> list[str]:
    """Give the command that runs another in the sandbox, once its standard input has a line or ends.

    The descriptor is told which process is the first of the sandbox.
    """
    return [
        *_limit(box.limits),
        *become(box.uid),
        find_bubblewrap(),
        *_isolate(has_network=box.has_network),
        *_system(box),
        *_own(box),
        *("--info-fd", str(descriptor)),
        *("--", "/bin/sh", "-c", _WAIT, "sh"),
        *command,
    ]


def _limit(limits: Limits) -> list[str]:
    tool = shutil.which("prlimit")
    if tool is None:
        raise EvaluationError("prlimit is missing", "apt-get install util-linux")
    kept = {
        "nproc": limits.processes,
        "data": limits.memory_bytes,
        "fsize": limits.disk_bytes,
        "nofile": _FILES_OPEN,
        "cpu": int(limits.time_s * 2) + 1,
        "core": 0,
        "memlock": 8 << 20,
        "msgqueue": 1 << 20,
        "sigpending": 1024,
        "rtprio": 0,
        "nice": 0,
    }
    words = [tool]
    for name, wanted in kept.items():
        most = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)  # to have more needs a capability
        words.append(f"--{name}={value}:{value}")
    return words


def _isolate(*, has_network: bool) -> list[str]:
    words = ["--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"]
    words += ["--uid", _INSIDE, "--gid", _INSIDE, "--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv"]
    return [*words, "--share-net"] if has_network else words


def _system(box: Box) -> list[str]:
    """Show the machine's programs and libraries and the interpreter, nothing of its users."""
    words = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM_LINKS:
        path = Path("/") / name
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for name in (*_SETTINGS, *(_NETWORK_SETTINGS if box.has_network else ())):
        path = Path("/etc") / name
        if path.exists():
            words += ["--ro-bind", str(path), str(path)]
    return [*words, *(word for path in _processors() for word in ("--ro-bind", str(path), str(path)))]


def _processors() -> list[Path]:
    each = [_PROCESSORS / f"cpu{number}" for number in range(_MOST_PROCESSORS)]
    paths = [_PROCESSORS / name for name in _OF_ALL_PROCESSORS]
    paths += [folder / name for folder in each if folder.is_dir() for name in _OF_EACH_PROCESSOR]
    return [path for path in paths if path.exists()]


def _own(box: Box) -> list[str]:
    words = ["--proc", "/proc", "--dev", "/dev"]
    for path, size in (("/dev/shm", _SHARED_MEMORY), ("/tmp", box.limits.disk_bytes), (HOME, box.limits.disk_bytes)):  # noqa: S108 - within
        words += ["--perms", "0700" if path == HOME else "1777", "--size", str(size), "--tmpfs", path]
    words += ["--bind" if box.is_environment_writable else "--ro-bind", str(box.environment), ENVIRONMENT]
    for source, path in box.shown:
        words += ["--ro-bind", str(source), path]
    for source, path in box.writable:
        words += ["--bind", str(source), path]
    variables = {
        "PATH": f"{ENVIRONMENT}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "user",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - within
        "PYTHONDONTWRITEBYTECODE": "1",
        **({"PYTHONPATH": box.search_path} if box.search_path else {}),
    }
    for name, value in variables.items():
        words += ["--setenv", name, value]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
