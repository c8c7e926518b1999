"""A policy as data: the rules of each package, most specific package first."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol

from pyxhon.categories import CATEGORIES, CategoryTables
from pyxhon.policy.call_arguments import ArgumentPattern
from pyxhon.policy.keys import LISTS, Action
from pyxhon.policy.patterns import NamePattern
from pyxhon.python_functions import PythonPattern

LIST_KEYS = tuple(f"{group}.{name}" for group, names in LISTS.items() for name in names)


class Pattern(Protocol):
    """A pattern of a list: for paths, peers or DLLs."""

    @property
    def text(self) -> str:
        """The pattern as written."""

    def matches(self, touched: Any, /) -> bool:
        """Tell whether what an act touches is meant."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a rule stands: `policies/numpy.yaml:4` and `packages.numpy.allow`."""

    place: str
    key: str

    def __str__(self) -> str:
        return f"{self.place} {self.key}"


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """The categories that a package may use; all others are violations."""

    rule: Rule
    categories: frozenset[str]

    @property
    def shorthand(self) -> str:
        """The paper's letters, as D-O-B, or None."""
        return "-".join(name[0].upper() for name in CATEGORIES if name in self.categories) or "None"


Specificity = tuple[int, tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class NameRule:
    """One entry of `modules` or `syscalls`; and `native: deny`, which stands for all that it means."""

    rule: Rule
    pattern: NamePattern
    is_allowed: bool

    @property
    def text(self) -> str:
        """What it names, as written."""
        return self.pattern.text

    @property
    def specificity(self) -> Specificity:
        """Rank among rules of one entry, as FunctionRule's."""
        return (0, self.pattern.specificity, 0)


@dataclass(frozen=True, slots=True)
class FunctionRule:
    """One entry of `functions`; with `arguments` it speaks only of calls that have such."""

    rule: Rule
    pattern: NamePattern | PythonPattern
    is_allowed: bool
    arguments: tuple[ArgumentPattern, ...] = ()

    @property
    def text(self) -> str:
        """What it names, with the arguments it asks for."""
        return name_call(self.pattern.text, self.arguments)

    @property
    def specificity(self) -> Specificity:
        """Rank among rules of one entry: the more arguments, then the name, then what the arguments must be."""
        literal = sum(argument.literal_characters for argument in self.arguments)
        return (len(self.arguments), self.pattern.specificity, literal)


def name_call(name: str, arguments: Iterable[ArgumentPattern]) -> str:
    """Write a function with the arguments asked for: `os.system(0: rm *)`."""
    given = ", ".join(f"{argument.name}: {argument.text}" for argument in arguments)
    return f"{name}({given})" if given else name


@dataclass(frozen=True, slots=True)
class ListRule:
    """One list of `files`, `network` or `dlls`: acts of its kind are allowed only on what it matches."""

    rule: Rule
    patterns: tuple[tuple[Rule, Pattern], ...]

    def find(self, touched: Any) -> Rule | None:
        """Give the entry that matches, or None."""
        return next((rule for rule, pattern in self.patterns if pattern.matches(touched)), None)


@dataclass(frozen=True, slots=True)
class PackageKey:
    """Whom an entry of `packages` is for."""

    text: str
    kind: Literal["distribution", "origin", "dll", "any"]
    pattern: str  # of a distribution in its normal form

    @property
    def specificity(self) -> tuple[int, int]:
        """Rank among entries: a name, then a glob by its literal characters, then `*`."""
        if self.kind == "any":
            return (0, 0)
        literal = re.sub(r"[*?]", "", self.pattern)
        return (2, 0) if literal == self.pattern else (1, len(literal))

    def covers(self, name: str, origin: str) -> bool:
        """Tell whether the entry is for an owner; a distribution called "stdlib" is not the stdlib."""
        if self.kind == "any":
            return True
        if self.kind == "origin":
            return origin == self.pattern
        if origin != self.kind:
            return False
        return fnmatchcase(normalize_name(name) if origin == "distribution" else name, self.pattern)


@dataclass(frozen=True, slots=True)
class PackageRules:
    """One entry of `packages`; what is None or missing is not ruled by it."""

    key: PackageKey
    rule: Rule
    allow: CategoryRule | None = None
    functions: tuple[FunctionRule, ...] = ()
    modules: tuple[NameRule, ...] = ()
    syscalls: tuple[NameRule, ...] = ()
    native: NameRule | None = None
    lists: Mapping[str, ListRule] | None = None
    reason: str | None = None

    def find_list(self, key: str) -> ListRule | None:
        """Give the list of one of LIST_KEYS, where the entry has it."""
        return self.lists.get(key) if self.lists else None


@dataclass(frozen=True, slots=True)
class Policy:
    """All entries, the most specific first, and the categories they speak of."""

    files: tuple[str, ...]
    packages: tuple[PackageRules, ...]
    tables: CategoryTables
    sequences: tuple[Any, ...] = ()  # SequenceRule of sequences.py, which stands above this module
    on_violation: Action | None = None

    def entries_for(self, name: str, origin: str) -> tuple[PackageRules, ...]:
        """Give the entries that cover an owner, the most specific first."""
        return tuple(entry for entry in self.packages if entry.key.covers(name, origin))


def normalize_name(name: str) -> str:
    """Give a distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
