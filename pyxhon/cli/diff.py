"""`pyxhon diff A B`: what differs between two traces or reports."""

from pathlib import Path

import click

from pyxhon.cli.options import diff_options
from pyxhon.session_options import TraceOptions

_EXAMPLES = """\b
Examples:
  pyxhon diff before.pyxhon after.pyxhon
  pyxhon diff main.json branch.json --format markdown > comment.md
  pyxhon diff before.pyxhon after.pyxhon --policy service.yaml
  pyxhon diff before.pyxhon after.pyxhon --fail-on-new

\b
Exit status: 0 nothing new that is not allowed, 3 B does more than it may,
4 nothing found but B lost something that could hide it.
"""
_FILE = click.Path(readable=False, path_type=Path)


@click.command("diff", short_help="Tell what differs between two traces or reports.", epilog=_EXAMPLES)
@click.argument("first", type=_FILE, metavar="A")
@click.argument("second", type=_FILE, metavar="B")
@click.option(
    "--fail-on-new",
    is_flag=True,
    help="End with 3 when B has anything that A has not, or does beneath Python what A does in it.",
)
@diff_options
def diff(first: Path, second: Path, fail_on_new: bool, options: TraceOptions) -> int:
    """Tell what B does and A does not, and the other way round. A and B are traces or JSON reports."""
    from pyxhon.diff.files import diff_files

    return diff_files(first, second, options, fails_on_new=fail_on_new)
