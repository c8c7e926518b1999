"""Which interpreters a command line may start: PATH, `#!` lines and version shims are followed."""

import os
import re
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence

from pyxhon.cpython.shims import folders_behind_shim

_MAX_LINE_BYTES = 4096
_MAX_HOPS = 8
_PYTHON = re.compile(r"python(?:3(?:\.\d{1,2})?t?)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SPLIT_STRING = re.compile(r"-\w*S|--split-string[= ]")
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def find_interpreter_of_command(argv: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Give the executables that may run the command's Python code, the likeliest first.

    A binary is its own answer; a script's `#!` line is followed. A shell or its script (pyenv's shims,
    wrappers) can start any interpreter: then all Pythons of VIRTUAL_ENV and PATH are given. Empty when the
    command is not found.
    """
    words = list(argv)
    for _ in range(_MAX_HOPS):
        program = find_program(words[0], environment) if words else None
        if program is None:
            return []
        line = _read_script_line(program)
        if line is None and not _is_shell(program):
            return [os.path.realpath(program)]
        words = _interpreter_words(line) if line else []
        if words and not _is_shell(words[0]):
            continue
        return list(dict.fromkeys(_pythons_on_path(environment, skipped=program)))
    return []


def interpreter_of_script(program: str, environment: Mapping[str, str]) -> list[str]:
    """Give the program of a script's `#!` line as it is named there: a virtual environment is known by that name."""
    line = _read_script_line(program)
    words = _interpreter_words(line) if line else []
    found = find_program(words[0], environment) if words else None
    return [] if found is None else [found]


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """Find a command as execvp does."""
    if "/" in name:
        return name if _is_executable(name) else None
    if not name:
        return None
    folders = environment.get("PATH", _DEFAULT_PATH).split(":")
    paths = (os.path.join(folder or ".", name) for folder in folders)
    return next((path for path in paths if _is_executable(path)), None)


def _is_executable(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def _read_script_line(path: str) -> str | None:
    """Give what stands after `#!`; None for a binary or an unreadable file."""
    try:
        with open(path, "rb") as file:
            start = file.read(_MAX_LINE_BYTES)
    except OSError:
        return None
    if not start.startswith(b"#!"):
        return None
    return os.fsdecode(start[2:].split(b"\n")[0]).strip()


def _interpreter_words(line: str) -> list[str]:
    """Give the command that a `#!` line runs, seen through env(1).

    The kernel passes all after the program as one word; `env -S` splits it.
    """
    program, _, rest = line.partition(" ")
    rest = rest.strip()
    if os.path.basename(program) != "env":
        return [program] if program else []
    split = _SPLIT_STRING.match(rest)
    try:
        words = shlex.split(rest[split.end() :]) if split else [rest]
    except ValueError:
        return []
    names = (word for word in words if not word.startswith("-") and not _ASSIGNMENT.match(word))
    return list(names)[:1]


def _is_shell(program: str) -> bool:
    return os.path.basename(program) in {"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox"}


def _pythons_on_path(environment: Mapping[str, str], skipped: str) -> Iterator[str]:
    """List the Python binaries of VIRTUAL_ENV, PATH, and version managers whose shim is run; scripts are left out."""
    folders = folders_behind_shim(skipped, environment, os.getcwd())
    folders += environment.get("PATH", _DEFAULT_PATH).split(":")
    virtual = environment.get("VIRTUAL_ENV")
    if virtual:
        folders.insert(0, os.path.join(virtual, "bin"))
    for folder in folders:
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder or ".", name)
            if not _PYTHON.fullmatch(name) or path == skipped or not _is_executable(path):
                continue
            if _read_script_line(path) is None:
                yield os.path.realpath(path)
