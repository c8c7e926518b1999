"""The report as JSON: the contract itself, `pyxhon.report/1`."""

import dataclasses
import json
import re
from typing import TextIO

from pyxhon.report.model import Report, list_fields, to_json

_SURROGATE = re.compile("[\ud800-\udfff]")
# Valid in JSON as they stand, but they steer a terminal or hide text when the file is looked at:
# delete, C1 controls, bidi marks, zero-width and other invisible characters.
_STEERING = re.compile(
    "[\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def write_json(report: Report, out: TextIO) -> None:
    """Write the report as one UTF-8 object, one row of a list per line.

    Lone surrogates, which UTF-8 cannot carry, become the six characters of their escape. Characters that
    steer a terminal are written as JSON escapes: whoever parses the report gets them unchanged.
    """
    write_object(list_fields(report), out)


def write_object(fields: dict[str, object], out: TextIO) -> None:
    """Write one object, each row of a list on a line of its own."""
    start = "{"
    for name, value in fields.items():
        out.write(f"{start}{encode(name)}: ")
        if isinstance(value, list) and value:
            out.write("[")
            # Row by row: the whole report as plain data takes several times its size in memory.
            out.writelines((",\n" if number else "\n") + encode(row) for number, row in enumerate(value))
            out.write("]")
        else:
            out.write(encode(value))
        start = ",\n"
    out.write("}\n")


def encode(value: object) -> str:
    """Encode one value on one line, whatever a target put into it, so that any reader gets it as it was."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_simplify)
    except ValueError:  # a float that JSON does not have: slower, but anything goes
        text = json.dumps(to_json(value), ensure_ascii=False)
    text = _SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)
    return _STEERING.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _simplify(value: object) -> object:
    return list_fields(value) if dataclasses.is_dataclass(value) else str(value)
