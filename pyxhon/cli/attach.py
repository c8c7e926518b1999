"""`pyxhon attach PID`: trace a running process."""

import click

from pyxhon.cli.options import attach_options
from pyxhon.session_options import TraceOptions

_EXAMPLES = """\b
Examples:
  pyxhon attach 4242 --duration 60
  pyxhon attach 4242 --policy service.yaml --format json --report findings.json
  pyxhon attach 4242 -o service.pyxhon
  pyxhon attach 4242 --calls count --calls-budget 20
  pyxhon attach 4242 --instructions imports --instructions-package requests --duration 10 -o flow.pyxhon
"""


@click.command("attach", short_help="Trace a running process.", epilog=_EXAMPLES)
@click.argument("pid", type=click.IntRange(min=1))
@attach_options
def attach(pid: int, options: TraceOptions) -> int:
    """Trace the running process PID and its children, then report.

    PID is the number on this host, or the number inside a container where only one process has it.
    Ctrl-C detaches and prints the report; the target goes on untouched.
    """
    from pyxhon import session

    return session.attach(pid, options)
