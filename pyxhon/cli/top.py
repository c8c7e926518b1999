"""`pyxhon top PID`: watch what a running process does, live."""

import dataclasses
import sys

import click

from pyxhon.cli.options import top_options
from pyxhon.errors import OutputError
from pyxhon.session_options import TraceOptions

_EXAMPLES = """\b
Examples:
  pyxhon top 4242
  pyxhon top 4242 --policy service.yaml -o service.pyxhon
"""


@click.command("top", short_help="Watch what a running process does.", epilog=_EXAMPLES)
@click.argument("pid", type=click.IntRange(min=1))
@top_options
def top(pid: int, options: TraceOptions) -> int:
    """Watch what the running process PID and its children do: packages, system calls, imports, findings.

    q, or Ctrl-C, detaches; the target goes on untouched. Packages are in the order of what they did of late.
    """
    from pyxhon import session

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = "top needs a terminal to show on"
        raise OutputError(message, "use attach, which prints a report")
    return session.record_attach(pid, dataclasses.replace(options, is_live_view=True))
