"""The differences for people: what was not seen first, then what differs, by package; at most 100 columns wide."""

import io
import re
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from pyxhon.diff.model import Diff, Difference
from pyxhon.diff.sections import (
    SIGNS,
    Entry,
    Section,
    describe_changes,
    describe_doubts,
    describe_entry,
    describe_levels,
    describe_outcome,
    describe_side,
    describe_totals,
    describe_unseen,
    is_beneath,
    is_violation,
    make_sections,
)
from pyxhon.report.describe import describe_location, describe_whole_location
from pyxhon.report.escape import escape, escape_path
from pyxhon.report.text.lines import COLUMNS, make_console, print_heading, print_line, print_more

ENTRY_LIMIT: Final = 25
PACKAGE_LIMIT: Final = 40
STACK_LIMIT: Final = 8
_STYLES: Final = {"+": "green", "-": "red", "~": "yellow", ">": "dim"}
_PADDING: Final = re.compile(r" +$", re.MULTILINE)


def write_diff_text(diff: Diff, out: TextIO, *, columns: int = COLUMNS, is_coloured: bool = False) -> None:
    """Write the differences as text, lines no longer than `columns` (72 to 100)."""
    buffer = io.StringIO()
    console = make_console(buffer, columns, is_coloured=is_coloured)
    for name, side in (("a", diff.a), ("b", diff.b)):
        print_line(console, Text(f"{name}: {escape_path(side.name, console.width - 3)}"))
        print_line(console, Text(describe_side(side, console.width - 3), style="dim"), indent=3)
    if diff.unseen:
        print_heading(console, "Not seen alike")
        for row in diff.unseen:
            print_line(console, Text(describe_unseen(row), style="yellow"), indent=2)
    console.print()
    print_line(console, Text(describe_totals(diff)))
    print_line(console, Text(describe_outcome(diff), style="bold red" if diff.new_violations else ""))
    for section in make_sections(diff):
        _print_section(console, section)
    out.write(_PADDING.sub("", buffer.getvalue()))


def _print_section(console: Console, section: Section) -> None:
    print_heading(console, f"{section.title} ({section.count})")
    for name, entries in section.packages[:PACKAGE_LIMIT]:
        print_line(console, Text(escape(name, 60), style="bold"), indent=2)
        for entry in entries[:ENTRY_LIMIT]:
            _print_entry(console, entry)
        print_more(console, sum(entry.others + 1 for entry in entries[ENTRY_LIMIT:]), indent=4)
    rest = section.packages[PACKAGE_LIMIT:]
    print_more(console, sum(entry.others + 1 for _, entries in rest for entry in entries), indent=2)


def _print_entry(console: Console, entry: Entry) -> None:
    row = entry.first
    sign = SIGNS[row.change]
    line = Text(f"{sign} ", style=_STYLES[sign])
    line.append(describe_entry(entry), style="bold red" if is_violation(row) else "")
    for words in (describe_levels(row), describe_changes(row)):
        line.append(f" [{words}]" if words else "", style="yellow")
    print_line(console, line, indent=4)
    _print_evidence(console, row)


def _print_evidence(console: Console, row: Difference) -> None:
    evidence = row.after or row.before
    if evidence is None or row.item == "package":
        return
    if evidence.location is not None:
        print_line(console, Text(f"at {describe_whole_location(evidence.location, console.width - 9)}"), indent=6)
    if is_violation(row) and evidence.rule:
        print_line(console, Text(f"against {escape(evidence.rule, 200)}"), indent=6)
    if evidence.object and is_beneath(row):
        print_line(console, Text(f"DLL {escape_path(evidence.object, console.width - 10)}"), indent=6)
    if is_violation(row) or is_beneath(row):
        _print_stack(console, [describe_location(frame) for frame in evidence.python_stack])
    doubts = describe_doubts(row)
    if doubts:
        print_line(console, Text(doubts, style="yellow"), indent=6)


def _print_stack(console: Console, frames: list[str]) -> None:
    for position, frame in enumerate(frames[:STACK_LIMIT]):
        print_line(console, Text(f"{'stack' if position == 0 else '     '} {frame}", style="dim"), indent=6)
    print_more(console, len(frames) - STACK_LIMIT, indent=12)
