"""How lines are printed: headings, folded lines, the remark that a list was cut."""

from io import StringIO
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

COLUMNS: Final = 100
_NARROWEST: Final = 72


def make_console(buffer: StringIO, columns: int, *, is_coloured: bool) -> Console:
    """Give what prints lines no longer than `columns` (72 to 100)."""
    return Console(
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


def print_heading(console: Console, title: str) -> None:
    """Start a section."""
    console.print()
    console.print(Text(title, style="bold"))


def print_line(console: Console, line: Text, indent: int = 0) -> None:
    """Print one line, folded where it is too long, with its continuation indented alike."""
    console.print(Padding(line, (0, 0, 0, indent), expand=False))


def print_more(console: Console, count: int, indent: int = 0) -> None:
    """Say how much of a long list was left out."""
    if count > 0:
        line = Text(f"… and {count} more (--format json has all)", style="dim")
        print_line(console, line, indent)
