"""Holds a report against what the programs of tests/programs/native have planted."""

import json
import re
from collections.abc import Iterator

from tests.kernel.native_programs import NATIVE, Planted


def disagreements(planted: list[Planted], report: dict[str, object]) -> list[str]:
    """Say in which acts a report differs from what was planted: each must be there once, as it was."""
    found = []
    details = {(row["id"], row["pid"]): row for row in report["details"]}
    behaviours = [{**row, **details[row["id"], row["pid"]]} for row in report["behaviours"]]
    for one in planted:
        rows = [row for row in behaviours if _is_about(row, one)]
        if len(rows) == 1:
            found += [f"{one}: {difference}" for difference in _differences(one, rows[0])]
        elif rows or not (one.more.get("may_be_lost") and report["losses"]):
            found.append(f"{one}: there {len(rows)} times: {[_shown(row) for row in rows]}")
    names = {name for one in planted for name in _names(one)}
    for row in behaviours:
        if (
            row["kind"] != "audit"
            and row["name"] not in names
            and any(one.mark and _has_path_mark(row, one) for one in planted)
        ):
            found.append(f"not planted: {_shown(row)}")
    return found


def _names(one: Planted) -> set[str]:
    return {one.name, *([str(one.more["may_be"])] if "may_be" in one.more else [])}


def _is_about(row: dict[str, object], one: Planted) -> bool:
    if row["name"] not in _names(one):
        return False
    if one.mark is not None:
        return re.search(rf"(?<![\w-]){re.escape(one.mark)}(?![\w-])", json.dumps(row["args"])) is not None
    if any(row["args"].get(name) != value for name, value in one.args.items()):
        return False
    return _is_object(row, one) and (one.line is None or _place(row) == (one.file, one.line))


def _has_path_mark(row: dict[str, object], one: Planted) -> bool:
    return bool(one.mark) and one.mark.endswith("-mark") and one.mark in json.dumps(row["args"])


def _is_object(row: dict[str, object], one: Planted) -> bool:
    if row["object"] is None and one.more.get("object_may_be_none"):
        return True
    if one.object == "anon:*":
        return str(row["object"]).startswith("anon:")
    return row["object"] == one.object


def _place(row: dict[str, object]) -> tuple[str, int] | None:
    """Give file and line of the innermost Python frame that is the program's own."""
    places = ((str(frame["file"]), frame["line"]) for frame in row["python_stack"])
    return next((place for place in places if place[0].startswith(str(NATIVE))), None)


def _differences(one: Planted, row: dict[str, object]) -> Iterator[str]:
    if not _is_object(row, one) and not _is_marked(one, row):
        yield f"object {row['object']}"
    if row["level"] not in one.levels:
        yield f"level {row['level']} instead of {one.levels}"
    if one.line is not None and row["level"] != "detached" and _place(row) != (one.file, one.line):
        yield f"line {_place(row)}"
    if row["count"] != one.count:
        yield f"count {row['count']} instead of {one.count}"
    kind = one.more.get("kind", "io_uring" if "is_unseen" in one.more and ":" not in one.name else None)
    if kind and row["kind"] != kind:
        yield f"kind {row['kind']} instead of {kind}"
    if "confidence" in one.more and row["native_confidence"] != one.more["confidence"]:
        yield f"confidence {row['native_confidence']}"
    if one.made_by and (row.get("made_by") or {}).get("object") != one.made_by:
        yield f"made by {row.get('made_by')} instead of {one.made_by}"
    if "python" not in one.levels and not {"may_be_cut", "may_have_dots"} & set(one.more):
        yield from (
            f"{name} {row['args'].get(name)}" for name, value in one.args.items() if row["args"].get(name) != value
        )


def _is_marked(one: Planted, row: dict[str, object]) -> bool:
    """Tell whether a wrong object is said to be a guess, where that is all that can be asked."""
    return one.more.get("flag") == "guessed allowed" and row.get("native_confidence", "native_doubt") not in {
        None,
        "exact",
    }


def _shown(row: dict[str, object]) -> dict[str, object]:
    names = (
        "kind",
        "name",
        "args",
        "level",
        "object",
        "count",
        "package",
        "made_by",
        "native_confidence",
        "native_doubt",
    )
    return {name: row.get(name) for name in names}
