"""The command line. The only place that catches errors: each becomes one line and an exit status."""

import errno
import os
import sys
import traceback
from typing import Final, NoReturn

import click

from pyxhon import __version__
from pyxhon.cli.attach import attach
from pyxhon.cli.completion import completion
from pyxhon.cli.diff import diff
from pyxhon.cli.doctor import doctor
from pyxhon.cli.dump import dump
from pyxhon.cli.evaluate import evaluate
from pyxhon.cli.inspect import inspect
from pyxhon.cli.messages import is_verbose, show_error
from pyxhon.cli.policy import policy
from pyxhon.cli.record import record
from pyxhon.cli.report import report
from pyxhon.cli.run import run
from pyxhon.cli.top import top
from pyxhon.errors import PyxhonError

COMMANDS: Final = (attach, run, record, report, diff, policy, evaluate, top, dump, inspect, doctor, completion)
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_FAILED: Final = 1
_INTERRUPTED: Final = 130

_EXAMPLES = """\b
Examples:
  pyxhon run -- python app.py
  sudo pyxhon attach 4242 --duration 60
  pyxhon doctor

\b
Exit status: 0 traced and nothing against the policy, 1 could not do it, 2 usage,
3 CodeReview, 4 nothing found but something was lost that could hide a violation.
"""


class OrderedGroup(click.Group):
    """Lists its commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's own signature
        """Give the commands as they were added."""
        return list(self.commands)


@click.group(cls=OrderedGroup, epilog=_EXAMPLES, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="pyxhon")
def pyxhon() -> None:
    """Tell what a running Python program really does, in Python and beneath it, package by package."""


for _command in COMMANDS:
    pyxhon.add_command(_command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its status."""
    _fill_closed_streams()
    status = run_command_line(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_closed_pipe()
    except OSError as error:
        if status != _FAILED:  # then it has been said
            show_error(f"cannot write to standard output: {error.strerror}")
        _leave_closed_pipe()
        status = _FAILED
    sys.exit(status)


def run_command_line(arguments: list[str] | None = None) -> int:
    """Run one command and give its exit status."""
    try:
        return _run(arguments)
    except BrokenPipeError:
        _leave_closed_pipe()
    except (click.Abort, KeyboardInterrupt):
        show_error("interrupted")
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last line of defence: shown, never hidden
        if is_verbose():
            traceback.print_exception(error)
        show_error(_describe(error))
        if isinstance(error, PyxhonError):
            return error.exit_status
    return _FAILED


def _run(arguments: list[str] | None) -> int:
    if "_PYXHON_COMPLETE" in os.environ:  # a key was pressed
        from pyxhon.cli.shells import register_shells

        register_shells()
    try:
        return int(pyxhon.main(arguments, prog_name="pyxhon", standalone_mode=False) or 0)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code


def _describe(error: Exception) -> str:
    if isinstance(error, PyxhonError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"cannot write {error.filename or 'output'}: {error.strerror}; make room or write elsewhere"
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    name = type(error).__name__
    return f"unexpected error: {name}: {error}; add -v to see where, and please report it"


def _fill_closed_streams() -> None:
    """Give streams to a process started without (`>&-`): what is written to standard output must fail, not vanish."""
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _leave_closed_pipe() -> None:
    # The reader has gone; without this the interpreter complains when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
