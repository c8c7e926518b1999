"""The matrix of packages and categories, as the paper's Table II."""

from dataclasses import dataclass
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
from pyxhon.report.text.lines import cap, print_line, print_more

LETTERS: Final = {category: letter for letter, category in CATEGORY_OF.items()}
ROW_LIMIT: Final = 60
FEW_ROWS: Final = 12  # up to here packages that did nothing, but are ruled, get a row as in the paper
_NAME_COLUMNS: Final = 24  # kept for the package's name when the cells are wide
_LEGEND: Final = (
    'F file, N network, D dll, O os, B built-ins. "-" none, "Y" allowed, "{word}(n)" n acts against'
    ' the policy, a number: acts no rule decides. "native": done beneath Python.'
)


@dataclass(frozen=True, slots=True)
class _Look:
    """How a cell is written: the word before the number of violations, what is between its parts and beside it."""

    word: str
    before_number: str
    before_native: str
    gap: int = 2


# The first that fits is taken, or the last.
_LOOKS: Final = (
    _Look("Violation", "", " "),
    _Look("Violation", "\n", "\n"),
    _Look("V", "", "\n"),
    _Look("V", "", "\n", 1),
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
    shown = [(row, tally_cells(groups[row.name])) for row in rows[: cap(console, ROW_LIMIT)]]
    if shown:
        look = next((look for look in _LOOKS if _width(shown, look) <= console.width), _LOOKS[-1])
        _print_table(console, shown, look)
        print_more(console, len(rows) - cap(console, ROW_LIMIT))
        print_line(console, Text(_LEGEND.format(word=look.word), style="dim"))
    else:
        print_line(console, Text("No package did anything of a category."))
    _print_idle(console, idle)


def _print_table(console: Console, rows: list[tuple[Package, dict[str, Cell]]], look: _Look) -> None:
    table = Table(box=None, padding=(0, look.gap, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Package", overflow="fold", min_width=8)
    table.add_column("Version", overflow="fold", min_width=7)
    for title in ("Policy", *LETTERS.values(), "Suggestion"):
        table.add_column(title, no_wrap=True)
    for package, cells in rows:
        table.add_row(
            Text(escape(package.name, 48)),
            Text(escape(package.version or "-", 24)),
            Text(escape(package.policy or "-", 9)),
            *(_show_cell(cells[category], look) for category in CATEGORIES),
            Text(package.suggestion or "-", style=_STYLES.get(package.suggestion or "", "")),
        )
    console.print(table)


def _width(rows: list[tuple[Package, dict[str, Cell]]], look: _Look) -> int:
    """Give how wide the table is in this look, with names and versions of usual length unfolded."""
    cells = [
        max(max(map(len, _show_cell(each[category], look).plain.split("\n"))) for _, each in rows)
        for category in CATEGORIES
    ]
    names = max(len("Package"), *(len(package.name) for package, _ in rows))
    versions = max(len("Version"), *(len(package.version or "") for package, _ in rows))
    policies = max(len("Policy"), *(len(package.policy or "") for package, _ in rows))
    others = [min(names, _NAME_COLUMNS), min(versions, len("2026.12.31")), policies, len("Suggestion")]
    return sum([*cells, *others]) + look.gap * (len(cells) + len(others) - 1)


def _show_cell(cell: Cell, look: _Look) -> Text:
    text = _show_tally(cell.python, look)
    if cell.native:
        text.append(f"\nnative{look.before_native}")
        text.append_text(_show_tally(cell.native, look))
    return text


def _show_tally(tally: Tally, look: _Look) -> Text:
    if tally.violation:
        return Text(f"{look.word}{look.before_number}({tally.violation})", style="bold red")
    if tally.unjudged:
        return Text(str(tally.unjudged), style="yellow")
    return Text("Y", style="green") if tally.allowed else Text("-")


def _print_idle(console: Console, packages: list[Package]) -> None:
    if not packages:
        return
    limit = cap(console, ROW_LIMIT)
    names = ", ".join(escape(package.name, 40) for package in packages[:limit])
    more = f" and {len(packages) - limit} more" if len(packages) > limit else ""
    line = f"{count_noun(len(packages), 'package')} loaded and idle: {names}{more}"
    print_line(console, Text(line, style="dim"))
