"""Sequences of a policy: acts of one package, in order and within a time; their nodes → their rules."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pyxhon.categories import CATEGORIES
from pyxhon.policy.entries import parse_key, parse_pattern, read_reason
from pyxhon.policy.keys import SEQUENCE_KEYS, STEP_KEYS
from pyxhon.policy.model import PackageKey, Pattern, Rule
from pyxhon.policy.nodes import Node, list_items, read_fields, read_items, read_text, refuse, show, suggest
from pyxhon.policy.patterns import NamePattern, parse_dll, parse_name, parse_path
from pyxhon.policy.peers import parse_peer

KINDS: Final = ("audit", "call", "import", "dll-load", "syscall", "memory", "io_uring", "tamper")
_MATCHED: Final[dict[str, Callable[[str], Pattern]]] = {
    "path": parse_path,
    "read": parse_path,
    "write": parse_path,
    "run": parse_path,
    "peer": parse_peer,
    "connect": parse_peer,
    "bind": parse_peer,
    "dll": parse_dll,
}
MATCH_KEYS: Final = tuple(_MATCHED)
MOST_STEPS: Final = 8
MOST_SEQUENCES: Final = 200
MOST_NAME_CHARACTERS: Final = 100
_SPAN: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_UNITS_NS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a sequence may be; what is empty is not asked for. All of `match` must be touched."""

    categories: frozenset[str]
    kinds: frozenset[str]
    names: tuple[NamePattern, ...]
    match: tuple[tuple[str, tuple[Pattern, ...]], ...]

    @property
    def text(self) -> str:
        """The step on one line."""
        match = [f"{key} {' '.join(pattern.text for pattern in patterns)}" for key, patterns in self.match]
        names = [pattern.text for pattern in self.names]
        return ", ".join([*sorted(self.categories), *sorted(self.kinds), *names, *match]) or "any act"


@dataclass(frozen=True, slots=True)
class SequenceRule:
    """Acts of one package in order; `within_ns` is None where the time between them does not matter.

    `is_same_path`: all steps touch the same path. `packages` are those that it is looked for in, none: in all but
    `excepted`.
    """

    name: str
    rule: Rule
    steps: tuple[Step, ...]
    within_ns: int | None = None
    is_same_path: bool = False
    packages: tuple[PackageKey, ...] = ()
    excepted: tuple[PackageKey, ...] = ()
    reason: str | None = None

    def concerns(self, name: str, origin: str) -> bool:
        """Tell whether it is looked for in the acts of an owner."""
        is_named = not self.packages or any(key.covers(name, origin) for key in self.packages)
        return is_named and not any(key.covers(name, origin) for key in self.excepted)


def parse_sequences(node: Node) -> tuple[SequenceRule, ...]:
    """Read the list of `sequences`."""
    found: dict[str, SequenceRule] = {}
    items = list_items(node)
    if len(items) > MOST_SEQUENCES:
        raise refuse(f"more than {MOST_SEQUENCES} sequences", node.place, "split the file with extends")
    for item in items:
        sequence = _parse_sequence(item)
        if sequence.name in found:
            raise refuse(f"sequence {show(sequence.name)} is there twice", item.place, "give one another name")
        found[sequence.name] = sequence
    return tuple(found.values())


def format_span(span_ns: int) -> str:
    """Write a time span as a policy has it, in the largest unit that it is a whole number of."""
    unit = next((unit for unit in ("d", "h", "m", "s") if span_ns % _UNITS_NS[unit] == 0), "ms")
    return f"{span_ns / _UNITS_NS[unit]:g}{unit}" if unit == "ms" else f"{span_ns // _UNITS_NS[unit]}{unit}"


def _parse_sequence(node: Node) -> SequenceRule:
    fields = read_fields(node, SEQUENCE_KEYS)
    for key, remedy in (("name", "write name: secret then network"), ("steps", "write steps: [{category: file}, …]")):
        if key not in fields:
            raise refuse(f"key '{key}' is missing", node.place, remedy)
    name = read_text(fields["name"])
    if len(name) > MOST_NAME_CHARACTERS or not name.isprintable():
        remedy = f"up to {MOST_NAME_CHARACTERS} visible characters"
        raise refuse(f"{show(name)} is no name", fields["name"].place, remedy)
    steps = tuple(_parse_step(each) for each in list_items(fields["steps"]))
    if not 1 <= len(steps) <= MOST_STEPS:
        raise refuse(f"a sequence has 1 to {MOST_STEPS} steps", fields["steps"].place, "write [{category: file}, …]")
    return SequenceRule(
        name,
        Rule(node.place.line_text, f"sequences: {name}"),
        steps,
        _parse_span(fields["within"]) if "within" in fields else None,
        "same" in fields and _parse_same(fields["same"]),
        _parse_packages(fields.get("packages")),
        _parse_packages(fields.get("except")),
        read_reason(fields["reason"]) if "reason" in fields else None,
    )


def _parse_step(node: Node) -> Step:
    fields = read_fields(node, STEP_KEYS)
    if not fields:
        raise refuse("the step asks for nothing", node.place, "write a category, kind, name or match")
    names = [parse_pattern(item, parse_name) for item in _texts(fields.get("name"))]
    match = []
    for key, items in read_fields(fields["match"], MATCH_KEYS).items() if "match" in fields else ():
        patterns = tuple(parse_pattern(item, _MATCHED[key]) for item in _texts(items))
        if not patterns:
            raise refuse(f"'{key}' is empty: nothing would match", items.place, "name what is meant, or remove it")
        match.append((key, patterns))
    return Step(
        _parse_words(fields.get("category"), "category", CATEGORIES),
        _parse_words(fields.get("kind"), "kind", KINDS),
        tuple(names),
        tuple(match),
    )


def _texts(node: Node | None) -> tuple[Node, ...]:
    """Give the items of a list of texts; one text stands for a list of it."""
    if node is None:
        return ()
    if node.items is not None:
        return read_items(node)
    read_text(node)
    return (node,)


def _parse_words(node: Node | None, what: str, valid: Iterable[str]) -> frozenset[str]:
    words = set()
    for item in _texts(node):
        word = read_text(item)
        if word not in valid:
            raise refuse(f"unknown {what} {show(word)}", item.place, suggest(word, valid))
        words.add(word)
    return frozenset(words)


def _parse_span(node: Node) -> int:
    text = read_text(node)
    found = _SPAN.fullmatch(text)
    span_ns = round(float(found[1]) * _UNITS_NS[found[2]]) if found else 0
    if not span_ns:
        raise refuse(f"{show(text)} is no time span", node.place, "write it as in 500ms, 60s, 5m, 1h or 2d")
    return span_ns


def _parse_same(node: Node) -> bool:
    word = read_text(node)
    if word != "path":
        raise refuse(f"unknown same {show(word)}", node.place, suggest(word, ("path",)))
    return True


def _parse_packages(node: Node | None) -> tuple[PackageKey, ...]:
    return tuple(parse_key(item) for item in _texts(node))
