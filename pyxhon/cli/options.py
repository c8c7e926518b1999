"""The options that several commands share, each declared once."""

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from pyxhon.cli.completing import complete_policies
from pyxhon.cli.messages import configure_messages
from pyxhon.errors import FunctionNameError
from pyxhon.python_functions import is_python_name, parse_python_pattern
from pyxhon.session_options import CALL_FORMATS, TraceOptions

_SMALLEST_BUFFER: Final = 4 << 10
_LARGEST_BUFFER: Final = 1 << 30
_SIZE: Final = re.compile(r"([0-9]{1,12})([KMG]?)(?:I?B)?")
_NO_FILE: Final = re.compile(r"<[^<>:]+>")
_LONGEST_NAME: Final = 256
_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30}

Command = Callable[..., int]


def parse_size(text: str) -> int:
    """Read a size such as 65536, 512K or 16M, from 4K to 1G, rounded up to a power of two."""
    found = _SIZE.fullmatch(text.upper())
    if not found:
        raise click.BadParameter(f"{text!r} is not a size such as 512K or 16M")
    size = int(found[1]) << _UNITS[found[2]]
    if not _SMALLEST_BUFFER <= size <= _LARGEST_BUFFER:
        raise click.BadParameter(f"{text!r} is not between 4K and 1G")
    return 1 << (size - 1).bit_length()


