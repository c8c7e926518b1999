"""The report for people: the matrix first, then the evidence; at most 100 columns wide."""

import io
import re
from typing import Final, TextIO

from rich.text import Text

from pyxhon.report.describe import count_noun, describe_command
from pyxhon.report.digest import Act, gather_acts
from pyxhon.report.escape import escape
from pyxhon.report.model import Report
from pyxhon.report.text.acts import print_behaviours
from pyxhon.report.text.calls import print_calls, print_functions
from pyxhon.report.text.code import print_made_code
from pyxhon.report.text.exercise import print_exercise
from pyxhon.report.text.invisible import print_invisible
from pyxhon.report.text.lines import COLUMNS, make_console, print_line
from pyxhon.report.text.matrix import print_matrix
from pyxhon.report.text.sequences import print_reactions, print_sequences
from pyxhon.report.text.surroundings import (
    print_coverage,
    print_dlls,
    print_imports,
    print_losses,
    print_snapshots,
)
from pyxhon.report.text.violations import print_violations

__all__ = ["COLUMNS", "write_text"]

_PADDING: Final = re.compile(r" +$", re.MULTILINE)


def write_text(
    report: Report, out: TextIO, *, columns: int = COLUMNS, is_coloured: bool = False, is_full: bool = False
) -> None:
    """Write the report as text, lines no longer than `columns` (72 to 100); `is_full`: cut no list."""
    buffer = io.StringIO()
    console = make_console(buffer, columns, is_coloured=is_coloured, is_full=is_full)
    acts = gather_acts(report)
    print_line(console, _describe_run(report, console.width))
    console.print()
    print_matrix(console, report, acts)
    print_line(console, _describe_outcome(report, acts))
    print_reactions(console, report)
    print_violations(console, report, acts)
    print_sequences(console, report)
    print_invisible(console, report, acts)
    print_behaviours(console, report, acts)
    print_made_code(console, report)
    print_calls(console, report)
    print_imports(console, report)
    print_dlls(console, report)
    print_snapshots(console, report)
    print_functions(console, report)
    print_exercise(console, report)
    print_coverage(console, report)
    print_losses(console, report)
    out.write(_PADDING.sub("", buffer.getvalue()))


def _describe_run(report: Report, columns: int) -> Text:
    first = report.processes[0] if report.processes else None
    images = count_noun(len(report.processes), "process image")
    pid = f"pid {first.pid}, " if first else ""
    start, end = f"PyXhon {escape(report.pyxhon, 24)}: ", f" ({pid}{images}), {report.duration_s:.1f} s"
    command = describe_command(first.argv, max(columns - len(start) - len(end), 20)) if first else "no process"
    return Text(start + command + end)


def _describe_outcome(report: Report, acts: list[Act]) -> Text:
    violations = sum(act.behaviour.verdict == "violation" for act in acts)
    ordered = sum(row.verdict == "violation" for row in report.sequences)
    if violations or ordered or any(package.suggestion == "CodeReview" for package in report.packages):
        line = Text("CodeReview", style="bold red")
        more = f", {count_noun(ordered, 'sequence')} against the policy" if ordered else ""
        return line.append(f": {count_noun(violations, 'violation')}{more}", style="")
    if not report.complete:
        return Text("Incomplete: nothing found, but something was lost (see Losses)", style="bold yellow")
    if any(package.suggestion == "Accept" for package in report.packages):
        return Text("Accept: nothing against the policy", style="bold green")
    return Text("No policy given: nothing was judged")
