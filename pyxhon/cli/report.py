"""`pyxhon report TRACE`: make a report from a trace or a JSON report, offline, under any policy."""

from pathlib import Path

import click

from pyxhon.cli.options import report_options
from pyxhon.session_options import TraceOptions

_EXAMPLES = """\b
Examples:
  pyxhon report service.pyxhon
  pyxhon report service.pyxhon --policy strict.yaml --policy builtin:numpy
  pyxhon report service.pyxhon --format json | jq '.behaviours[] | select(.verdict == "violation")'
  pyxhon report service.pyxhon --format html --report service.html
  pyxhon report service.json --policy strict.yaml
  pyxhon report app.pyxhon --code 1f3a90
  pyxhon report app.pyxhon --format collapsed > app.collapsed
"""


@click.command("report", short_help="Report on a trace.", epilog=_EXAMPLES)
@click.argument("trace", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--code",
    metavar="HASH",
    help="Show this code object alone: origin, acts, instructions. The hash's beginning is enough.",
)
@report_options
def report(trace: Path, code: str | None, options: TraceOptions) -> int:
    """Report on TRACE, as `attach` and `run` do at their end. Needs no process and no root.

    TRACE may be a report that --format json wrote: --policy judges it anew, without one it keeps its verdicts.
    """
    from pyxhon import reporting

    if code is not None:
        if options.report_format not in {"text", "json"}:
            raise click.UsageError("--code is written as text or json.")
        return reporting.report_code(trace, code, options)
    return reporting.report_file(trace, options)
