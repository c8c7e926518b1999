"""Lines of findings while a trace is taken, folded where a terminal would cut through a word."""

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len, chop_cells

from pyxhon.join import Behaviour
from pyxhon.policy.judge import Judged
from pyxhon.policy.sequence_finding import FoundSequence
from pyxhon.report.build import UNCATEGORISED
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.describe import describe_arguments, describe_location, telling_arguments
from pyxhon.report.escape import escape

_ARGUMENT_LIMIT: Final = 120
_INDENT: Final = 4
_DEEPER: Final = 3
_NARROWEST: Final = 40
_VIOLATION: Final = "violation"


def finding_lines(judged: Judged, columns: int | None) -> list[str]:
    """Show a violation, on one line or, where that is wider than `columns`, on several; None: there is no width."""
    act = judged.behaviour
    owner = f"{escape(act.owner.name, 60)}: {act.category or UNCATEGORISED}"
    return _act_lines(f"pyxhon: {_VIOLATION}: {owner}: ", act, _INDENT, columns)


def sequence_lines(found: FoundSequence, columns: int | None) -> list[str]:
    """Show a sequence that is against the policy: what it is called, and each step."""
    rule = found.watched.rule
    note = f" (not certain: {escape(found.note, 200)})" if found.note else ""
    head = f"pyxhon: {_VIOLATION}: {escape(found.owner.name, 60)}: sequence {escape(rule.name, 100)}{note}"
    lines = [head] if columns is None else fold(head, columns)
    for number, step in enumerate(found.steps, 1):
        lines += _act_lines(f"{' ' * _INDENT}{number}. ", step.behaviour, _INDENT + _DEEPER, columns)
    return lines


def _act_lines(start: str, act: Behaviour, indent: int, columns: int | None) -> list[str]:
    """Show an act; where it does not fit, its place has a line of its own."""
    arguments = describe_arguments(telling_arguments(act.kind, act.name, act.arguments), _ARGUMENT_LIMIT)
    what = f"{start}{escape(act.name, 120)} {arguments}".rstrip()
    place, pid = build_location(act.location), f"(pid {act.pid})"
    line = f"{what} at {describe_location(place)} {pid}"
    if columns is None or cell_len(line) <= columns:
        return [line]
    room = max(columns, _NARROWEST) - indent - len(f"at  {pid}")
    return fold(what, columns) + fold(f"{' ' * indent}at {describe_location(place, room)} {pid}", columns)


def fold(line: str, columns: int) -> list[str]:
    """Fold a line between words, and what is wider than a line wherever it has to be; further lines are indented."""
    columns = max(columns, _NARROWEST)
    lead = len(line) - len(line.lstrip(" "))
    return list(_fold(line.lstrip(" ").split(" "), " " * lead, " " * (lead + _DEEPER if lead else _INDENT), columns))


def _fold(words: list[str], start: str, indent: str, columns: int) -> Iterator[str]:
    line = start
    is_begun = False
    for word in words:
        if is_begun and cell_len(line) + 1 + cell_len(word) > columns:
            yield line
            line, is_begun = indent, False
        if not (is_begun or word):
            continue  # a space where a line was folded
        line = f"{line} {word}" if is_begun else f"{line}{word}"
        is_begun = True
        while cell_len(line) > columns:
            part = chop_cells(line, columns)[0]
            yield part
            line = indent + line[len(part) :]
    yield line
