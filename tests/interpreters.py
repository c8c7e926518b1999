"""The Python interpreters that tests run on: those of this machine, and those of PYXHON_TEST_PYTHONS."""

import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

# Also Python 2, which the tests must be able to find in order to see it refused.
_ASK_VERSION = """
import platform
print(platform.python_version() + " " + platform.python_implementation())
"""

_ENTERING = "enter-root"
# Enters another root in a mount namespace of its own, where /proc and the folders that tests use have their usual
# paths. Every step is an exec, so that the process started is in the end the interpreter.
_ENTER_ROOT = """
root=$1; shift
for folder in /proc /dev "$1" "$2"; do
	mkdir -p "$root$folder" && mount --rbind "$folder" "$root$folder" || exit 125
done
working=$2; shift 2
exec chroot "$root" env -C "$working" "$@"
"""


@dataclass(frozen=True)
class Interpreter:
    """One interpreter: its path as it sees it itself, its version, and the root it lives in."""

    path: str
    version: tuple[int, int, int]
    root: str = "/"

    @property
    def name(self) -> str:
        """A name that tells it from the others found."""
        version = ".".join(map(str, self.version))
        return version if self.root == "/" else f"{version}-{Path(self.root).name}"

    def command(self, *arguments: object) -> list[str]:
        """The command that runs it with these arguments, wherever it lives."""
        command = [self.path, *map(str, arguments)]
        if self.root == "/":
            return command
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER_ROOT, _ENTERING]
        return [*enter, self.root, tempfile.gettempdir(), str(CHECKOUT), *command]


def with_interpreter(words: list[str]) -> list[str]:
    """Have pyxhon probe the interpreter of a command that enters another root before it starts, as it cannot know."""
    if _ENTERING not in words:
        return words
    entering, start = words.index(_ENTERING), words.index("--")
    root, path = words[entering + 1], words[entering + 4]
    return [*words[:start], "--interpreter", root + path, *words[start:]]


@functools.cache
def find_interpreters() -> tuple[Interpreter, ...]:
    """Every CPython found, oldest first: also 2.7 and others too old to be traced."""
    found: dict[tuple[str, str], Interpreter] = {}
    for root, path in _candidates():
        real = os.path.realpath(path) if root == "/" else path
        if (root, real) not in found and (interpreter := _ask(root, path)):
            found[root, real] = interpreter
    return tuple(sorted(found.values(), key=lambda one: (one.version, one.root, one.path)))


def every_python(
    min: tuple[int, ...] = (3, 8),  # noqa: A002
    max: tuple[int, ...] = (3, 15),  # noqa: A002
    but: tuple[int, ...] = (),
    *,
    is_own_root: bool = False,
) -> pytest.MarkDecorator:
    """Run a test once on each interpreter of these versions, as parameter `python`.

    `but` is a version to leave out; `is_own_root` leaves out those of other roots, of which the first moments are not
    seen, since each is another program for the tracer until it has begun.
    """
    chosen = [
        pytest.param(one, id=one.name)
        for one in find_interpreters()
        if min <= one.version[: len(min)] and one.version[: len(max)] <= max
        if not but or one.version[: len(but)] != but
        if one.root == "/" or not is_own_root
    ]
    # On a machine without such an interpreter the test is left out, and conftest.py says so.
    nothing = pytest.param(None, id="none-found", marks=pytest.mark.no_interpreter)
    return pytest.mark.parametrize("python", chosen or [nothing])


def _candidates() -> Iterator[tuple[str, str]]:
    yield "/", "/usr/bin/python3"
    for pattern, folder in (
        ("python3*", Path("/usr/bin")),
        ("python3*", Path("/usr/local/bin")),
        ("*/bin/python", Path.home() / ".pyenv/versions"),
    ):
        for path in sorted(folder.glob(pattern)):
            if re.fullmatch(r"python(3(\.\d+t?)?)?", path.name):
                yield "/", str(path)
    for given in filter(None, os.environ.get("PYXHON_TEST_PYTHONS", "").split(":")):
        folder = Path(given)
        for path in sorted(folder.glob("usr/bin/python3.*")):
            if re.fullmatch(r"python3\.\d+t?", path.name):
                yield str(folder), f"/usr/bin/{path.name}"
        if (folder / "bin/python3").exists() and not (folder / "usr/bin").exists():
            yield "/", str(folder / "bin/python3")


def _ask(root: str, path: str) -> Interpreter | None:
    command = Interpreter(path, (0, 0, 0), root).command("-E", "-s", "-c", _ASK_VERSION)
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\S* CPython\n", answer)
    if match is None:
        return None
    major, minor, micro = map(int, match.groups())
    return Interpreter(path, (major, minor, micro), root)
