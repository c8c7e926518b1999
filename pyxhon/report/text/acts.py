"""All behaviours by package: one line per act, what is alike put together."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_count,
    describe_place,
    telling_arguments,
)
from pyxhon.report.digest import Act, group_by_package
from pyxhon.report.escape import escape
from pyxhon.report.model import Behaviour, Package, Report
from pyxhon.report.text.lines import cap, print_heading, print_line, print_more
from pyxhon.report.text.matrix import LETTERS

BEHAVIOUR_LIMIT: Final = 12
VARIANT_LIMIT: Final = 3  # acts that differ only in their arguments, before they share a line
PACKAGE_LIMIT: Final = 30
_PLACE_SHARE: Final = 0.36  # of the width
_COUNT_COLUMNS: Final = 8
_VERDICT_ORDER: Final = ("violation", "unjudged", "allowed")
_CATEGORY_ORDER: Final = ("network", "dll", "os", "file", "builtins")
_VERDICT_STYLES: Final = {"violation": "red", "unjudged": "yellow"}


def print_behaviours(console: Console, report: Report, acts: list[Act]) -> None:
    """Print what each package did."""
    groups = {name: rows for name, rows in group_by_package(report.packages, acts).items() if rows}
    if not groups:
        return
    print_heading(console, f"Behaviours by package ({len(acts)})")
    packages = {package.name: package for package in report.packages}
    shown, limit = cap(console, PACKAGE_LIMIT), cap(console, BEHAVIOUR_LIMIT)
    for name, rows in list(groups.items())[:shown]:
        print_line(console, _title_package(name, packages.get(name), rows))
        lines = _group_alike(rows, cap(console, VARIANT_LIMIT))
        _print_lines(console, lines[:limit])
        print_more(console, sum(map(len, lines[limit:])), indent=2)
    print_more(console, sum(len(rows) for rows in list(groups.values())[shown:]))


def _title_package(name: str, package: Package | None, rows: list[Act]) -> Text:
    title = Text(escape(name, 60), style="bold")
    version = package.version if package else None
    title.append(f" {escape(version, 24)}" if version else "", style="bold")
    title.append(f" ({count_noun(len(rows), 'behaviour')})", style="dim")
    return title


def _group_alike(acts: list[Act], limit: int) -> list[list[Act]]:
    """Put imports of a category together, and many acts alike but for arguments or place; the most telling first."""
    lines: list[list[Act]] = []
    for alike in _group(acts, is_by_place=False):
        places = [alike] if alike[0].behaviour.kind == "import" else _group(alike, is_by_place=True)
        if len(places) > limit:
            places = [alike]
        for group in places:
            is_one_line = len(places) == 1 and alike[0].behaviour.kind == "import"
            lines += [group] if is_one_line or len(group) > limit else [[act] for act in group]
    return sorted(lines, key=lambda group: _rank(group[0].behaviour))


def _group(acts: list[Act], *, is_by_place: bool) -> list[list[Act]]:
    groups: dict[tuple[object, ...], list[Act]] = {}
    for act in acts:
        row = act.behaviour
        name = () if row.kind == "import" else (row.name,)
        place = (row.location,) if is_by_place else ()
        groups.setdefault((row.verdict, row.category, row.level, row.kind, *name, *place), []).append(act)
    return list(groups.values())


def _rank(behaviour: Behaviour) -> tuple[int, int, bool, int]:
    return (
        _VERDICT_ORDER.index(behaviour.verdict),
        _CATEGORY_ORDER.index(behaviour.category),
        behaviour.kind == "import",
        behaviour.first_ns,
    )


def _print_lines(console: Console, groups: list[list[Act]]) -> None:
    columns = round(console.width * _PLACE_SHARE)
    places = [_describe_places(group, columns) for group in groups]
    widest = min(max(map(len, places), default=0), columns)
    room = max(console.width - widest - _COUNT_COLUMNS - 6, 20)
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(width=3)
    table.add_column(width=room, no_wrap=True, overflow="ellipsis")
    table.add_column(width=_COUNT_COLUMNS, justify="right", no_wrap=True)
    table.add_column(width=widest, no_wrap=True, overflow="ellipsis")
    for group, place in zip(groups, places, strict=True):
        behaviour = group[0].behaviour
        describe = _describe_imports if behaviour.kind == "import" else _describe_variants
        table.add_row(
            Text(f"  {LETTERS.get(behaviour.category, '?')}"),
            Text(describe(group, room), style=_VERDICT_STYLES.get(behaviour.verdict, "")),
            Text(describe_count(sum(act.count for act in group))),
            Text(place, style="dim"),
        )
    console.print(table)


def _describe_places(group: list[Act], columns: int) -> str:
    places = len({act.behaviour.location for act in group})
    return describe_place(group[0].behaviour.location, columns - 7) if places == 1 else f"{places} places"


def _describe_variants(group: list[Act], room: int) -> str:
    behaviour = group[0].behaviour
    native = "" if behaviour.level == "python" else f"{behaviour.level}: "
    name = native + escape(behaviour.name, room)
    variants = f" (and {len(group) - 1} more)" if len(group) > 1 else ""
    arguments = telling_arguments(behaviour.kind, behaviour.name, behaviour.args)
    shown = describe_arguments(arguments, max(room - len(name) - len(variants) - 1, 8))
    return f"{name} {shown}".rstrip() + variants


def _describe_imports(group: list[Act], room: int) -> str:
    names = list(dict.fromkeys(act.behaviour.name.removeprefix("import ") for act in group))
    shown = "import"
    for position, name in enumerate(names):
        more = f" and {len(names) - position} more"
        part = f"{' ' if position == 0 else ', '}{escape(name, 48)}"
        if len(shown) + len(part) + len(more) > room and position:
            return shown + more
        shown += part
    return shown
