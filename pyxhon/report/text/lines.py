"""How lines are printed: headings, folded lines, the remark that a list was cut."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text


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
