"""Acts in an order that is looked for, and what was done against violations."""

from typing import Final

from rich.console import Console
from rich.text import Text

from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_place,
    describe_reaction,
    describe_remedy,
    telling_arguments,
)
from pyxhon.report.escape import escape
from pyxhon.report.model import Report
from pyxhon.report.sequence_model import Sequence
from pyxhon.report.text.lines import print_heading, print_line, print_more

SEQUENCE_LIMIT: Final = 20
REACTION_LIMIT: Final = 20
_ARGUMENT_LIMIT: Final = 90


def print_reactions(console: Console, report: Report) -> None:
    """Print which processes were stopped or killed, and how one that is stopped goes on."""
    for row in report.reactions[:REACTION_LIMIT]:
        print_line(console, Text(describe_reaction(row), style="bold"))
        if remedy := describe_remedy(row):
            print_line(console, Text(remedy, style="bold"))
    print_more(console, len(report.reactions) - REACTION_LIMIT)


def print_sequences(console: Console, report: Report) -> None:
    """Print each sequence with its steps."""
    if not report.sequences:
        return
    print_heading(console, f"Acts in a telling order ({len(report.sequences)})")
    for row in report.sequences[:SEQUENCE_LIMIT]:
        _print_sequence(console, row)
    print_more(console, len(report.sequences) - SEQUENCE_LIMIT)


def _print_sequence(console: Console, row: Sequence) -> None:
    is_violation = row.verdict == "violation"
    head = Text(escape(row.package, 60), style="bold")
    head.append(": ", style="")
    head.append(escape(row.name, 100), style="bold red" if is_violation else "yellow")
    head.append(f"{': violation' if is_violation else ''}{_describe_time(row)}", style="")
    print_line(console, head)
    if row.reason:
        print_line(console, Text(escape(row.reason, 200), style="dim"), indent=3)
    if is_violation:
        print_line(console, Text(f"decided by {escape(row.rule, 200)}", style="dim"), indent=3)
    for number, step in enumerate(row.steps, 1):
        arguments = describe_arguments(telling_arguments("", step.name, step.args), _ARGUMENT_LIMIT)
        since = (step.time_ns - row.steps[0].time_ns) / 1e9
        when = f"+{since:.3f} s" if step.known else "some time"
        shown = f"{escape(step.name, 80)} {arguments}".rstrip()
        place = f"at {describe_place(step.location)} (pid {step.pid})"
        print_line(console, Text(f"{number}. {when}  {shown} {place}"), indent=3)
    if row.note:
        print_line(console, Text(f"not certain: {escape(row.note, 300)}", style="yellow"), indent=3)


def _describe_time(row: Sequence) -> str:
    steps = count_noun(len(row.steps), "step")
    return f", {steps} in {(row.steps[-1].time_ns - row.steps[0].time_ns) / 1e9:.3f} s" if len(row.steps) > 1 else ""
