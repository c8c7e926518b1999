"""`pyxhon doctor`: can this kernel, this interpreter, this pid be traced, and by which sites."""

import click

from pyxhon.cli.completing import complete_files
from pyxhon.cli.options import verbose_option

_EXAMPLES = """\b
Examples:
  pyxhon doctor
  pyxhon doctor 4242
  pyxhon doctor /usr/bin/python3
"""


@click.command("doctor", short_help="Tell what can be traced, and how.", epilog=_EXAMPLES)
@click.argument("subject", required=False, metavar="[PID|INTERPRETER]", shell_complete=complete_files)
@verbose_option
def doctor(subject: str | None) -> int:
    """Tell whether this kernel, and this pid or interpreter, can be traced, and by which sites.

    One line per finding: OK, or NO with the remedy. Ends with 0 when tracing is possible, else 1.
    """
    from pyxhon.doctor import diagnose

    return diagnose(subject)