def parse_seconds(text: str) -> float:
    """Read a time span in seconds, more than 0 and finite."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise click.BadParameter(f"{text!r} is not a number of seconds above 0")
    return seconds


def parse_percent(text: str) -> float:
    """Read a percentage, more than 0 and at most 100, with or without its sign."""
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not 0 < percent <= 100:  # noqa: PLR2004 - percent
        raise click.BadParameter(f"{text!r} is not a percentage above 0 and up to 100")
    return percent


def parse_function(text: str) -> str:
    """Read the name of a C function, such as socket.socket.send, or of Python functions, MODULE:QUALNAME with globs."""
    if is_python_name(text):
        try:
            return parse_python_pattern(text).text
        except FunctionNameError as error:
            raise click.BadParameter(f"{text!r}: {error}") from error
    if not all(part.isidentifier() for part in text.split(".")) or len(text) > _LONGEST_NAME:
        raise click.BadParameter(
            f"{text!r} is no dotted name such as socket.socket.send; for Python functions write MODULE:QUALNAME"
        )
    return text


def parse_module(text: str) -> str:
    """Read the dotted name of a module or package, or what stands for a file where there is none: <string>."""
    is_name = all(part.isidentifier() for part in text.split(".")) or _NO_FILE.fullmatch(text)
    if not is_name or len(text) > _LONGEST_NAME:
        raise click.BadParameter(f"{text!r} is no name of a module or package such as requests or xml.dom")
    return text


# Whether it can be written is asked in one place, pyxhon/outputs.py, and is no fault of usage.
_FILE: Final = click.Path(readable=False, path_type=Path)

_DURATION = click.option(
    "--duration", "duration_s", type=parse_seconds, metavar="SECONDS",
    help="Stop tracing after this time; the target goes on.",
)  # fmt: skip
_FOLLOW = click.option("--follow/--no-follow", default=True, show_default=True, help="Trace child processes too.")
_OUTPUT = click.option("-o", "--output", type=_FILE, metavar="TRACE", help="Keep the trace (.pyxhon, SQLite).")
_REQUIRED_OUTPUT = click.option(
    "-o", "--output", type=_FILE, metavar="TRACE", required=True, help="The trace to write."
)
_BUFFER = click.option(
    "--buffer", "buffer_bytes", type=parse_size, metavar="SIZE",
    help="Ring buffer between kernel and PyXhon, 4K to 1G, rounded up to a power of two.  [default: 32M; 64M with "
    "--calls trace and --instructions]",
)  # fmt: skip
_AGGREGATE = click.option(
    "--no-aggregate", "aggregate", is_flag=True, flag_value=False, default=True,
    help="Stream every occurrence instead of counting repeats in the kernel.",
)  # fmt: skip
_FUNCTION = click.option(
    "--function", "functions", multiple=True, type=parse_function, metavar="NAME",
    help="Record calls of this C function, such as socket.socket.send, or of Python functions, such as "
    "requests.sessions:Session.send or evil*:*. May be given several times.",
)  # fmt: skip
_INTERPRETER = click.option(
    "--interpreter", "interpreters", multiple=True, type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="A Python that will be run, but that the command does not name, as one in a container: it is probed before "
    "it starts. May be given several times.",
)  # fmt: skip
_SYSCALLS = click.option(
    "--syscalls", type=click.Choice(["sensitive", "all", "off"]), default="sensitive", show_default=True,
    help="Take the system calls that touch files, network, processes and memory; all: count the others, too.",
)  # fmt: skip
_CALLS = click.option(
    "--calls", type=click.Choice(["off", "seen", "count", "trace"]), default=None,
    help="Take which Python functions ran (seen), how often each was called by whom (count), or each call and return "
    "(trace). Default: seen on Python 3.11 and from 3.13 on, where that costs next to nothing, else off.",
)  # fmt: skip
_CALLS_BUDGET = click.option(
    "--calls-budget", type=parse_percent, metavar="PERCENT",
    help="With --calls count: count in windows of time only, so that the target takes at most this much longer.",
)  # fmt: skip
_MAX_EVENTS = click.option(
    "--max-events", type=click.IntRange(min=1), metavar="N",
    help="With --calls trace or --instructions: stop tracing after so many calls and returns, or instructions.",
)  # fmt: skip
_INSTRUCTIONS = click.option(
    "--instructions", type=click.Choice(["off", "imports", "all"]), default="off", show_default=True,
    help="Record executed bytecode instructions in order: those that import, call and load attributes, or all.",
)  # fmt: skip
_INSTRUCTIONS_PACKAGE = click.option(
    "--instructions-package", "instruction_packages", multiple=True, type=parse_module, metavar="NAME",
    help="With --instructions: only of this module and those in it, such as requests or __main__. "
    "May be given several times.",
)  # fmt: skip
_POLICY = click.option(
    "--policy", "policy_paths", multiple=True, metavar="FILE", shell_complete=complete_policies,
    help="Judge by this policy: a file or builtin:NAME. May be given several times.",
)  # fmt: skip
_ON_VIOLATION = click.option(
    "--on-violation", type=click.Choice(["report", "stop", "kill"]), default=None,
    help="Stop (SIGSTOP) or kill a process that violates the policy, after the fact. Goes over the policy's "
    "on_violation.  [default: report]",
)  # fmt: skip
_EXCLUDE_STDLIB = click.option(
    "--exclude-stdlib", is_flag=True,
    help="Leave out what the standard library did on its own behalf; violations stay.",
)  # fmt: skip
_FORMAT = click.option(
    "--format", "report_format", default="text", show_default=True,
    type=click.Choice(["text", "json", "html", "sarif", "markdown", *CALL_FORMATS]),
    help="How the report is written; html: one file for the browser; collapsed, speedscope: a "
    "flame graph of calls that were counted or traced.",
)  # fmt: skip
_FULL = click.option("--full", "is_full", is_flag=True, help="With --format text: cut no list.")
_DUMP_FORMAT = click.option(
    "--format", "report_format", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="How the dump is written.",
)  # fmt: skip
_DIFF_FORMAT = click.option(
    "--format", "report_format", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True,
    help="How the differences are written; markdown: for a pull request.",
)  # fmt: skip
_REPORT = click.option(
    "--report", "report_path", type=_FILE, metavar="FILE", help="Write the report here, not to standard output."
)
_QUIET = click.option(
    "-q", "--quiet", "is_quiet", is_flag=True, help="No findings, no status, no warnings on standard error."
)
_VERBOSE = click.option(
    "-v", "--verbose", "verbosity", count=True, help="Say more on standard error; -vv for everything."
)
_EXIT_CODE = click.option(
    "--exit-code", type=click.Choice(["report", "command"]), default="report", show_default=True,
    help="End with the report's status or with the command's own.",
)  # fmt: skip

_MESSAGES: Final = (_QUIET, _VERBOSE)
_REPORTING: Final = (_POLICY, _EXCLUDE_STDLIB, _FORMAT, _FULL, _REPORT)
_TRACING: Final = (
    _DURATION, _FOLLOW, _CALLS, _CALLS_BUDGET, _INSTRUCTIONS, _INSTRUCTIONS_PACKAGE, _MAX_EVENTS,
    _SYSCALLS, _BUFFER, _AGGREGATE, _FUNCTION, _INTERPRETER, _ON_VIOLATION,
)  # fmt: skip
_ATTACH: Final = (*_TRACING, _OUTPUT, *_REPORTING, *_MESSAGES)


def attach_options(command: Command) -> Command:
    """Declare the options of `attach`; the command gets them as one TraceOptions."""
    return _declare(command, _ATTACH)


def run_options(command: Command) -> Command:
    """Declare the options of `run`."""
    return _declare(command, (*_ATTACH, _EXIT_CODE))


def record_options(command: Command) -> Command:
    """Declare the options of `record`: everything but the report's; a policy is for what violations bring."""
    return _declare(command, (*_TRACING, _POLICY, _REQUIRED_OUTPUT, *_MESSAGES))


