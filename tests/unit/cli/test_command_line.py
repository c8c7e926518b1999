import os
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest

from pyxhon import __version__
from pyxhon.cli import pyxhon, run_command_line
from pyxhon.errors import KernelError, OutputError
from pyxhon.session_options import TraceOptions


@pytest.fixture
def session(monkeypatch):
    """A session that only notes what it was asked for."""
    calls = []
    module = types.ModuleType("pyxhon.session")

    def note(name, status=0):
        def call(subject, options):
            calls.append((name, subject, options))
            return status

        return call

    for name in ("attach", "run", "record_attach", "record_run"):
        setattr(module, name, note(name))
    monkeypatch.setitem(sys.modules, "pyxhon.session", module)
    monkeypatch.setattr("pyxhon.session", module, raising=False)
    module.calls = calls
    return module


def every_command(command=pyxhon, path=()):
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from every_command(inner, (*path, name))
    else:
        yield path, command


def test_attach_hands_its_options_over(session):
    status = run_command_line(
        [
            "attach",
            "42",
            "--duration",
            "1.5",
            "--no-follow",
            "--buffer",
            "3M",
            "--no-aggregate",
            "--policy",
            "a.yaml",
            "--policy",
            "builtin:numpy",
            "--format",
            "json",
            "--report",
            "r.json",
            "-o",
            "t.pyxhon",
            "--exclude-stdlib",
            "-q",
            "-vv",
        ]
    )

    assert status == 0
    assert session.calls == [
        (
            "attach",
            42,
            TraceOptions(
                duration_s=1.5,
                follow=False,
                output=Path("t.pyxhon"),
                buffer_bytes=4 << 20,
                aggregate=False,
                policy_paths=("a.yaml", "builtin:numpy"),
                is_quiet=True,
                verbosity=2,
                report_path=Path("r.json"),
                report_format="json",
                exclude_stdlib=True,
            ),
        )
    ]


def test_defaults_of_the_command_line_are_those_of_the_session(session):
    run_command_line(["attach", "42"])

    assert session.calls == [("attach", 42, TraceOptions())]


@pytest.mark.parametrize(
    "arguments",
    [["run", "--", "python", "-c", "x", "--help"], ["run", "python", "-c", "x", "--help"]],
)
def test_run_leaves_the_commands_own_options_alone(session, arguments):
    run_command_line(arguments)

    assert session.calls == [("run", ("python", "-c", "x", "--help"), TraceOptions())]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--calls", "seen"], TraceOptions(calls="seen")),
        (["--calls", "count", "--calls-budget", "12.5%"], TraceOptions(calls="count", calls_budget=12.5)),
        (["--calls", "trace", "--max-events", "9"], TraceOptions(calls="trace", max_events=9)),
        (["--calls", "count", "--format", "collapsed"], TraceOptions(calls="count", report_format="collapsed")),
    ],
)
def test_what_is_asked_of_calls_is_handed_over(session, arguments, options):
    assert run_command_line(["attach", "1", *arguments]) == 0

    assert session.calls == [("attach", 1, options)]


def test_run_can_end_with_the_commands_status(session):
    run_command_line(["run", "--exit-code", "command", "--", "true"])

    assert session.calls[0][2].exit_code == "command"


@pytest.mark.parametrize(
    ("arguments", "name", "subject"),
    [
        (["record", "-o", "t", "42"], "record_attach", 42),
        (["record", "42", "-o", "t"], "record_attach", 42),
        (["record", "-o", "t", "--", "42"], "record_run", ("42",)),
        (["record", "-o", "t", "--", "ls", "-o", "--", "x"], "record_run", ("ls", "-o", "--", "x")),
    ],
)
def test_record_tells_a_pid_from_a_command(session, arguments, name, subject):
    assert run_command_line(arguments) == 0

    assert session.calls == [(name, subject, TraceOptions(output=Path("t")))]


@pytest.mark.parametrize(
    "arguments",
    [
        ["attach"],
        ["attach", "x"],
        ["attach", "0"],
        ["attach", "1", "--duration", "0"],
        ["attach", "1", "--duration", "nan"],
        ["attach", "1", "--duration", "inf"],
        ["attach", "1", "--buffer", "1K"],
        ["attach", "1", "--buffer", "2G"],
        ["attach", "1", "--buffer", "big"],
        ["attach", "1", "--format", "pdf"],
        ["attach", "1", "--exit-code", "command"],
        ["attach", "1", "--calls", "some"],
        ["attach", "1", "--calls-budget", "20"],
        ["attach", "1", "--calls", "seen", "--calls-budget", "20"],
        ["attach", "1", "--calls", "count", "--calls-budget", "0"],
        ["attach", "1", "--calls", "count", "--calls-budget", "101"],
        ["attach", "1", "--calls", "count", "--calls-budget", "nan"],
        ["attach", "1", "--calls", "count", "--max-events", "5"],
        ["attach", "1", "--calls", "trace", "--max-events", "0"],
        ["attach", "1", "--instructions", "some"],
        ["attach", "1", "--instructions-package", "json"],
        ["attach", "1", "--instructions", "all", "--instructions-package", "a b"],
        ["attach", "1", "--format", "speedscope"],
        ["run", "--calls", "seen", "--format", "collapsed", "--", "true"],
        ["record", "-o", "t", "--max-events", "5", "1"],
        ["report", "t", "--calls", "count"],
        ["dump", "1", "--format", "speedscope"],
        ["run"],
        ["run", "--"],
        ["record", "1"],
        ["record", "-o", "t"],
        ["record", "-o", "t", "1", "--", "ls"],
        ["report"],
        ["policy", "check", "a.yaml", "--behaviour", "1"],
        ["frobnicate"],
    ],
)
def test_wrong_usage_ends_with_2_and_traces_nothing(session, arguments, capsys):
    assert run_command_line(arguments) == 2

    assert session.calls == []
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--on-violation"])
def test_an_option_of_a_later_version_is_not_accepted(session, option):
    assert run_command_line(["attach", "1", option, "off"]) == 2


