"""The matrix as text, Markdown, JSON and HTML, to a file or standard output."""

import html
import json
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pyxhon.errors import OutputError
from pyxhon.evaluate.matrix import Row
from pyxhon.evaluate.show.cells import HEADINGS, lines_of, notes_of
from pyxhon.evaluate.show.model import Evaluation
from pyxhon.report.escape import escape

_WIDEST: Final = 34
_LEGEND: Final = "Numbers: distinct acts at Python level / below it."
_STYLE: Final = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#1c1c1c;background:#fff}table{border-collapse:collapse}"
    "th,td{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}th{background:#f2f2f2}"
    ".bad{background:#fde3e1}.good{background:#e3f4e3}"
)


def write_evaluation(evaluation: Evaluation, form: str, path: Path | None) -> None:
    """Write an evaluation in one of `FORMATS`."""
    text = FORMATS[form](evaluation)
    if path is None:
        out = sys.stdout
        if hasattr(out, "reconfigure"):
            out.reconfigure(encoding="utf-8" if form != "text" else None, errors="backslashreplace")
        out.write(text)
        out.flush()
        return
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", "name another file") from error


def as_json(evaluation: Evaluation) -> str:
    """Give the object; all that is not ASCII as escapes, so that nothing steers a terminal."""
    return json.dumps(evaluation.to_dict(), indent=1) + "\n"


def as_text(evaluation: Evaluation) -> str:
    """Give columns; what is longer than a column stands below, in full."""
    lines = [line for row in evaluation.rows for line in lines_of(row)]
    widths = [min(max(len(line[at]) for line in (HEADINGS, *lines)), _WIDEST) for at in range(len(HEADINGS))]
    written = [f"Python {evaluation.python_version} ({escape(evaluation.python)}). {_LEGEND}", ""]
    for line in (HEADINGS, *lines):
        shown = [cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in line]
        written.append("  ".join(cell.ljust(width) for cell, width in zip(shown, widths, strict=True)).rstrip())
    full = [
        f"{escape(row.name or row.spec, 60)} {line[1]} {heading}: {cell}"
        for row in evaluation.rows
        for line in lines_of(row)
        for heading, cell in zip(HEADINGS, line, strict=True)
        if len(cell) > _WIDEST
    ]
    notes = [note for row in evaluation.rows for note in notes_of(row)]
    for part in (full, notes):
        written += ["", *part] if part else []
    return "\n".join(written) + "\n"


def as_markdown(evaluation: Evaluation) -> str:
    """Give a table; whatever means something in Markdown or HTML is escaped."""
    written = [f"Python {_mark(evaluation.python_version)}. {_LEGEND}", ""]
    written += [f"| {' | '.join(HEADINGS)} |", f"|{' --- |' * len(HEADINGS)}"]
    written += [f"| {' | '.join(map(_mark, line))} |" for row in evaluation.rows for line in lines_of(row)]
    notes = [f"- {_mark(note)}" for row in evaluation.rows for note in notes_of(row)]
    return "\n".join([*written, *(["", *notes] if notes else [])]) + "\n"


def as_html(evaluation: Evaluation) -> str:
    """Give a page without scripts; its rows lead to the reports."""
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    body = "".join(_html_row(line, step) for row in evaluation.rows for line, step in _with_folders(row))
    notes = "".join(f"<li>{html.escape(note)}</li>" for row in evaluation.rows for note in notes_of(row))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>PyXhon evaluation</title>"
        f"<style>{_STYLE}</style></head><body><h1>PyXhon evaluation</h1>"
        f"<p>Python {html.escape(evaluation.python_version)}. {_LEGEND}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><ul>{notes}</ul></body></html>\n"
    )


def _with_folders(row: Row) -> list[tuple[tuple[str, ...], str | None]]:
    folders: list[str | None] = [step.step.folder for step in row.steps] or [None]
    return list(zip(lines_of(row), folders, strict=True))


def _html_row(line: tuple[str, ...], folder: str | None) -> str:
    cells = []
    for at, cell in enumerate(line):
        kind = ' class="bad"' if "Violation" in cell or cell.startswith("CodeReview") else ""
        kind = ' class="good"' if cell == "Accept" else kind
        shown = html.escape(cell)
        if at == 1 and folder:
            shown = f'<a href="{html.escape(quote(folder))}/report.json">{shown}</a>'
        cells.append(f"<td{kind}>{shown}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _mark(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&:@-])", lambda found: f"&#{ord(found[0])};", text)


FORMATS: Final = {"text": as_text, "markdown": as_markdown, "json": as_json, "html": as_html}
