"""A YAML file as positioned nodes, and the checks that give every mistake its line and column.

Apart from `parse.py` so that only that file knows the YAML library.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from pyxhon.errors import PolicyError

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a policy file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    @property
    def line_text(self) -> str:
        """File and line, as reports name a rule."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Node:
    """One YAML value: exactly one of text, items and entries is there."""

    place: Place
    text: str | None = None  # scalars stay text: YAML's guesses (on, 1e3, null) are not wanted here
    items: tuple["Node", ...] | None = None
    entries: tuple[tuple["Node", "Node"], ...] | None = None


def show(text: str) -> str:
    """Give text quoted, on one line, bounded, and harmless to a terminal."""
    cut = text[:_SHOWN_CHARACTERS]
    shown = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in cut)
    return f"'{shown}{'…' if len(text) > _SHOWN_CHARACTERS else ''}'"


def refuse(what: str, place: Place, remedy: str = "") -> PolicyError:
    """Make the error for something wrong at a place."""
    return PolicyError(f"{what} at {place}", remedy)


def suggest(word: str, valid: Iterable[str], *, shows_all: bool = True) -> str:
    """Give the remedy for a word that is not among the valid ones: the nearest, or all where they are not too many."""
    by_lower = {name.lower(): name for name in valid}
    near = difflib.get_close_matches(word[:_SHOWN_CHARACTERS].lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{by_lower[near[0]]}'?"
    return "valid are: " + ", ".join(by_lower.values()) if shows_all else ""


def read_fields(node: Node, valid: Iterable[str]) -> dict[str, Node]:
    """Give the values of a mapping by key; a key that is not valid is refused."""
    names = tuple(valid)
    fields: dict[str, Node] = {}
    for key, value in read_entries(node, "keys " + ", ".join(names)):
        name = key.text or ""
        if name not in names:
            raise refuse(f"unknown key {show(name)}", key.place, suggest(name, names))
        fields[name] = value
    return fields


def read_entries(node: Node, expected: str) -> tuple[tuple[Node, Node], ...]:
    """Give the entries of a mapping."""
    if node.entries is None:
        raise refuse("a mapping is needed", node.place, f"write {expected}")
    return node.entries


def read_items(node: Node) -> tuple[Node, ...]:
    """Give the items of a list of texts."""
    items = list_items(node)
    for item in items:
        read_text(item)
    return items


def list_items(node: Node) -> tuple[Node, ...]:
    """Give the items of a list, whatever they are."""
    if node.items is None:
        raise refuse("a list is needed", node.place, "write [one, two], or [] for none")
    return node.items


def read_text(node: Node) -> str:
    """Give the text of a value that is not empty."""
    if node.text is None:
        raise refuse("text is needed here, not a list or mapping", node.place)
    if not node.text:
        raise refuse("the value is empty", node.place)
    return node.text
