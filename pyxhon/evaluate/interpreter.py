"""The interpreter that packages are installed for: where it lies, and the pip that comes with it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxhon.errors import EvaluationError

_ASK: Final = """
import json, os, sys, sysconfig
found = []
try:
    import ensurepip
    places = [os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"), getattr(ensurepip, "_WHEEL_PKG_DIR", None)]
    for place in filter(None, places):
        if not found and os.path.isdir(place):
            found = sorted(os.path.join(place, name) for name in os.listdir(place) if name.startswith("pip-"))
except ImportError:
    pass
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "tag": sys.implementation.cache_tag,
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "prefixes": [sys.base_prefix, sys.base_exec_prefix, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
    "pip": found,
}))
"""
_OLDEST: Final = (3, 8)
_TIMEOUT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Python:
    """A base interpreter, not one of an environment."""

    executable: str
    version: tuple[int, int, int]
    tag: str
    """What its compiled files are named by, such as cpython-311."""
    folders: tuple[str, ...]
    """Where it lies, outside of /usr."""
    pip_wheel: Path

    @property
    def name(self) -> str:
        """Give its version in words."""
        return ".".join(map(str, self.version))


def find_python(path: str | None) -> Python:
    """Ask an interpreter, or the one that runs us. Raises EvaluationError when it will not do."""
    wanted = path or getattr(sys, "_base_executable", None) or sys.executable
    try:
        answer = subprocess.run(
            [wanted, "-I", "-c", _ASK], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise EvaluationError(f"{wanted} does not run as a Python: {error}", "name another with --python") from error
    version = tuple(facts["version"])
    if version < _OLDEST:
        raise EvaluationError(f"{wanted} is Python {version[0]}.{version[1]}", "PyXhon traces 3.8 and later")
    if not facts["pip"]:
        raise EvaluationError(f"{wanted} has no ensurepip, so no pip", "install its venv package (python3-venv)")
    folders = [os.path.dirname(facts["executable"]), *facts["prefixes"]]  # noqa: PTH120 - the target's words, as text
    return Python(
        executable=facts["executable"],
        version=version,
        tag=facts["tag"],
        folders=_outermost(folders, wanted),
        pip_wheel=Path(facts["pip"][-1]),
    )


def _outermost(folders: list[str], wanted: str) -> tuple[str, ...]:
    """Leave out what lies in /usr, which the sandbox has, and what lies in another of them."""
    kept: list[str] = []
    for folder in sorted(set(map(os.path.realpath, folders)), key=len):
        if folder == "/":
            raise EvaluationError(f"{wanted} lies in the root folder", "name another with --python")
        if not any(f"{folder}/".startswith(f"{other}/") for other in ("/usr", *kept)):
            kept.append(folder)
    return tuple(kept)
