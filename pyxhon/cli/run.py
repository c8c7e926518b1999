"""`pyxhon run -- CMD`: start a command and trace it from its first instruction."""

import click

from pyxhon.cli.completing import complete_command
from pyxhon.cli.options import run_options
from pyxhon.session_options import TraceOptions

_EXAMPLES = """\b
Examples:
  pyxhon run -- python app.py
  pyxhon run --policy numpy.yaml --report numpy.txt -- python exercise.py
  pyxhon run --exit-code command -q --report run.json --format json -- pytest
  pyxhon run --calls trace --format speedscope --report calls.json -- python app.py
  pyxhon run --instructions all --instructions-package __main__ -o flow.pyxhon -- python app.py
"""


@click.command(
    "run",
    short_help="Start a command and trace it.",
    epilog=_EXAMPLES,
    context_settings={"allow_interspersed_args": False},
)
@click.argument(
    "command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- CMD...",
    shell_complete=complete_command,
)  # fmt: skip
@run_options
def run(command: tuple[str, ...], options: TraceOptions) -> int:
    """Start CMD, trace it from its first instruction, and report when it ends.

    Its standard streams are its own. The report goes to standard output after the command has ended,
    unless --report names a file.
    """
    from pyxhon import session

    return session.run(command, options)
