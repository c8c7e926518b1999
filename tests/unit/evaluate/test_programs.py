"""The programs that run in the sandbox: what they read of archives, unpack and import, by themselves."""

import json
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.evaluated import make_wheel
from tests.interpreters import CHECKOUT, every_python

PROGRAMS = CHECKOUT / "pyxhon/evaluate/programs"
PROJECT = """
[build-system]
requires = ["flit_core>=3", "x @ https://example.org/x.zip"]
[project]
name = "x"
dependencies = ["six>=1", "a; extra == 'b'"]
"""


def run(program, *arguments, python=sys.executable, **how):
    command = [python, "-I", str(PROGRAMS / program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **how)


def needs(*paths):
    return json.loads(run("fetch.py", "needs", *paths).stdout)


def test_what_a_wheel_needs_is_read(tmp_path):
    wheel = tmp_path / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        text = "Name: x\nRequires-Dist: six (>=1)\nRequires-Dist: y; extra == 'z'\nRequires-Dist: u @ https://e.org/u\n"
        archive.writestr("x-1.0.dist-info/METADATA", text)

    assert needs(wheel) == [[["six (>=1)"], []]]


def test_what_an_archive_needs_is_read_without_running_it(tmp_path):
    folder = tmp_path / "x-1.0"
    folder.mkdir()
    (folder / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    (folder / "PKG-INFO").write_text("Name: x\nRequires-Dist: idna\n")
    old, new = tmp_path / "old-1.0.tar.gz", tmp_path / "new-1.0.tar.gz"
    with tarfile.open(old, "w:gz") as archive:
        archive.add(folder, "x-1.0")
    (folder / "pyproject.toml").write_text(PROJECT)
    with tarfile.open(new, "w:gz") as archive:
        archive.add(folder, "x-1.0")

    assert needs(old, new) == [
        [["idna"], ["wheel", "setuptools>=40.8.0", "wheel"]],
        [["idna", "six>=1"], ["wheel", "flit_core>=3"]],
    ]
    assert needs(folder) == [[["idna", "six>=1"], ["wheel", "flit_core>=3"]]]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b\x08", bytes(1000)])
@pytest.mark.parametrize("name", ["x-1.0-py3-none-any.whl", "x-1.0.tar.gz", "x-1.0.zip"])
def test_a_damaged_archive_needs_nothing_and_breaks_nothing(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    [[to_run, _]] = needs(path)

    assert to_run == []


@every_python(min=(3, 8), max=(3, 13), is_own_root=True)
def test_a_wheel_is_unpacked_as_installers_do_and_imported(python, tmp_path):
    wheel = make_wheel(tmp_path, "planted", "print('imported it')\n")
    program = f"""
import sys
sys.path.insert(0, {str(PROGRAMS)!r})
import install
install.unpack({str(wheel)!r}, {str(tmp_path / "site")!r}, None)
sys.path.insert(0, {str(tmp_path / "site")!r})
sys.argv[1:] = ["planted"]
import exercise_imports
sys.exit(exercise_imports.main())
"""

    done = subprocess.run([python.path, "-I", "-B", "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout == "imported it\nimported 1 of 1 modules\n", done.stderr
    record = (tmp_path / "site/planted-1.0.dist-info/RECORD").read_text()
    assert "planted.py,sha256=" in record
    assert "INSTALLER" in record
