"""`pyxhon policy`: show, check, learn and list policies."""

from pathlib import Path

import click

from pyxhon.cli.completing import complete_policies
from pyxhon.cli.options import verbose_option

_SHOW_EXAMPLES = """\b
Examples:
  pyxhon policy show builtin:numpy
  pyxhon policy show service.yaml
"""
_CHECK_EXAMPLES = """\b
Examples:
  pyxhon policy check service.yaml
  pyxhon policy check service.yaml service.pyxhon
  pyxhon policy check service.yaml --trace service.pyxhon --behaviour 1f3a9c
"""
_LEARN_EXAMPLES = """\b
Examples:
  pyxhon policy learn service.pyxhon -o service.yaml
  pyxhon policy learn monday.pyxhon tuesday.pyxhon
  pyxhon policy learn service.pyxhon --package requests
"""
_LIST_EXAMPLES = """\b
Examples:
  pyxhon policy list
"""


@click.group("policy")
def policy() -> None:
    """Show, check, learn and list policies."""


@policy.command("show", epilog=_SHOW_EXAMPLES)
@click.argument("name", metavar="FILE", shell_complete=complete_policies)
@verbose_option
def show(name: str) -> int:
    """Print the policy FILE, or builtin:NAME, with all that it extends."""
    from pyxhon import explaining

    return explaining.show_policy(name)


@policy.command("check", epilog=_CHECK_EXAMPLES)
@click.argument("names", nargs=-1, required=True, metavar="FILE... [TRACE]", shell_complete=complete_policies)
@click.option(
    "--trace", type=click.Path(path_type=Path), metavar="TRACE", help="Tell which rule decides each behaviour."
)
@click.option("--behaviour", metavar="ID", help="Explain one behaviour of the trace, by the start of its id.")
@verbose_option
def check(names: tuple[str, ...], trace: Path | None, behaviour: str | None) -> int:
    """Validate the policies FILE...; with a trace or JSON report, tell which rule decides what, which never matched.

    An invalid policy is refused with file, line, column and the nearest valid key.
    """
    from pyxhon import explaining

    if behaviour is not None and trace is None and len(names) == 1:
        raise click.UsageError("--behaviour needs a trace")
    return explaining.check_policies(names, trace, behaviour)


@policy.command("learn", epilog=_LEARN_EXAMPLES)
@click.argument("traces", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path), metavar="TRACE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="POLICY", help="Write the policy there.")
@click.option("--package", metavar="NAME", help="Learn the entry of this package alone.")
@verbose_option
def learn(traces: tuple[Path, ...], output: Path | None, package: str | None) -> int:
    """Write the tightest readable policy that allows what is in the traces TRACE..., and nothing else.

    Comments tell what each rule was learned from.
    """
    from pyxhon.learning.learn import learn_policy

    return learn_policy(traces, output, package)


@policy.command("list", epilog=_LIST_EXAMPLES)
@verbose_option
def list_policies() -> int:
    """List the policies that come with PyXhon."""
    from pyxhon import explaining

    return explaining.list_policies()
