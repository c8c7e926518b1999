"""The page of `pyxhon top`: figures of a trace that is being taken, in as many lines as the terminal has."""

import io
from dataclasses import dataclass, field
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyxhon.categories import CATEGORIES
from pyxhon.categories import LETTERS as CATEGORY_OF
from pyxhon.report.escape import escape

_LETTERS: Final = {category: letter for letter, category in CATEGORY_OF.items()}
_FIXED_LINES: Final = 8  # all but the rows of packages and findings
_LEAST_COLUMNS, _LEAST_LINES = 40, 12
_NAMES: Final = 8


@dataclass(slots=True)
class PackageFigures:
    """What one package did: acts by category, those beneath Python, how often in all and of late."""

    acts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CATEGORIES, 0))
    beneath: int = 0
    violations: int = 0
    count: int = 0
    rate: float = 0.0


@dataclass(slots=True)
class TopFigures:
    """All that a page shows; texts of the target are escaped when they are shown."""

    title: str
    seconds: float = 0.0
    events: int = 0
    rate: float = 0.0
    acts: int = 0
    violations: int = 0
    lost: int = 0
    left_out: int = 0
    packages: dict[str, PackageFigures] = field(default_factory=dict)
    system_calls: dict[str, int] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    """What was done, and where; escaped."""


def render_page(figures: TopFigures, columns: int, lines: int, *, is_coloured: bool) -> list[str]:
    """Give the lines of the page, at most `lines` of at most `columns`."""
    columns, lines = max(columns, _LEAST_COLUMNS), max(lines, _LEAST_LINES)
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=columns, force_terminal=is_coloured, color_system="standard" if is_coloured else None,
        highlight=False, markup=False, emoji=False, legacy_windows=False, _environ={},
    )  # fmt: skip
    room = lines - _FIXED_LINES
    rows = min(len(figures.packages), max(room // 2, 1))
    _print_head(console, figures)
    _print_packages(console, figures, rows)
    _print_names(console, "System calls", [f"{name} {count}" for name, count in _most(figures.system_calls)])
    _print_names(console, f"Imports ({len(figures.imports)})", [escape(name, 40) for name in figures.imports[-_NAMES:]])
    console.print(Text("Newest findings", style="bold"))
    for what, place in figures.findings[: -(max(room - rows, 1) + 1) : -1]:
        console.print(_make_finding(what, place, columns), no_wrap=True, overflow="ellipsis")
    return buffer.getvalue().split("\n")[:lines]


def _print_head(console: Console, figures: TopFigures) -> None:
    minutes, seconds = divmod(int(figures.seconds), 60)
    start, end = "pyxhon top: ", f"  {minutes}:{seconds:02}  q quits"
    title = Text(start + escape(figures.title), style="bold")
    title.truncate(max(console.width - len(end), 24), overflow="ellipsis")
    console.print(title.append(end, style="not bold"), no_wrap=True, overflow="ellipsis")
    line = Text(f"{figures.events} events, {figures.rate:.0f}/s; {figures.acts} behaviours; ")
    line.append(f"{figures.violations} violations", style="bold red" if figures.violations else "")
    line.append("; ")
    line.append(f"{figures.lost} lost", style="yellow" if figures.lost else "")
    if figures.left_out:
        line.append(f"; {figures.left_out} events not in the figures below", style="yellow")
    console.print(line, no_wrap=True, overflow="ellipsis")
    console.print()


def _make_finding(what: str, place: str, columns: int) -> Text:
    """Put both on one line: of a place its end tells most, of an act its beginning."""
    most = columns * 3 // 8
    shown = place if cell_len(place) <= most else f"…{set_cell_size(place[::-1], most - 1)[::-1]}"
    line = Text(f"  {what}")
    line.truncate(columns - len(" at ") - cell_len(shown), overflow="ellipsis")
    return line.append(f" at {shown}")


def _print_packages(console: Console, figures: TopFigures, rows: int) -> None:
    """Print the hottest packages, of late and then in all."""
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Package", no_wrap=True, overflow="ellipsis", ratio=1)
    for title in (*_LETTERS.values(), "native", "times", "per s"):
        table.add_column(title, justify="right", no_wrap=True)
    order = sorted(figures.packages.items(), key=lambda item: (-item[1].rate, -item[1].count, item[0]))
    for name, each in order[:rows]:
        table.add_row(
            Text(escape(name, 40), style="bold red" if each.violations else ""),
            *(str(each.acts[category] or "-") for category in CATEGORIES),
            str(each.beneath or "-"),
            str(each.count),
            f"{each.rate:.0f}",
        )
    console.print(table)
    if len(order) > rows:
        console.print(Text(f"… and {len(order) - rows} more packages", style="dim"))
    else:
        console.print()


def _print_names(console: Console, title: str, names: list[str]) -> None:
    line = Text(f"{title}: ", style="bold")
    console.print(line.append(", ".join(names) or "-", style="not bold"), no_wrap=True, overflow="ellipsis")


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(escape(name, 30), count) for name, count in order[:_NAMES]]
