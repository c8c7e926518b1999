"""The differences for a pull request: what the target chose stands in code spans, where nothing of it is markup."""

import re
from collections.abc import Iterator
from typing import Final, TextIO

from pyxhon.diff.model import Diff, Difference
from pyxhon.diff.sections import (
    Entry,
    Section,
    describe_changes,
    describe_doubts,
    describe_entry,
    describe_levels,
    describe_outcome,
    describe_side,
    describe_totals,
    describe_unseen,
    is_beneath,
    is_violation,
    make_sections,
)
from pyxhon.report.describe import describe_location, describe_whole_location
from pyxhon.report.escape import escape, escape_path

ENTRY_LIMIT: Final = 15
PACKAGE_LIMIT: Final = 15
STACK_LIMIT: Final = 6
SIZE_LIMIT: Final = 60_000
"""Of all; GitHub refuses comments of more than 65536 characters."""
_LIMIT: Final = 100
_RUNS: Final = re.compile("`+")
_WORDS: Final = {"appeared": "new", "vanished": "gone", "changed": "changed", "moved": "moved"}


def write_diff_markdown(diff: Diff, out: TextIO) -> None:
    """Write the differences as Markdown, bounded so that it fits a comment."""
    room = SIZE_LIMIT
    for line in _list_lines(diff):
        room -= len(line) + 1
        if room < 0:
            out.write("\n… the rest does not fit a comment (`--format json` has all)\n")
            break
        out.write(f"{line}\n")


def code(text: str) -> str:
    """Give text as a code span, whatever backticks it has in it; it must be on one line."""
    longest = max((len(run) for run in _RUNS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if not text.strip() or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _list_lines(diff: Diff) -> Iterator[str]:
    yield "## PyXhon: what differs"
    yield ""
    yield f"**{describe_outcome(diff)}**; {describe_totals(diff)}."
    yield ""
    for name, side in (("a", diff.a), ("b", diff.b)):
        yield f"- {name}: {code(escape_path(side.name, _LIMIT))} ({code(describe_side(side, 2 * _LIMIT))})"
    if diff.unseen:
        yield ""
        yield "### Not seen alike"
        yield ""
        yield from (f"- {code(describe_unseen(row))}" for row in diff.unseen)
    for section in make_sections(diff):
        yield from _list_section(section)


def _list_section(section: Section) -> Iterator[str]:
    yield ""
    yield f"### {section.title} ({section.count})"
    for name, entries in section.packages[:PACKAGE_LIMIT]:
        yield ""
        yield f"**{code(escape(name, 60))}**"
        yield ""
        for entry in entries[:ENTRY_LIMIT]:
            yield from _list_entry(entry)
        yield from _list_more(entries[ENTRY_LIMIT:])
    rest = [entry for _, entries in section.packages[PACKAGE_LIMIT:] for entry in entries]
    if rest:
        yield ""
    yield from _list_more(tuple(rest))


def _list_more(entries: tuple[Entry, ...]) -> Iterator[str]:
    if entries:
        yield f"- … and {sum(entry.others + 1 for entry in entries)} more (`--format json` has all)"


def _list_entry(entry: Entry) -> Iterator[str]:
    row = entry.first
    name = code(describe_entry(entry))
    words = [_WORDS[row.change], f"**violation** {name}" if is_violation(row) else name]
    words += [f"[{code(text)}]" for text in (describe_levels(row), describe_changes(row)) if text]
    yield f"- {' '.join(words)}"
    yield from (f"  - {line}" for line in _list_evidence(row))


def _list_evidence(row: Difference) -> Iterator[str]:
    evidence = row.after or row.before
    if evidence is None or row.item == "package":
        return
    if evidence.location is not None:
        yield f"at {code(describe_whole_location(evidence.location, _LIMIT))}"
    if is_violation(row) and evidence.rule:
        yield f"against {code(escape(evidence.rule, 200))}"
    if evidence.object and is_beneath(row):
        yield f"DLL {code(escape_path(evidence.object, _LIMIT))}"
    if is_violation(row) or is_beneath(row):
        frames = [code(describe_location(frame)) for frame in evidence.python_stack]
        more = f" and {len(frames) - STACK_LIMIT} more" if len(frames) > STACK_LIMIT else ""
        yield from [f"stack {' < '.join(frames[:STACK_LIMIT])}{more}"] if frames else []
    doubts = describe_doubts(row)
    if doubts:
        yield code(doubts)
