"""An environment for each evaluated package, made once and kept: its interpreter and the pinned versions."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from evaluated_packages import Case

_BUILD_S = 1200


def find_python(version: str) -> Path:
    """Give the interpreter of a version such as 3.12, of pyenv or on PATH. Raises FileNotFoundError."""
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
    if found:
        return found[-1]
    if name := shutil.which(f"python{version}"):
        return Path(name)
    raise FileNotFoundError(f"no Python {version}: neither in ~/.pyenv/versions nor on PATH")


def clean_environment() -> dict[str, str]:
    """Give our environment variables without those that lead an interpreter elsewhere."""
    ours = ("PYTHON", "VIRTUAL_ENV", "PIP_USER", "PYENV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def make_environment(case: Case) -> Path:
    """Give the interpreter of a package's environment. Raises RuntimeError when it cannot be made."""
    python = find_python(case.python)
    made_of = " ".join((*case.requirements, str(python.resolve())))
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pyxhon/evaluation"
    folder = home / f"{case.slug}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    made = folder / "bin/python"
    if (folder / ".complete").exists():
        return made
    home.mkdir(parents=True, exist_ok=True)
    pip = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
    commands: list[list[str | Path]] = [[python, "-m", "venv", "--clear", folder], [made, *pip, *case.requirements]]
    for command in commands:
        done = subprocess.run(
            command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=_BUILD_S
        )
        if done.returncode:
            raise RuntimeError(f"{case.package}: {done.stderr.strip()[-2000:]}")
    (folder / ".complete").touch()
    return made
