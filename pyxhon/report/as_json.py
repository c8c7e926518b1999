"""The report as JSON: the contract itself, `pyxhon.report/1`."""

import dataclasses
import json
import re
from json.encoder import encode_basestring
from typing import Final, TextIO

from pyxhon.report.model import Report, list_fields, to_json

_MOST_KEPT: Final = 10_000
_DELETE: Final = "\x7f"  # the only character of ASCII that is escaped here and not by JSON itself
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
            rows = RowEncoder()
            out.writelines((",\n" if number else "\n") + rows.encode(row) for number, row in enumerate(value))
            out.write("]")
        else:
            out.write(encode(value))
        start = ",\n"
    out.write("}\n")


class RowEncoder:
    """Encodes the rows of one list; what rows share, such as the stack of many acts, is encoded once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, str]] = {}  # by identity; what is held here keeps it

    def encode(self, row: object) -> str:
        """Encode one row on one line, as `encode` does."""
        if not dataclasses.is_dataclass(row):
            return encode(row)
        names: tuple[str, ...] = type(row).__slots__  # type: ignore[union-attr]  # in the order of its fields, as list_fields
        parts = [f'"{name}": {self._encode(getattr(row, name))}' for name in names]
        return _make_inert("{" + ", ".join(parts) + "}")

    def _encode(self, value: object) -> str:
        kind = type(value)
        if kind is str:
            return encode_basestring(value)  # type: ignore[arg-type]  # its kind has been asked for
        if kind is int:
            return str(value)
        if value is None:
            return "null"
        if kind is not list and not dataclasses.is_dataclass(value):
            return _encode_any(value)
        known = self._known.get(id(value))
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[id(value)] = (value, _make_inert(_encode_any(value)))
        return known[1]


def encode(value: object) -> str:
    """Encode one value on one line, whatever a target put into it, so that any reader gets it as it was."""
    return _make_inert(_encode_any(value))


def _encode_any(value: object) -> str:
    try:
        return _ENCODER.encode(value)
    except ValueError:  # a float that JSON does not have: slower, but anything goes
        return json.dumps(to_json(value), ensure_ascii=False)


def _make_inert(text: str) -> str:
    if text.isascii() and _DELETE not in text:
        return text
    text = _SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)
    return _STEERING.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _simplify(value: object) -> object:
    return list_fields(value) if dataclasses.is_dataclass(value) else str(value)


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_simplify)
