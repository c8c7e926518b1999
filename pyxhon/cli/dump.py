"""`pyxhon dump PID`: the mixed Python and native stack of every thread, once."""

import click

from pyxhon.cli.options import dump_format_option, verbose_option

_EXAMPLES = """\b
Examples:
  pyxhon dump 4242
  pyxhon dump 4242 --format json
"""


@click.command("dump", short_help="Print the stack of every thread, once.", epilog=_EXAMPLES)
@click.argument("pid", type=click.IntRange(min=1))
@dump_format_option
@verbose_option
def dump(pid: int, report_format: str) -> int:
    """Print the stack of every thread of the process PID, Python and native frames in one.

    The process runs on: it is neither stopped nor changed. Frames that had to be guessed are marked `?`.
    """
    from pyxhon.dump import dump as print_dump

    return print_dump(pid, report_format)
