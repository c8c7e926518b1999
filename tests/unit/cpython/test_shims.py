"""Which Pythons are behind the shims of version managers."""

import pytest

from pyxhon.cpython.command import find_interpreter_of_command
from pyxhon.cpython.shims import folders_behind_shim

_SHIM = "#!/usr/bin/env bash\nexec pyenv exec python3\n"


@pytest.fixture
def pyenv(tmp_path):
    """Make pyenv's folders, with three versions."""
    root = tmp_path / "pyenv"
    for version in ("3.8.18", "3.11.7", "3.12.1"):
        _make_program(root / "versions" / version / "bin" / f"python{version.rpartition('.')[0]}", "\x7fELF")
    _make_program(root / "shims" / "python3", _SHIM)
    (root / "version").write_text("3.11.7\n3.12.1\n")
    (tmp_path / "work" / "inner").mkdir(parents=True)
    return root


def _make_program(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)


def _versions(root, environment, directory):
    found = folders_behind_shim(str(root / "shims" / "python3"), environment, str(directory))
    return [path.removeprefix(f"{root}/versions/") for path in found]


def test_the_versions_that_pyenv_was_told(pyenv, tmp_path):
    assert _versions(pyenv, {}, tmp_path) == ["3.11.7/bin", "3.12.1/bin"]


def test_a_file_above_the_working_directory_goes_first(pyenv, tmp_path):
    (tmp_path / "work" / ".python-version").write_text("# of this project\n3.8\n")

    assert _versions(pyenv, {}, tmp_path / "work" / "inner") == ["3.8.18/bin"]
    assert _versions(pyenv, {"PYENV_VERSION": "3.12.1"}, tmp_path / "work" / "inner") == ["3.12.1/bin"]


def test_all_where_none_was_told_or_is_there(pyenv, tmp_path):
    assert len(_versions(pyenv, {"PYENV_VERSION": "3.99.0"}, tmp_path)) == 3
    (pyenv / "version").unlink()
    assert len(_versions(pyenv, {}, tmp_path)) == 3


def test_the_systems_own_is_none_of_them(pyenv, tmp_path):
    assert _versions(pyenv, {"PYENV_VERSION": "system"}, tmp_path) == []


def test_asdf_and_mise(tmp_path):
    _make_program(tmp_path / "installs/python/3.13.0/bin/python3", "\x7fELF")
    _make_program(tmp_path / "shims/python3", _SHIM)

    found = folders_behind_shim(str(tmp_path / "shims/python3"), {}, str(tmp_path))

    assert found == [str(tmp_path / "installs/python/3.13.0/bin")]


def test_a_program_elsewhere_is_no_shim():
    assert folders_behind_shim("/usr/bin/python3", {}, "/") == []


def test_a_command_that_is_a_shim_may_start_them(pyenv):
    found = find_interpreter_of_command(["python3", "app.py"], {"PATH": f"{pyenv}/shims:/usr/bin:/bin"})

    assert found[:2] == [str(pyenv / "versions" / name) for name in ("3.11.7/bin/python3.11", "3.12.1/bin/python3.12")]
