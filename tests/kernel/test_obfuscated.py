"""A program that went through a real obfuscator: its imports, calls and DLLs are those of the source before."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interpreters import Interpreter, every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing_program
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

_SOURCE = PROGRAMS / "obfuscated.py"
_TOOLS = Path(sys.executable).parent
_ACTS = {
    ("os.listdir", "/usr"), ("ctypes.dlopen", "libm.so.6"), ("ctypes.dlsym", "cos"), ("open", "/dev/null"),
    ("compile", "import netrc; open('/dev/null').close()"), ("exec", "<code <module>>"),
}  # fmt: skip
_MODULES = {"colorsys", "plistlib", "netrc", "ctypes", "importlib", "os"}


def _acts(report: dict) -> set[tuple[str, object]]:
    return {
        (row["name"], value)
        for row in report["behaviours"]
        if row["package"] == "application" and row["kind"] == "audit"
        for value in row["args"].values()
    }


def _report(python: Interpreter, program: Path, trace: Path) -> dict:
    with tracing_program(trace, python, [program], "--syscalls", "off") as traced:
        traced.tell()
        status, _, complained = traced.finish()
    assert status == 0, complained
    return json.loads(pyxhon("report", trace, "--format", "json").stdout)


def _modules(report: dict) -> set[str]:
    return {row["module"] for row in report["imports"] if row["importer"] == "application" and not row["transitive"]}


@every_python()
def test_a_minified_program_shows_the_same_acts_and_how_they_are_written(python, tmp_path):
    program = tmp_path / "minified.py"
    subprocess.run([_TOOLS / "pyminify", _SOURCE, "--rename-globals", "--output", program], check=True)

    report = _report(python, program, tmp_path / "t.pyxhon")

    assert _acts(report) >= _ACTS
    assert _modules(report) >= _MODULES - ({"ctypes", "importlib", "os"} if python.root != "/" else set())
    written = {row["name"]: row["instruction"]["expression"] for row in report["behaviours"]
               if row["package"] == "application" and row["kind"] == "audit" and row["instruction"]}  # fmt: skip
    assert written["ctypes.dlsym"] == "ctypes.CDLL('libm.so.6').cos"
    assert written["os.listdir"].startswith("getattr(os, ")
