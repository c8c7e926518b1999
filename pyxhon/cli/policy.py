"""`pyxhon policy`: show, check and list policies."""

from pathlib import Path

import click

from pyxhon.cli.options import complete_files, verbose_option

_SHOW_EXAMPLES = """\b
Examples:
  pyxhon policy show builtin:numpy
  pyxhon policy show service.yaml
"""
_CHECK_EXAMPLES = """\b
Examples:
  pyxhon policy check service.yaml
  pyxhon policy check service.yaml --trace service.pyxhon
  pyxhon policy check service.yaml --trace service.pyxhon --behaviour 1f3a9c
"""
_LIST_EXAMPLES = """\b
Examples:
  pyxhon policy list
"""


@click.group("policy")
def policy() -> None:
    """Show, check and list policies."""


@policy.command("show", epilog=_SHOW_EXAMPLES)
@click.argument("name", metavar="FILE", shell_complete=complete_files)
@verbose_option
def show(name: str) -> int:
    """Print the policy FILE, or builtin:NAME, with all that it extends."""
    from pyxhon import explaining

    return explaining.show_policy(name)


@policy.command("check", epilog=_CHECK_EXAMPLES)
@click.argument("names", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_files)
@click.option(
    "--trace", type=click.Path(path_type=Path), metavar="TRACE", help="Tell which rule decides each behaviour."
)
@click.option("--behaviour", metavar="ID", help="Explain one behaviour of the trace, by the start of its id.")
@verbose_option
def check(names: tuple[str, ...], trace: Path | None, behaviour: str | None) -> int:
    """Validate the policies FILE...; with a trace, tell which rule decides what.

    An invalid policy is refused with file, line, column and the nearest valid key.
    """
    from pyxhon import explaining

    if behaviour is not None and trace is None:
        raise click.UsageError("--behaviour needs --trace")
    return explaining.check_policies(names, trace, behaviour)


@policy.command("list", epilog=_LIST_EXAMPLES)
@verbose_option
def list_policies() -> int:
    """List the policies that come with PyXhon."""
    from pyxhon import explaining

    return explaining.list_policies()