@pytest.mark.parametrize(
    ("text", "size"), [("4k", 4096), ("5000", 8192), ("16MiB", 16 << 20), ("1G", 1 << 30), ("512KB", 512 << 10)]
)
def test_a_buffer_size_is_rounded_up_to_a_power_of_two(session, text, size):
    run_command_line(["attach", "1", "--buffer", text])

    assert session.calls[0][2].buffer_bytes == size


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KernelError("the kernel says no", "be root"), "pyxhon: the kernel says no; be root\n"),
        (OutputError("bad \x1b[31mname\n"), "pyxhon: bad \\x1b[31mname\\n\n"),
        (OSError(13, "Permission denied", "/t.pyxhon"), "pyxhon: Permission denied: /t.pyxhon\n"),
        (
            ValueError("surprise"),
            "pyxhon: unexpected error: ValueError: surprise; add -v to see where, and please report it\n",
        ),
    ],
)
def test_an_error_is_one_line_and_status_1(session, monkeypatch, capsys, error, line):
    def fail(pid, options):
        raise error

    monkeypatch.setattr(session, "attach", fail)

    assert run_command_line(["attach", "1"]) == 1
    assert capsys.readouterr().err == line


def test_verbose_shows_where_an_error_came_from(session, monkeypatch, capsys):
    def fail(pid, options):
        raise ValueError("surprise")

    monkeypatch.setattr(session, "attach", fail)
    run_command_line(["attach", "1", "-v"])

    assert "Traceback" in capsys.readouterr().err


def test_the_status_of_the_session_is_the_status_of_the_command(session, monkeypatch):
    monkeypatch.setattr(session, "run", lambda *_: 3)

    assert run_command_line(["run", "--", "true"]) == 3


def test_version_is_printed(capsys):
    assert run_command_line(["--version"]) == 0

    assert capsys.readouterr().out == f"pyxhon, version {__version__}\n"


@pytest.mark.parametrize("path", [path for path, _ in every_command()], ids=" ".join)
def test_help_of_every_command_has_examples(path, capsys):
    assert run_command_line([*path, "--help"]) == 0

    assert f"  pyxhon {' '.join(path)}" in capsys.readouterr().out.partition("Examples:")[2]


def start(*arguments, **how):
    command = [sys.executable, "-m", "pyxhon", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **how)


def test_a_reader_that_leaves_is_met_with_silence():
    read_end, write_end = os.pipe()
    os.close(read_end)

    process = start("--help", stdout=write_end)
    os.close(write_end)

    assert process.communicate(timeout=30)[1] == b""


def test_a_full_disk_under_standard_output_is_one_line():
    with Path("/dev/full").open("w") as full:
        process = start("--help", stdout=full)
        error = process.communicate(timeout=30)[1].decode()

    assert process.returncode == 1
    assert error == "pyxhon: cannot write output: No space left on device; make room or write elsewhere\n"


def test_the_module_runs_like_the_command():
    process = start("--version", stdout=subprocess.PIPE)

    assert process.communicate(timeout=30)[0].startswith(b"pyxhon, version")
    assert process.returncode == 0


def test_functions_of_c_and_of_python_are_handed_over(session):
    words = ["attach", "42", "--function", "socket.socket.send", "--function", "requests.sessions:Session.send"]

    assert run_command_line([*words, "--function", "evil*:*"]) == 0

    assert session.calls[0][2].functions == ("socket.socket.send", "requests.sessions:Session.send", "evil*:*")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a:b:c", "a Python function's name has one colon; write MODULE:QUALNAME"),
        (":f", "the module is missing; write * for any"),
        ("evil*", "for Python functions write MODULE:QUALNAME"),
    ],
)
def test_a_malformed_function_is_refused(session, capsys, name, words):
    assert run_command_line(["attach", "42", "--function", name]) == 2

    assert words in capsys.readouterr().err
    assert session.calls == []
