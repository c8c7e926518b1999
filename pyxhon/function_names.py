"""Names of C functions: what people write, and what a file that defines the function calls it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# Modules that hand on what a C module defines, under the C module's own names for it.
_PUBLIC: Final = {"posix": "os", "_socket": "socket", "_io": "io", "_ssl": "ssl", "_signal": "signal"}
_OPEN: Final = ("open", "builtins.open", "io.open", "_io.open")
_MOST_CANDIDATES: Final = 8


class Match(IntEnum):
    """How well a function's name fits what was asked for, the best last."""

    NONE = 0
    LAST = 1  # only the last component is given
    END = 2  # the end is given: socket.send for _socket.socket.send
    KNOWN_END = 3  # the file knows the end of it: _multiarray_umath.empty for numpy.core._multiarray_umath.empty
    WHOLE = 4


def spellings(name: str) -> tuple[str, ...]:
    """Give the names that a function may have for the file that defines it, and for people; `name` is the first."""
    if name in _OPEN:
        return (name, *(other for other in _OPEN if other != name))
    found = {name: None}
    first, dot, rest = name.partition(".")
    if not dot:
        found[f"builtins.{name}"] = None
    elif first == "builtins":
        found[rest] = None
    else:
        for private, public in _PUBLIC.items():
            if first in (private, public):
                found[f"{private}.{rest}"] = found[f"{public}.{rest}"] = None
        if not first.startswith("_"):
            found[f"_{name}"] = None  # pickle.loads is _pickle.loads
    return tuple(found)


def public_name(name: str) -> str:
    """Give the name that people use for a function."""
    first, dot, rest = name.partition(".")
    if first == "builtins":
        return rest
    return f"{_PUBLIC.get(first, first)}{dot}{rest}"


def match(asked: str, known: str) -> Match:
    """Tell how well a function's full name fits what was asked for."""
    names = spellings(asked)
    if known in names:
        return Match.WHOLE
    if known.count(".") and any(name.endswith(f".{known}") for name in names):
        return Match.KNOWN_END
    if not known.endswith(f".{asked}"):
        return Match.NONE
    return Match.END if "." in asked else Match.LAST


@dataclass(frozen=True, slots=True)
class Found:
    """The functions that a name stands for, by their full names; more than one: it is ambiguous."""

    match: Match
    names: tuple[str, ...]


def resolve(asked: str, known: Iterable[str]) -> Found:
    """Find those of the known names that fit best."""
    best = Match.NONE
    names: dict[str, None] = {}
    for name in known:
        how = match(asked, name)
        if how > best:
            best, names = how, {}
        if how == best and how is not Match.NONE:
            names[name] = None
    return Found(best, tuple(names))


def nearest(asked: str, known: Iterable[str]) -> tuple[str, ...]:
    """Give the names that may have been meant: those that end alike, then those written alike."""
    public = sorted({public_name(name) for name in known})
    last = asked.rpartition(".")[2]
    alike = [name for name in public if name.rpartition(".")[2].strip("_") == last.strip("_")]
    close = difflib.get_close_matches(asked, public, _MOST_CANDIDATES, 0.6)
    alike.sort(key=lambda name: -difflib.SequenceMatcher(None, asked, name).ratio())
    return tuple(dict.fromkeys([*alike[:_MOST_CANDIDATES], *close]))[:_MOST_CANDIDATES]
