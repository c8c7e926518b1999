"""The matrix of packages and categories, as the paper's Table II."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyxhon.categories import CATEGORIES
from pyxhon.categories import LETTERS as CATEGORY_OF
from pyxhon.report.describe import count_noun
from pyxhon.report.digest import Act, Cell, Tally, group_by_package, tally_cells
from pyxhon.report.escape import escape
from pyxhon.report.model import Package, Report
from pyxhon.report.text.lines import print_line, print_more

LETTERS: Final = {category: letter for letter, category in CATEGORY_OF.items()}
ROW_LIMIT: Final = 60
FEW_ROWS: Final = 12  # up to here packages that did nothing, but are ruled, get a row as in the paper
_NAME_COLUMNS: Final = 24  # kept for the package's name when the cells are wide
_LEGEND: Final = (
    'F file, N network, D dll, O os, B built-ins. "-" none, "Y" allowed, "Violation(n)" n acts against'
    ' the policy, a number: acts no rule decides. "native": done beneath Python.'
)
_STYLES: Final = {"Accept": "green", "CodeReview": "bold red"}


def print_matrix(console: Console, report: Report, acts: list[Act]) -> None:
    """Print one row per package that acted, then the names of those that were only loaded."""
    groups = group_by_package(report.packages, acts)
    rows = [row for row in report.packages if groups[row.name]]
    idle = [row for row in report.packages if not groups[row.name]]
    judged = [row for row in idle if row.suggestion]
    if len(rows) + len(judged) <= FEW_ROWS:
        rows += judged
        idle = [row for row in idle if not row.suggestion]
    shown = [(row, tally_cells(groups[row.name])) for row in rows[:ROW_LIMIT]]
    if shown:
        _print_table(console, shown)
        print_more(console, len(rows) - ROW_LIMIT)
        print_line(console, Text(_LEGEND, style="dim"))
    else:
        print_line(console, Text("No package did anything of a category."))
    _print_idle(console, idle)


def _print_table(console: Console, rows: list[tuple[Package, dict[str, Cell]]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Package", overflow="fold", min_width=8)
    table.add_column("Version", overflow="fold", min_width=7)
    for title in ("Policy", *LETTERS.values(), "Suggestion"):
        table.add_column(title, no_wrap=True)
    is_narrow = _cells_width(rows) + _other_width(rows) > console.width
    for package, cells in rows:
        table.add_row(
            Text(escape(package.name, 48)),
            Text(escape(package.version or "-", 24)),
            Text(escape(package.policy or "-", 9)),
            *(_show_cell(cells[category], is_narrow=is_narrow) for category in CATEGORIES),
            Text(package.suggestion or "-", style=_STYLES.get(package.suggestion or "", "")),
        )
    console.print(table)


def _cells_width(rows: list[tuple[Package, dict[str, Cell]]]) -> int:
    widest = [
        max(max(map(len, _show_cell(cells[category], is_narrow=False).plain.split("\n"))) for _, cells in rows)
        for category in CATEGORIES
    ]
    return sum(widest) + 2 * len(widest)


def _other_width(rows: list[tuple[Package, dict[str, Cell]]]) -> int:
    names = max(len(package.name) for package, _ in rows)
    versions = max(len(package.version or "Version") for package, _ in rows)
    return min(names, _NAME_COLUMNS) + min(versions, len("2026.12.31")) + len("F-N-D-O-BSuggestion") + 6


def _show_cell(cell: Cell, *, is_narrow: bool) -> Text:
    text = _show_tally(cell.python, is_narrow=is_narrow)
    if cell.native:
        text.append("\nnative\n" if is_narrow else "\nnative ")
        text.append_text(_show_tally(cell.native, is_narrow=is_narrow))
    return text


def _show_tally(tally: Tally, *, is_narrow: bool) -> Text:
    if tally.violation:
        word = "Violation\n" if is_narrow else "Violation"
        return Text(f"{word}({tally.violation})", style="bold red")
    if tally.unjudged:
        return Text(str(tally.unjudged), style="yellow")
    return Text("Y", style="green") if tally.allowed else Text("-")


def _print_idle(console: Console, packages: list[Package]) -> None:
    if not packages:
        return
    names = ", ".join(escape(package.name, 40) for package in packages[:ROW_LIMIT])
    more = f" and {len(packages) - ROW_LIMIT} more" if len(packages) > ROW_LIMIT else ""
    line = f"{count_noun(len(packages), 'package')} loaded and idle: {names}{more}"
    print_line(console, Text(line, style="dim"))
