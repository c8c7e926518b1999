"""Which interpreter a command line leads to."""

import os
import sys

import pytest

from pyxhon.cpython.command import find_interpreter_of_command, find_program

_PYTHON = os.path.realpath(sys.executable)


@pytest.fixture
def folder(tmp_path):
    """A folder of programs, the only one on PATH."""
    (tmp_path / "python3").symlink_to(_PYTHON)
    return tmp_path


def _script(folder, name, first_line):
    path = folder / name
    path.write_text(f"{first_line}\nrest\n")
    path.chmod(0o755)
    return str(path)


def _find(folder, *argv, **environment):
    return find_interpreter_of_command(argv, {"PATH": str(folder), **environment})


def test_a_binary_is_its_own_answer(folder):
    assert _find(folder, "python3", "x.py") == [_PYTHON]
    assert _find(folder, _PYTHON) == [_PYTHON]


@pytest.mark.parametrize(
    "line",
    [
        "#!{python}",
        "#! {python} -I",
        "#!/usr/bin/env python3",
        "#!/usr/bin/env -S python3 -u",
        "#!/usr/bin/env -S A=1 python3 -u",
        "#!/usr/bin/env --split-string=python3 -u",
    ],
)
def test_a_script_leads_to_its_interpreter(folder, line):
    path = _script(folder, "tool", line.format(python=folder / "python3"))

    assert _find(folder, "tool") == [_PYTHON]
    assert _find(folder, path) == [_PYTHON]


def test_a_script_of_a_script_is_followed(folder):
    inner = _script(folder, "inner", f"#!{_PYTHON}")
    _script(folder, "outer", f"#!{inner}")

    assert _find(folder, "outer") == [_PYTHON]


def test_scripts_in_a_circle_lead_nowhere(folder):
    _script(folder, "one", f"#!{folder / 'two'}")
    _script(folder, "two", f"#!{folder / 'one'}")

    assert _find(folder, "one") == []


@pytest.mark.parametrize("line", ["#!/usr/bin/env bash", "#!/bin/sh"])
def test_a_shim_may_lead_to_any_python(folder, tmp_path, line):
    shims = tmp_path / "shims"
    shims.mkdir()
    _script(shims, "python3", line)

    found = find_interpreter_of_command(["python3"], {"PATH": f"{shims}:{folder}"})

    assert found == [_PYTHON]


def test_a_virtual_environment_comes_first(folder, tmp_path):
    environment = tmp_path / "venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/python").symlink_to("/bin/sleep")
    _script(folder, "wrapper", "#!/bin/sh")

    assert _find(folder, "wrapper", VIRTUAL_ENV=str(environment)) == [os.path.realpath("/bin/sleep"), _PYTHON]


@pytest.mark.parametrize("argv", [[], ["nothing"], [""], ["/nonexistent"], ["a\0b"], ["/"]])
def test_what_is_not_found_leads_nowhere(folder, argv):
    assert _find(folder, *argv) == []


def test_a_file_that_is_not_executable_is_no_program(folder):
    (folder / "data").write_text("#!/bin/sh\n")

    assert find_program("data", {"PATH": str(folder)}) is None


def test_hostile_first_lines_lead_nowhere(folder):
    for number, line in enumerate(["#!", "#!/usr/bin/env", "#!/usr/bin/env -S 'x", "#!" + "x" * 10_000, "#!\xff"]):
        _script(folder, f"tool{number}", line)
        _find(folder, f"tool{number}")
