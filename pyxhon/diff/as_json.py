"""The differences as JSON: the contract itself, `pyxhon.diff/1`."""

from typing import TextIO

from pyxhon.diff.model import Diff
from pyxhon.report.as_json import write_object
from pyxhon.report.model import list_fields


def write_diff_json(diff: Diff, out: TextIO) -> None:
    """Write the differences as one UTF-8 object, one row of a list per line."""
    write_object(list_fields(diff), out)
