"""An inspection for people: one block of labelled lines per file, at most 100 columns wide."""

import io
import re
from typing import Final, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pyxhon.report.describe import count_noun
from pyxhon.report.escape import escape, escape_path
from pyxhon.report.inspection import InspectedFile, Inspection
from pyxhon.report.text.dossier import describe_warnings, list_rows
from pyxhon.report.text.lines import COLUMNS, make_console, print_line

_PADDING: Final = re.compile(r" +$", re.MULTILINE)


def write_inspection_text(
    inspection: Inspection, out: TextIO, *, columns: int = COLUMNS, is_coloured: bool = False
) -> None:
    """Write the inspection as text, lines no longer than `columns` (72 to 100)."""
    buffer = io.StringIO()
    console = make_console(buffer, columns, is_coloured=is_coloured)
    for number, file in enumerate(inspection.files):
        if number:
            console.print()
        _print_file(console, file)
    out.write(_PADDING.sub("", buffer.getvalue()))


def _print_file(console: Console, file: InspectedFile) -> None:
    print_line(console, Text(escape_path(file.path), style="bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    size = "?" if file.dossier.size is None else count_noun(file.dossier.size, "byte")
    rows = [
        ("owner", _describe_owner(file)),
        ("SHA-256", file.sha256 or "not read"),
        ("build ID", escape(file.build_id or "none")),
        ("size", size),
        *list_rows(file.dossier),
    ]
    for label, text in rows:
        table.add_row(Text(label), Text(text))
    warnings = describe_warnings(file.dossier)
    if warnings:
        table.add_row(Text("take note", style="yellow"), Text(warnings, style="yellow"))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _describe_owner(file: InspectedFile) -> str:
    record = f", {escape(file.dossier.record, 60)}" if file.dossier.record else ""
    if file.package is None:
        return f"no distribution{record}"
    version = f" {escape(file.version, 40)}" if file.version else ""
    return f"{escape(file.package, 60)}{version}{record or ', no hash was recorded'}"
