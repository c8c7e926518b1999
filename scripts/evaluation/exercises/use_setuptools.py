"""setuptools: a small project, with data and a console script, built as sdist and as wheel."""

import contextlib
import io
import os
import tarfile
import tempfile
import zipfile
from pathlib import Path

import setuptools.build_meta

_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "small"
version = "1.2"
[project.scripts]
small = "small:main"
[tool.setuptools]
packages = ["small"]
[tool.setuptools.package-data]
small = ["*.txt"]
"""


def main():
    """Build both."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("pyproject.toml").write_text(_PROJECT)
            Path("small").mkdir()
            Path("small/__init__.py").write_text("def main():\n    print('small')\n")
            Path("small/data.txt").write_text("data\n")
            Path("README.md").write_text("small\n")
            with contextlib.redirect_stdout(io.StringIO()):
                source = setuptools.build_meta.build_sdist("out")
                wheel = setuptools.build_meta.build_wheel("out")
            with tarfile.open(f"out/{source}") as archive:
                assert "small-1.2/small/data.txt" in archive.getnames()
            with zipfile.ZipFile(f"out/{wheel}") as archive:
                assert "small/data.txt" in archive.namelist()
                assert b"small:main" in archive.read("small-1.2.dist-info/entry_points.txt")
        finally:
            os.chdir(before)


if __name__ == "__main__":
    main()
