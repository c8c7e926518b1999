"""`pyxhon completion SHELL`: what a shell needs to complete commands, options and their values."""

import click

from pyxhon.cli.options import verbose_option

SHELLS = ("bash", "zsh", "fish")
_EXAMPLES = """\b
Examples:
  source <(pyxhon completion bash)
  pyxhon completion zsh > /usr/local/share/zsh/site-functions/_pyxhon
  pyxhon completion fish > ~/.config/fish/completions/pyxhon.fish
"""


@click.command("completion", short_help="Print a shell's completion script.", epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@verbose_option
def completion(shell: str) -> int:
    """Print what SHELL (bash, zsh or fish) needs to complete pyxhon's commands, options and their values.

    scripts/install puts it where the shells look for it.
    """
    from pyxhon.cli.shells import write_script

    click.echo(write_script(shell, click.get_current_context().find_root().command))
    return 0
