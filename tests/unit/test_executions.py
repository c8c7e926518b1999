"""Which file a program ran from that is gone already: only the very file that ran counts."""

import os
from pathlib import Path

import pytest

from pyxhon.executions import find_program


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF")
    return path


def test_a_program_is_found_by_its_path_and_number(program):
    assert find_program(str(program), None, program.stat().st_ino) == str(program)


def test_a_relative_path_starts_in_the_working_directory(program):
    assert find_program("./program", str(program.parent), program.stat().st_ino) == str(program)


def test_another_file_under_that_path_is_not_the_program(program):
    assert find_program(str(program), None, program.stat().st_ino + 1) is None


@pytest.mark.parametrize("line", ["#!{}\n", "#! {} -E\nprint()\n", "#!{}"])
def test_a_script_is_run_by_what_its_first_line_names(line, program, tmp_path):
    script = tmp_path / "script"
    script.write_text(line.format(program))

    assert find_program(str(script), None, program.stat().st_ino) == str(program)


@pytest.mark.parametrize("content", [b"#!", b"#!\n", b"#!relative\n", b"#!/nowhere\0\n", b"", b"print()\n"])
def test_a_script_that_names_nothing_names_no_program(content, program, tmp_path):
    script = tmp_path / "script"
    script.write_bytes(content)

    assert find_program(str(script), None, program.stat().st_ino) is None


def test_what_cannot_be_read_is_no_program(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    own = Path("/proc/self/exe").stat().st_ino
    assert find_program("/proc/self/exe", None, own) is None  # it was another one of the program that is gone
    for path in (None, "\0", str(tmp_path / "nowhere"), str(tmp_path / "pipe"), str(tmp_path)):
        assert find_program(path, None, 0) is None
