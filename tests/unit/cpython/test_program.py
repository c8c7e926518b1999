"""What a command line tells an interpreter to run."""

import pytest

from pyxhon.cpython.program import Program, read_program


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("app.py -c x", Program("script", "app.py")),
        ("-u -W ignore app.py", Program("script", "app.py")),
        ("-bWignore -X dev app.py", Program("script", "app.py")),
        ("-bW ignore app.py", Program("script", "app.py")),
        ("--check-hash-based-pycs always app.py", Program("script", "app.py")),
        ("-m http.server 80", Program("module", "http.server")),
        ("-Imhttp.server", Program("module", "http.server")),
        ("-Sc pass app.py", Program("command", "pass")),
        ("-cpass", Program("command", "pass")),
        ("- app.py", Program("console")),
        ("-i", Program("console")),
        ("--help", Program("console")),
        ("", Program("console")),
        ("-m", Program("module", "")),
    ],
)
def test_a_command_line_is_read_as_cpython_does(words, expected):
    assert read_program(["python", *words.split()]) == expected


@pytest.mark.parametrize(
    ("words", "file", "modules", "expected"),
    [
        ("app.py", "/srv/app.py", ("app",), True),
        ("app.py", "app.py", ("app",), True),
        ("./x/../app.py", "/srv/app.py", ("app",), True),
        ("/srv/app.py", "/srv/lib/app.py", ("lib.app",), False),
        ("folder", "/srv/folder/__main__.py", ("folder.__main__",), True),
        ("app.pyz", "/srv/app.pyz/__main__.py", ("__main__",), True),
        ("-m pkg.tool", "/lib/pkg/tool.py", ("pkg.tool",), True),
        ("-m pkg", "/lib/pkg/__main__.py", ("pkg.__main__",), True),
        ("-m pkg", "/lib/pkg/__init__.py", ("pkg",), False),
        ("-m pkg", "/lib/pkg/other.py", ("pkg.other",), False),
        ("-c pass", "<string>", (), True),
        ("app.py", "<string>", (), False),
        ("-", "<stdin>", (), True),
    ],
)
def test_the_file_of_main_is_known(words, file, modules, expected):
    assert read_program(["python", *words.split()]).runs(file, modules, "/srv") is expected


def test_without_a_working_directory_only_the_same_path_is_the_script():
    program = read_program(["python", "app.py"])

    assert program.runs("app.py", (), None)
    assert not program.runs("/srv/app.py", (), None)


def test_no_arguments_are_no_program():
    assert read_program([]) == Program("console")
