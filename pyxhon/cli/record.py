"""`pyxhon record`: attach or run without a report, only the trace."""

from typing import Final

import click
from click.shell_completion import CompletionItem

from pyxhon.cli.completing import complete_command
from pyxhon.cli.options import record_options
from pyxhon.session_options import TraceOptions

_EXAMPLES = """\b
Examples:
  pyxhon record -o service.pyxhon 4242
  pyxhon record -o app.pyxhon -- python app.py
  pyxhon report app.pyxhon
  pyxhon record --calls trace --max-events 1000000 -o app.pyxhon -- python app.py
"""
_HAS_DASHES: Final = "pyxhon.has_dashes"


def complete_after_dashes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer what a command begins with; a PID nobody has to be offered."""
    return complete_command(context, parameter, incomplete) if context.meta.get(_HAS_DASHES) else []


class RecordCommand(click.Command):
    """Takes a PID, or a command after `--`: what follows the two dashes is never read as an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the traced command aside before click sees it."""
        command: list[str] = []
        has_dashes = "--" in args
        if has_dashes:
            position = args.index("--")
            command = args[position + 1 :]
            args = args[:position]
        ctx.meta[_HAS_DASHES] = has_dashes
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing and (ctx.params.get("pid") is None) != bool(command):
            raise click.UsageError("Give either a PID or, after --, a command.", ctx)
        ctx.params["command"] = tuple(command)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show the second form in the usage line."""
        return [*super().collect_usage_pieces(ctx), "| -- CMD..."]


@click.command("record", short_help="Only write the trace.", cls=RecordCommand, epilog=_EXAMPLES)
@click.argument("pid", type=click.IntRange(min=1), required=False, shell_complete=complete_after_dashes)
@record_options
def record(pid: int | None, command: tuple[str, ...], options: TraceOptions) -> int:
    """Trace the process PID, or a command given after --, and only write the trace.

    Make the report later, under any policy, with `pyxhon report`.
    """
    from pyxhon import session

    if pid is None:
        return session.record_run(command, options)
    return session.record_attach(pid, options)
