"""A JSON report → the report: checked field by field, for it may come from anywhere."""

import dataclasses
import json
import os
import stat
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pyxhon.errors import ReportError
from pyxhon.report.model import SCHEMA, Location, Report

SIZE_LIMIT: Final = 1 << 29
_REMEDY: Final = "give what --format json wrote"
_LEVELS: Final = frozenset({"python", "native", "detached"})
_VERDICTS: Final = frozenset({"allowed", "violation", "unjudged"})
_BEGINNING: Final = 200
_STARTS: Final = b"{ \t\r\n"

Check = Callable[[Any], Any]


class _MismatchError(Exception):
    """A value is not what the schema has there; the message is the way to it."""


def looks_like_json(path: Path) -> bool:
    """Tell whether a regular file begins as a JSON object does. Raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for its writer
        return False
    with path.open("rb") as file:
        return file.read(1) in {bytes([start]) for start in _STARTS}


def is_whole_report(path: Path) -> bool:
    """Tell whether a file begins as a report does, and not as other JSON, such as a policy; unreadable is none."""
    try:
        if not looks_like_json(path):
            return False
        with path.open("rb") as file:
            return f'"{SCHEMA}"'.encode() in file.read(_BEGINNING)
    except OSError:
        return False


def read_report(path: Path) -> Report:
    """Read a report. Raises ReportError for what is none."""
    data = _parse(path)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ReportError(f"{path} is not a report of schema {SCHEMA}", _REMEDY)
    try:
        report: Report = _checker(Report)(data)
    except _MismatchError as error:
        raise ReportError(f"{path} is not a whole report: {error}", _REMEDY) from None
    _check_words(report, path)
    return report


def _check_words(report: Report, path: Path) -> None:
    """Refuse levels and verdicts that there are none of."""
    for row in report.behaviours:
        if row.level not in _LEVELS or row.verdict not in _VERDICTS:
            message = (
                f"{path} is not a whole report: behaviours have level {row.level!a:.40}, verdict {row.verdict!a:.40}"
            )
            raise ReportError(message, _REMEDY)


def _parse(path: Path) -> object:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReportError(f"cannot read {path}: it is not a file", _REMEDY)
        if path.stat().st_size > SIZE_LIMIT:
            raise ReportError(f"cannot read {path}: it is larger than {SIZE_LIMIT >> 20} MiB", "give the trace instead")
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
        return json.loads(content, parse_constant=_refuse_constant)
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror or os.strerror(error.errno or 0)}", _REMEDY) from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, numbers or nesting beyond all bounds
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ReportError(f"{path} is not JSON: {reason}", _REMEDY) from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_checkers: dict[Any, Check] = {}


def _checker(kind: Any) -> Check:
    """Give what turns plain data into a value of an annotated type."""
    if kind not in _checkers:
        _checkers[kind] = _make_checker(kind)
    return _checkers[kind]


def _make_checker(kind: Any) -> Check:
    if kind is object:
        return _check_depth
    if dataclasses.is_dataclass(kind):
        return _make_location_checker() if kind is Location else _make_row_checker(kind)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is None:
        return _make_plain_checker(kind)
    if origin is dict:
        return _make_dict_checker(_checker(inner[1]))
    if origin in {list, tuple}:
        return _make_list_checker(_checker(inner[0]), origin)
    return _make_optional_checker(inner)


def _make_optional_checker(kinds: tuple[Any, ...]) -> Check:
    [kind] = [part for part in kinds if part is not types.NoneType]
    check = _checker(kind)
    return lambda value: None if value is None else check(value)


def _make_plain_checker(kind: type) -> Check:
    accepted = (int, float) if kind is float else (kind,)

    def check(value: Any) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise _MismatchError(f"not {kind.__name__}")
        return value

    return check


def _make_list_checker(check: Check, kind: type) -> Check:
    def check_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise _MismatchError("not a list")
        try:
            return kind(map(check, value))
        except _MismatchError as error:
            raise _MismatchError(f"[…] {error}") from None

    return check_list


def _make_dict_checker(check: Check) -> Check:
    def check_dict(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _MismatchError("not an object")
        return {name: check(item) for name, item in value.items()}

    return check_dict


def _make_location_checker() -> Check:
    """Give a checker that makes each place once: stacks share most of theirs."""
    row = _make_row_checker(Location)
    known: dict[tuple[Any, Any, Any], Location] = {}

    def check(value: Any) -> Location:
        try:
            place = (value["file"], value["line"], value["function"])
            found = known.get(place)
        except (TypeError, KeyError):  # not what it should be: `row` says why
            place, found = (None, None, None), None
        if found is None:
            found = known[place] = row(value)
        return found

    return check


def _make_row_checker(kind: Any) -> Check:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    checks = [(field.name, _checker(hints[field.name])) for field in fields]
    optional = {field.name for field in fields if not _is_required(field)}

    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _MismatchError("not an object")
        return kind(**_check_fields(value, checks, optional))

    return check


def _check_fields(row: Mapping[str, Any], checks: list[tuple[str, Check]], optional: set[str]) -> dict[str, Any]:
    values = {}
    for name, check in checks:
        if name not in row:
            if name in optional:
                continue
            raise _MismatchError(f"{name} is missing")
        try:
            values[name] = check(row[name])
        except _MismatchError as error:
            raise _MismatchError(f"{name}: {error}") from None
    return values


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


_DEEPEST: Final = 32


def _check_depth(value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict | list):
        if depth >= _DEEPEST:
            raise _MismatchError("nested too deeply")
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, depth + 1)
    return value
