"""How lines are printed: headings, folded lines, the remark that a list was cut."""

import sys
from io import StringIO
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

COLUMNS: Final = 100
_NARROWEST: Final = 72


class FullConsole(Console):
    """A console on which no list is cut."""


def make_console(buffer: StringIO, columns: int, *, is_coloured: bool, is_full: bool = False) -> Console:
    """Give what prints lines no longer than `columns` (72 to 100)."""
    return (FullConsole if is_full else Console)(
        file=buffer,
        width=min(max(columns, _NARROWEST), COLUMNS),
        force_terminal=is_coloured,
        color_system="standard" if is_coloured else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},  # what it looks like is decided by the caller, not by variables
    )


def cap(console: Console, limit: int) -> int:
    """Give how many rows of a list are printed, at most `limit` unless everything is wanted."""
    return sys.maxsize if isinstance(console, FullConsole) else limit


def print_heading(console: Console, title: str) -> None:
    """Start a section."""
    console.print()
    console.print(Text(title, style="bold"))


def print_line(console: Console, line: Text, indent: int = 0) -> None:
    """Print one line, folded where it is too long, with its continuation indented alike."""
    console.print(Padding(line, (0, 0, 0, indent), expand=False))


def print_after(console: Console, lead: str, line: Text, indent: int = 0) -> None:
    """Print a line after a few words of lead, folded so that all of it stands right of them."""
    for number, part in enumerate(line.wrap(console, max(console.width - indent - len(lead), 20))):
        part.rstrip()
        start = lead if number == 0 else " " * len(lead)
        console.print(Text(" " * indent + start, style=line.style).append_text(part))


def print_more(console: Console, count: int, indent: int = 0) -> None:
    """Say how much of a long list was left out."""
    if count > 0:
        line = Text(f"… and {count} more (--full shows them)", style="dim")
        print_line(console, line, indent)
