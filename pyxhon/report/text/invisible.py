"""What DLLs did that no audit event explains: the acts that Python-level hooks do not see."""

from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_count,
    describe_path,
    describe_place,
)
from pyxhon.report.digest import Act, is_start_up
from pyxhon.report.escape import escape
from pyxhon.report.model import Report
from pyxhon.report.text.lines import cap, print_heading, print_line, print_more
from pyxhon.report.text.matrix import LETTERS
from pyxhon.report.text.stack import describe_chain

GROUP_LIMIT: Final = 12
ACT_LIMIT: Final = 8
VARIANT_LIMIT: Final = 2  # acts that differ only in their arguments, before they share a line
_PLACE_SHARE: Final = 0.34  # of the width
_COUNT_COLUMNS: Final = 7
_VERDICTS: Final = ("violation", "unjudged", "allowed")
_CATEGORIES: Final = ("network", "os", "dll", "file", "builtins")
_STYLES: Final = {"violation": "red", "unjudged": "yellow"}
_Key = tuple[str | None, str]  # the object, and the package that answers


def print_invisible(console: Console, report: Report, acts: list[Act]) -> None:
    """Print acts beneath Python by the DLL that did them; those of the interpreter and its C library come last."""
    beneath = [act for act in acts if act.behaviour.level != "python"]
    if not beneath:
        return
    own = [act for act in beneath if is_start_up(act)]
    groups: dict[_Key, list[Act]] = {}
    for act in sorted((act for act in beneath if not is_start_up(act)), key=_rank):
        groups.setdefault((act.behaviour.object, act.behaviour.package), []).append(act)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] is None, item[0][1] == "stdlib", _rank(item[1][0])))
    print_heading(console, f"Invisible at Python level ({count_noun(len(beneath) - len(own), 'act')})")
    versions = {package.name: package.version for package in report.packages}
    shown, limit = cap(console, GROUP_LIMIT), cap(console, ACT_LIMIT)
    for (path, package), rows in ordered[:shown]:
        print_line(console, _title(path, package, versions.get(package), rows), indent=2)
        makers = {act.detail.made_by for act in rows}
        if len(makers) == 1 and rows[0].detail.made_by is not None:
            print_line(console, Text(describe_maker(rows[0]), style="dim"), indent=4)
        lines = _group_alike(rows, cap(console, VARIANT_LIMIT))
        for alike in lines[:limit]:
            _print_acts(console, alike, is_maker_told=len(makers) == 1)
        print_more(console, sum(map(len, lines[limit:])), indent=4)
    print_more(console, sum(len(rows) for _, rows in ordered[shown:]), indent=2)
    _print_start_up(console, own)


def _rank(act: Act) -> tuple[int, int, int]:
    row = act.behaviour
    return _VERDICTS.index(row.verdict), _CATEGORIES.index(row.category), row.first_ns


def _group_alike(acts: list[Act], limit: int) -> list[list[Act]]:
    """Put acts on one line that differ only in their arguments, where they are many."""
    groups: dict[tuple[object, ...], list[Act]] = {}
    for act in acts:
        row = act.behaviour
        chain = describe_chain(row, act.detail)
        groups.setdefault((row.verdict, row.category, row.level, row.name, row.location, chain), []).append(act)
    lines: list[list[Act]] = []
    for group in groups.values():
        lines += [group] if len(group) > limit else [[act] for act in group]
    return lines


def _title(path: str | None, package: str, version: str | None, rows: list[Act]) -> Text:
    owner = escape(package, 40) + (f" {escape(version, 20)}" if version else "")
    if path is None:
        title = Text("interpreter and C library", style="bold")
        title.append(f" for {owner}", style="")
    else:
        title = Text(describe_path(path, 60), style="bold")
        if path.rpartition("/")[2] != package:
            title.append(f" for {owner}", style="")
    return title.append(f" ({count_noun(len(rows), 'act')})", style="dim")


def _print_acts(console: Console, acts: list[Act], *, is_maker_told: bool) -> None:
    row = acts[0].behaviour
    columns = round(console.width * _PLACE_SHARE)
    place = describe_place(row.location, columns - 7) if row.location else row.level
    room = console.width - 4 - _COUNT_COLUMNS - columns - 2
    name = escape(row.name, 40)
    more = f" (and {len(acts) - 1} more)" if len(acts) > 1 else ""
    arguments = describe_arguments(row.args, max(room - len(name) - len(more) - 3, 8))
    shown = f"{LETTERS.get(row.category, '?')} {name} {arguments}"
    if cell_len(shown) > room - len(more):
        shown = set_cell_size(shown, room - len(more) - 1) + "…"
    line = Text(set_cell_size(shown + more, room), style=_STYLES.get(row.verdict, ""))
    line.append(f" {describe_count(sum(act.count for act in acts)):>{_COUNT_COLUMNS}} ", style="")
    line.append(set_cell_size(place, columns) if cell_len(place) > columns else place, style="dim")
    print_line(console, line, indent=4)
    for remark in _remarks(acts[0], is_maker_told=is_maker_told):
        print_line(console, Text(remark, style="dim"), indent=6)


def _remarks(act: Act, *, is_maker_told: bool) -> list[str]:
    detail = act.detail
    remarks = []
    chain = describe_chain(act.behaviour, detail)
    if chain:
        remarks.append(chain)
    if detail.made_by is not None and not is_maker_told:
        remarks.append(describe_maker(act))
    if detail.native_confidence in {"guessed", "suspect"}:
        remarks.append(f"{detail.native_confidence}: {escape(detail.native_doubt or '', 100)}")
    return remarks


def describe_maker(act: Act) -> str:
    """Say who made what an act was done by or through."""
    made = act.detail.made_by
    if made is None:
        return ""
    subject = f" {escape(made.subject, 40)}" if made.subject else ""
    by = f"{escape(made.kind, 20)}{subject} made by {escape(made.package, 40)}"
    path = f" in {describe_path(made.object, 60)}" if made.object else ""
    return by + path + (f" at {describe_place(made.location)}" if made.location else "")


def _print_start_up(console: Console, acts: list[Act]) -> None:
    if acts:
        names = ", ".join(f"{escape(act.behaviour.name, 30)} {describe_count(act.count)}" for act in acts[:8])
        line = f"interpreters and loaders themselves, as they start and end: {names}"
        print_line(console, Text(line, style="dim"), indent=2)
