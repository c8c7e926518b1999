"""A page that never gets longer than it may: sections are cut by whole rows, and say by how many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyxhon.report.describe import count_noun

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Rows(Generic[_Item]):
    """What a section is about, and how one row of it looks: only those that fit are ever written."""

    items: Sequence[_Item]
    show: Callable[[_Item], str]


def measure(text: str) -> int:
    """Give the length of a text in UTF-16 units, the strictest way in which its readers count characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(title: str, head: Sequence[str], rows: Rows[_Item], room: int) -> str:
    """Give a section with as many of its rows as fit into `room`; empty when it has none."""
    if not rows.items:
        return ""
    lines = [f"### {title}", "", *head]
    # What is said of rows that were cut is kept room for.
    used = measure("\n".join(lines)) + len(describe_cut(len(rows.items))) + 4
    kept: list[str] = []
    for row in map(rows.show, rows.items):
        used += measure(row) + 1
        if used > room:
            break
        kept.append(row)
    cut = len(rows.items) - len(kept)
    return "\n".join([*lines, *kept, *(["", describe_cut(cut)] if cut else []), "", ""])


def describe_cut(count: int) -> str:
    """Say that rows were cut."""
    return f"… {count_noun(count, 'row')} cut here; `--format json` has all."
