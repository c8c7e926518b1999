"""What packages could do by their installed code and were not seen to do, by category, and how much of them ran."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from pyxhon.categories import CATEGORIES
from pyxhon.report.describe import count_noun, describe_path, describe_place
from pyxhon.report.escape import escape
from pyxhon.report.exercise_model import Exercise
from pyxhon.report.model import Location, NotExercised, Report
from pyxhon.report.text.lines import cap, print_heading, print_line, print_more

PACKAGE_LIMIT: Final = 8
EXAMPLE_LIMIT: Final = 3
_REASON_LIMIT: Final = 3
_NAME_COLUMNS: Final = 40
_FILE_COLUMNS: Final = 36


def print_exercise(console: Console, report: Report) -> None:
    """Print a short section for each distribution, what was used most first: what the run did not show."""
    if not report.exercise:
        return
    rows: dict[str, dict[str | None, list[NotExercised]]] = {}
    for row, more in zip(report.not_exercised, report.not_exercised_details, strict=True):
        rows.setdefault(row.package, {}).setdefault(more.category, []).append(row)
    total = count_noun(len(report.not_exercised), "place")
    print_heading(console, f"What installed code could do and was not seen to do ({total})")
    shown = sorted(report.exercise, key=lambda each: -sum(each.seen.values()))
    for exercise in shown[: cap(console, PACKAGE_LIMIT)]:
        print_line(console, _describe_package(exercise), indent=2)
        for line in _describe_categories(rows.get(exercise.package, {}), cap(console, EXAMPLE_LIMIT)):
            print_line(console, line, indent=4)
    print_more(console, len(shown) - cap(console, PACKAGE_LIMIT), indent=2)


def _describe_package(row: Exercise) -> Text:
    line = Text(escape(row.package, 40) + (f" {escape(row.version, 24)}" if row.version else ""), style="bold")
    if row.percent is not None:
        line.append(f": {row.percent:g} % of {count_noun(row.functions, 'function')} ran", style="")
    not_seen, unknown, seen = (sum(counts.values()) for counts in (row.not_seen, row.unknown, row.seen))
    line.append(f"{':' if row.percent is None else ';'} {not_seen} of ", style="")
    line.append(f"{count_noun(not_seen + unknown + seen, 'place')} not seen", style="")
    if unknown:
        line.append(f", {unknown} not known", style="")
    line.append(f", {count_noun(row.files, 'file')}", style="dim")
    if row.unread:
        known = list(row.unread.items())[:_REASON_LIMIT]
        reasons = "; ".join(f"{escape(reason, 60)} ({count})" for reason, count in known)
        line.append(f" ({sum(row.unread.values())} not read: {reasons})", style="yellow")
    if row.began_late:
        line.append("; what it did before the trace began was not seen", style="yellow")
    return line


def _describe_categories(groups: dict[str | None, list[NotExercised]], limit: int) -> Iterator[Text]:
    for category in CATEGORIES:
        if rows := groups.get(category):
            line = Text(f"{category} ({len(rows)}): ", style="bold")
            yield line.append(_describe_examples(rows, limit), style="")
    if rows := groups.get(None):
        yield Text(f"no category ({len(rows)})", style="dim")


def _describe_examples(rows: list[NotExercised], limit: int) -> str:
    """Show the first place of some names and how many there are, what acts before what imports."""
    places: dict[tuple[str, str], list[Location | None]] = {}
    for row in rows:
        places.setdefault((row.kind, row.name), []).append(row.location)
    examples = [
        f"{'import ' if kind == 'import' else ''}{escape(name, _NAME_COLUMNS)} {_describe_place(found[0])}"
        + (f" ({len(found)} places)" if len(found) > 1 else "")
        for (kind, name), found in list(places.items())[:limit]
    ]
    more = f", and {count_noun(len(places) - limit, 'more name')}" if len(places) > limit else ""
    return ", ".join(examples) + more


def _describe_place(place: Location | None) -> str:
    if place is not None and place.line is None and place.file is not None:
        return describe_path(place.file, _FILE_COLUMNS)
    return describe_place(place, _FILE_COLUMNS)