def top_options(command: Command) -> Command:
    """Declare the options of `top`."""
    return _declare(command, (_DURATION, _FOLLOW, _SYSCALLS, _BUFFER, _OUTPUT, _POLICY, _VERBOSE))


def report_options(command: Command) -> Command:
    """Declare the options of `report`: those of the report alone."""
    return _declare(command, (*_REPORTING, *_MESSAGES))


def diff_options(command: Command) -> Command:
    """Declare the options of `diff`: those of the report, in formats of its own."""
    return _declare(command, (_POLICY, _EXCLUDE_STDLIB, _DIFF_FORMAT, _REPORT, *_MESSAGES))


def dump_format_option(command: Command) -> Command:
    """Declare --format for a command that takes no TraceOptions."""
    return _DUMP_FORMAT(command)


def verbose_option(command: Command) -> Command:
    """Declare -v for a command that takes no TraceOptions."""

    @functools.wraps(command)
    def configure(verbosity: int, **arguments: Any) -> int:
        configure_messages(verbosity, is_quiet=False)
        return command(**arguments)

    return _VERBOSE(configure)


def _declare(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    @functools.wraps(command)
    def collect(**values: Any) -> int:
        arguments = {name: values.pop(name) for name in tuple(values) if name not in _FIELDS}
        chosen = TraceOptions(**values)
        if chosen.is_full and chosen.report_format != "text":
            raise click.UsageError("--full needs --format text: the other formats say for themselves what they cut.")
        if "calls" in values:  # a command that traces
            _check_calls(chosen)
        configure_messages(chosen.verbosity, is_quiet=chosen.is_quiet)
        return command(**arguments, options=chosen)

    declared: Command = collect
    for option in reversed(options):
        declared = option(declared)
    return declared


def _check_calls(options: TraceOptions) -> None:
    """Refuse what makes no sense without the calls, or the policy, that it is about."""
    if options.on_violation in {"stop", "kill"} and not options.policy_paths:
        raise click.UsageError(f"--on-violation {options.on_violation} needs --policy: else there are no violations.")
    if options.calls_budget is not None and options.calls != "count":
        raise click.UsageError("--calls-budget needs --calls count: nothing else is counted in windows.")
    if options.max_events is not None and options.calls != "trace" and options.instructions == "off":
        raise click.UsageError(
            "--max-events needs --calls trace or --instructions: nothing else is bounded by a number."
        )
    if options.instruction_packages and options.instructions == "off":
        raise click.UsageError("--instructions-package needs --instructions imports or --instructions all.")
    if options.report_format in CALL_FORMATS and options.calls not in {"count", "trace"}:
        raise click.UsageError(f"--format {options.report_format} needs --calls count or --calls trace.")


_FIELDS: Final = frozenset(TraceOptions.__slots__)
