"""Whether an act may be a step of a sequence: by what it is, and by what it touches."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyxhon.categories import CategoryTables
from pyxhon.policy.model import Pattern
from pyxhon.policy.patterns import Dll, PathPattern, PlainPath
from pyxhon.policy.programs import RUN, all_texts, find_run
from pyxhon.policy.sequences import Step
from pyxhon.policy.touched import Touched, find_touched

if TYPE_CHECKING:
    from pyxhon.join import Behaviour

_TOUCHED_BY: Final = {
    "path": ("files.read", "files.write", RUN),
    "read": ("files.read",),
    "write": ("files.write",),
    RUN: (RUN,),
    "peer": ("network.connect", "network.bind"),
    "connect": ("network.connect",),
    "bind": ("network.bind",),
    "dll": ("dlls.load",),
}
_PATH_KEYS: Final = frozenset({"path", "read", "write", RUN})
_PEER_KEYS: Final = frozenset({"peer", "connect", "bind"})
_SHOWN_CHARACTERS: Final = 60
_CHANGED: Final = "the path is relative, and the process changed its working directory; it may have been in"
_WILDCARDS: Final = re.compile(r"\[[^\]]*\]|[*?/]+")


@dataclass(frozen=True, slots=True)
class Fit:
    """An act that may be a step; `doubt` says why this is not certain. `paths` are those that it touches."""

    paths: frozenset[str]
    doubt: str | None = None


class StepTest:
    """Tells which acts may be one step. The cheap questions come first: most acts are no step of anything."""

    def __init__(self, step: Step, tables: CategoryTables) -> None:
        self._step = step
        self._tables = tables
        self._texts = _literals(step)

    def has_text(self, text: str) -> bool:
        """Tell whether `text_of` an act has what the step's paths need; no is certain."""
        return self._texts is None or self._texts.search(text) is not None

    def fit(self, behaviour: "Behaviour", directory: str | None, visited: Iterable[str] = ()) -> Fit | None:
        """Hold what the act touches against the step; None: it is not this step.

        Where the working directory is not known, a relative path may start from any folder that was `visited`.
        """
        touched = touched_by(behaviour, self._tables, directory)
        found = self._hold(behaviour, touched)
        if found is not None or all(item.thing is not None for item in touched):
            return found
        for folder in visited:
            found = self._hold(behaviour, touched_by(behaviour, self._tables, folder))
            if found is not None:
                return replace(found, doubt=found.doubt or f"{_CHANGED} {folder[:_SHOWN_CHARACTERS]}")
        return None

    def _hold(self, behaviour: "Behaviour", touched: Sequence[Touched]) -> Fit | None:
        meant: list[Touched] = []
        doubts = []
        for key, patterns in self._step.match:
            items, doubt = _hold(key, patterns, touched, is_cut=behaviour.is_truncated)
            if not items:
                return None
            meant += items
            doubts.append(doubt)
        paths = frozenset(path for item in (meant if self._step.match else touched) if (path := _path_of(item)))
        return Fit(paths, next((doubt for doubt in doubts if doubt), None))

    def is_meant(self, behaviour: "Behaviour") -> bool:
        """Tell whether the act's kind, name and category are those of the step."""
        step = self._step
        if step.categories and behaviour.category not in step.categories:
            return False
        # importing is not using: an import is a step where it is asked for
        if behaviour.kind not in step.kinds if step.kinds else behaviour.kind == "import":
            return False
        if not step.names:
            return True
        if behaviour.kind == "import":
            return any(pattern.matches_module(behaviour.module or "") for pattern in step.names)
        names = _names_of(behaviour, self._tables)
        return any(pattern.matches(name) for pattern in step.names for name in names)


class Sorting:
    """Finds the steps that an act may be, of many: acts of one key share most of the answer."""

    def __init__(self, tests: Iterable[StepTest]) -> None:
        self._tests = tuple(tests)
        self._by_key: dict[tuple[str, str, str | None], tuple[int, ...]] = {}

    def steps_of(self, behaviour: "Behaviour", directory: str | None) -> Sequence[int]:
        """Give the numbers of the tests that more need be asked of; what is not among them is certain."""
        key = (behaviour.kind, behaviour.name, behaviour.category)
        meant = self._by_key.get(key)
        if meant is None:
            meant = tuple(number for number, test in enumerate(self._tests) if test.is_meant(behaviour))
            self._by_key[key] = meant
        if not meant or _has_failed(behaviour):
            return ()
        if behaviour.is_truncated:
            return meant
        texts = (text for value in behaviour.arguments.values() for text in all_texts(value))
        text = "\n".join((directory or "", *texts))
        return [number for number in meant if self._tests[number].has_text(text)]


def touched_by(behaviour: "Behaviour", tables: CategoryTables, directory: str | None) -> tuple[Touched, ...]:
    """Give all that an act touches, with what it runs."""
    return (*find_touched(behaviour, tables, directory), *find_run(behaviour, tables, directory))


def _hold(
    key: str, patterns: Sequence[Pattern], touched: Iterable[Touched], *, is_cut: bool
) -> tuple[list[Touched], str | None]:
    """Give what the patterns mean of all that is touched, and why this is doubtful, where nothing is certain."""
    certain, doubtful = [], []
    for item in touched:
        if not set(item.keys) & set(_TOUCHED_BY[key]):
            continue
        if item.thing is None:
            if is_cut or key in _PEER_KEYS:
                doubtful.append(item)
        elif any(_matches(pattern, item.thing) for pattern in patterns):
            certain.append(item)
    if certain or not doubtful:
        return certain, None
    return doubtful, f"{doubtful[0].shown[:_SHOWN_CHARACTERS]} may be meant: {doubtful[0].why}"


def _matches(pattern: Pattern, thing: object) -> bool:
    """Match as what denies does: also what the kernel makes a link, which no rule that allows may match."""
    if isinstance(thing, PlainPath):
        thing = PlainPath(thing.segments, frozenset())
    elif isinstance(thing, Dll) and thing.path:
        thing = Dll(thing.file_name, PlainPath(thing.path.segments, frozenset()))
    elif isinstance(pattern, PathPattern):
        return False
    return pattern.matches(thing)


def _path_of(item: Touched) -> str | None:
    thing = item.thing.path if isinstance(item.thing, Dll) else item.thing
    if isinstance(thing, PlainPath):
        return "/" + "/".join(thing.segments)
    # Where a relative path starts is not known: then the same spelling is taken for the same file.
    is_path = not any(key.startswith("network.") for key in item.keys)
    return item.shown if is_path and item.thing is None else None


def _names_of(behaviour: "Behaviour", tables: CategoryTables) -> tuple[str, ...]:
    entry = tables.audit_events.get(behaviour.name) if behaviour.kind == "audit" else None
    return (behaviour.name, behaviour.name.rpartition(":")[2], *(entry.functions if entry else ()))


def _has_failed(behaviour: "Behaviour") -> bool:
    """Tell whether it never succeeded; a connection that is being made fails for the moment."""
    return behaviour.category != "network" and behaviour.failed >= behaviour.count > 0


def _literals(step: Step) -> re.Pattern[str] | None:
    """Give what must be found in the arguments of an act for it to be the step; None: nothing in particular."""
    for key, patterns in step.match:
        if key in _PATH_KEYS:
            texts = {max(_WILDCARDS.split(pattern.text.removeprefix("~")), key=len) for pattern in patterns}
            if all(texts):
                return _any_of(tuple(sorted(texts)))
    return None


@lru_cache(maxsize=256)
def _any_of(texts: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, texts)))
