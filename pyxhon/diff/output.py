"""Where the differences go, and in which form."""

from pathlib import Path
from typing import Final, TextIO

from pyxhon.diff.as_json import write_diff_json
from pyxhon.diff.as_markdown import write_diff_markdown
from pyxhon.diff.model import Diff
from pyxhon.report.output import look_of, write_content

FORMATS: Final = ("text", "json", "markdown")


def write_diff(diff: Diff, diff_format: str, path: Path | None) -> None:
    """Write the differences to a file, or to standard output when there is none."""
    if diff_format == "text":
        write_content(diff, _write_text, path)
    else:
        write = write_diff_json if diff_format == "json" else write_diff_markdown
        write_content(diff, write, path, is_utf8=True)


def _write_text(diff: Diff, out: TextIO) -> None:
    from pyxhon.diff.as_text import write_diff_text  # noqa: PLC0415  # rich takes long to import

    columns, is_coloured = look_of(out)
    write_diff_text(diff, out, columns=columns, is_coloured=is_coloured)
