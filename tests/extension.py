"""Builds the extension module of tests/programs/extension for an interpreter, with its own headers."""

import subprocess
from pathlib import Path

import pytest

from tests.interpreters import Interpreter
from tests.targets import PROGRAMS

_ASK = "import sysconfig; print(sysconfig.get_paths()['include']); print(sysconfig.get_config_var('EXT_SUFFIX'))"


def build_extension(python: Interpreter, folder: Path) -> Path:
    """Build `conventions` into a folder; a test is left out where the interpreter has no headers."""
    if python.root != "/":
        pytest.skip(f"{python.name} has no headers")
    asked = subprocess.run([python.path, "-c", _ASK], capture_output=True, text=True, check=True).stdout
    include, suffix = asked.split()
    if not Path(include, "Python.h").exists():
        pytest.skip(f"{python.name} has no headers")
    built = folder / f"conventions{suffix}"
    source = PROGRAMS / "extension/conventions.c"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-w", f"-I{include}", str(source), "-o", str(built)]
    subprocess.run(command, check=True)
    return built
