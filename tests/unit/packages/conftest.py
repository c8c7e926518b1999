"""A real environment: what pip itself installs, so that the files are those that users have."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyxhon.packages import PackageIndex
from pyxhon.target.root import TargetRoot, open_own_root

_REQUIREMENTS = [
    "python-dateutil",
    "zope.event",
    "zope.interface",
    "pyzmq",
    "setuptools",
    "wheel",
    "hatchling",
    "editables",
]
_SETUPTOOLS_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "1.2"
[project.scripts]
{script} = "{module}:main"
"""
_HATCHLING_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "3"
[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the projects that are installed into it in place."""

    prefix: Path
    site: Path
    projects: Path


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Make the environment once; it is read only by the tests that share it."""
    base = tmp_path_factory.mktemp("packages").resolve()
    prefix = base / "venv"
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    site = prefix / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    _install(prefix, *_REQUIREMENTS)
    projects = base / "projects"
    source_layout = _make_project(projects / "source", _SETUPTOOLS_PROJECT, "Proj.Source", "src/alpha")
    flat_layout = _make_project(projects / "flat", _SETUPTOOLS_PROJECT, "Flat", "beta")
    hatch = _make_project(projects / "hatch", _HATCHLING_PROJECT, "Hatched", "src/gamma")
    editables = [argument for project in (source_layout, flat_layout, hatch) for argument in ("-e", str(project))]
    _install(prefix, "--no-build-isolation", *editables)
    _install(prefix, "--no-deps", str(make_wheel(base)))
    return Environment(prefix, site, projects)


@pytest.fixture(scope="session")
def index(environment: Environment) -> PackageIndex:
    """Index the shared environment; the answers of different tests are independent of each other."""
    return PackageIndex(open_own_root(), [str(environment.site)])


@pytest.fixture
def own_root() -> TargetRoot:
    with open_own_root() as root:
        yield root


@pytest.fixture
def fake_root(tmp_path: Path) -> TargetRoot:
    """Give a folder as the root of a target, for what cannot be put into our own."""
    (tmp_path / "root").mkdir()
    with TargetRoot(os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY), None) as root:
        yield root


def make_wheel(folder: Path) -> Path:
    """Build a wheel with two modules by hand; pip writes RECORD anew when it installs it."""
    path = folder / "On.The_Fly-0.5-py3-none-any.whl"
    information = "On.The_Fly-0.5.dist-info"
    files = {"fly/__init__.py": "", "fly/wing.py": "FLAPS = 2\n", "fly/tail.py": "FEATHERS = 9\n"}
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: On.The_Fly\nVersion: 0.5\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        lines = (f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
        wheel.writestr(f"{information}/RECORD", "".join(lines))
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _make_project(folder: Path, template: str, name: str, package: str) -> Path:
    module = Path(package).name
    (folder / package / "deep").mkdir(parents=True)
    (folder / package / "__init__.py").write_text("def main(): pass\n")
    (folder / package / "deep" / "inside.py").write_text("")
    (folder / "pyproject.toml").write_text(template.format(name=name, module=module, script=f"run-{module}"))
    return folder


def _install(prefix: Path, *arguments: str) -> None:
    command = [prefix / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stderr=subprocess.PIPE)
