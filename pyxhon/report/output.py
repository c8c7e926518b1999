"""Where a report goes, a file or standard output, and what that means for how it looks."""

import functools
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TextIO, TypeVar

from pyxhon.errors import OutputError
from pyxhon.report.as_collapsed import write_collapsed
from pyxhon.report.as_json import write_json
from pyxhon.report.as_speedscope import write_speedscope
from pyxhon.report.code_listing import CodeListing, write_code_json
from pyxhon.report.inspection import Inspection, write_inspection_json
from pyxhon.report.markdown import write_markdown
from pyxhon.report.model import Report
from pyxhon.report.sarif import write_sarif
from pyxhon.trace.reader import TraceReader

_COLUMNS: Final = 100
_Content = TypeVar("_Content")
_REMEDY: Final = "name another file with --report"


def write_report(report: Report, report_format: str, path: Path | None) -> None:
    """Write the report to a file, or to standard output when there is none."""
    write_content(report, FORMATS[report_format], path)


def write_full_text(report: Report, path: Path | None) -> None:
    """Write the report as text of which no list is cut."""
    write_content(report, functools.partial(_write_text, is_full=True), path)


def write_flame_graph(reader: TraceReader, report_format: str, path: Path | None) -> None:
    """Write the calls of a trace in one of the formats of flame graphs. Raises TraceError when there are none."""
    write_content(reader, FLAME_GRAPHS[report_format], path)


def write_code(listing: CodeListing, report_format: str, path: Path | None) -> None:
    """Write one code object, as text or JSON."""
    write_content(listing, write_code_json if report_format == "json" else _write_code_text, path)


def write_content(
    content: _Content, write: Callable[[_Content, TextIO], None], path: Path | None, *, is_utf8: bool = False
) -> None:
    """Write what there is in one form, to a file or to standard output; UTF-8 where the form is so by contract."""
    try:
        if path is None:
            _write_stdout(content, write, is_utf8=is_utf8)
        else:
            # Not UTF-8 in a target's text is escaped before; the handler only guards what was forgotten.
            with path.open("w", encoding="utf-8", errors="backslashreplace") as out:
                write(content, out)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "standard output" if path is None else str(path)
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write the report to {where}: {reason}", _REMEDY) from error


def is_colour_wanted(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether a stream is a terminal whose user did not ask for plain text (no-color.org)."""
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()


def write_inspection(inspection: Inspection, inspection_format: str) -> None:
    """Write what `pyxhon inspect` found to standard output."""
    try:
        _write_stdout(inspection, _write_inspection_text if inspection_format == "text" else write_inspection_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error


def _write_stdout(content: _Content, write: Callable[[_Content, TextIO], None], *, is_utf8: bool = False) -> None:
    out = sys.stdout
    if hasattr(out, "reconfigure"):
        # JSON is UTF-8 by contract; text in another encoding shows what that lacks as escapes.
        encoding = "utf-8" if is_utf8 or write in _UTF8 else None
        out.reconfigure(encoding=encoding, errors="backslashreplace")
    write(content, out)
    out.flush()


def _write_text(report: Report, out: TextIO, *, is_full: bool = False) -> None:
    # Here and not above: rich takes longer to import than the first event may take to appear.
    from pyxhon.report.text import write_text  # noqa: PLC0415

    columns, is_coloured = look_of(out)
    write_text(report, out, columns=columns, is_coloured=is_coloured, is_full=is_full)


def _write_sarif(report: Report, out: TextIO) -> None:
    write_sarif(report, out, Path.cwd())


def _write_html(report: Report, out: TextIO) -> None:
    from pyxhon.report.html import write_html  # noqa: PLC0415  # as above

    write_html(report, out)


def _write_code_text(listing: CodeListing, out: TextIO) -> None:
    from pyxhon.report.text.code import write_code_text  # noqa: PLC0415  # as above

    write_code_text(listing, out)


def _write_inspection_text(inspection: Inspection, out: TextIO) -> None:
    from pyxhon.report.text.inspection import write_inspection_text  # noqa: PLC0415  # as above

    columns, is_coloured = look_of(out)
    write_inspection_text(inspection, out, columns=columns, is_coloured=is_coloured)


def look_of(out: TextIO) -> tuple[int, bool]:
    """Give the width of what is written to, and whether it wants colour."""
    columns = shutil.get_terminal_size((_COLUMNS, 24)).columns if out.isatty() else _COLUMNS
    return columns, is_colour_wanted(out, os.environ)


FORMATS: Final[Mapping[str, Callable[[Report, TextIO], None]]] = {
    "text": _write_text,
    "json": write_json,
    "html": _write_html,
    "sarif": _write_sarif,
    "markdown": write_markdown,
}
FLAME_GRAPHS: Final[Mapping[str, Callable[[TraceReader, TextIO], None]]] = {
    "collapsed": write_collapsed,
    "speedscope": write_speedscope,
}
_UTF8: Final[tuple[Callable[..., None], ...]] = (
    write_json,
    _write_html,
    write_inspection_json,
    write_code_json,
    _write_sarif,
    write_markdown,
    *FLAME_GRAPHS.values(),
)
