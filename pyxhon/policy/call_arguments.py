"""What the arguments of a call must be for a rule of `functions` to mean it.

What cannot be told is neither a match nor a miss: the judge lets it deny, never allow.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyxhon.categories import FFI_CALL
from pyxhon.python_functions import is_python_name

if TYPE_CHECKING:
    from pyxhon.join import Behaviour

MOST_POSITIONS: Final = 10  # the arguments that the probes of C functions take by position
_WORDS: Final[Mapping[str, object]] = {"true": True, "false": False, "null": None}
_NO_LITERAL: Final = object()
_SELF: Final = "self"


@dataclass(frozen=True, slots=True)
class ArgumentPattern:
    """One argument by its parameter or position, and what it must be.

    That is a glob where the value is text, else a number, true, false or null; `*` is whatever is there.
    """

    name: str
    text: str

    @property
    def literal_characters(self) -> int:
        """Rank among patterns."""
        return len(re.sub(r"[*?]", "", self.text))

    def match(self, value: object) -> bool | None:
        """Tell whether a value is meant; None: what it is cannot be told."""
        if self.text == "*":
            return True
        if isinstance(value, str):
            return self._match_text(value)
        if isinstance(value, list):
            return self._match_items(value)
        if value is not None and not isinstance(value, bool | int | float):
            return None
        literal = _read_literal(self.text)
        return literal is None if value is None else literal == value

    def _match_text(self, text: str) -> bool | None:
        if text.startswith("<") and text.endswith(">"):
            return None  # an object that is no text, of which this is the type
        return _glob(self.text).fullmatch(text) is not None

    def _match_items(self, items: list[object]) -> bool | None:
        """Match a list as its items, one blank between: a command line as people write it."""
        if not all(isinstance(item, str | bool | int | float | None) for item in items):
            return None
        words = [item if isinstance(item, str) else json.dumps(item) for item in items]
        if any(word.startswith("<") and word.endswith(">") for word in words):
            return None
        return _glob(self.text).fullmatch(" ".join(words)) is not None


@dataclass(frozen=True, slots=True)
class Held:
    """Whether arguments are those that a rule means; None: it cannot be told, for the reason given."""

    is_match: bool | None
    why: str = ""


def hold(patterns: Iterable[ArgumentPattern], behaviour: "Behaviour", *, names_event: bool) -> Held:
    """Hold an act's arguments against the patterns of a rule, all of which must match.

    `names_event`: the rule names the audit event itself, so that positions may be those of the event's arguments.
    """
    doubt = ""
    for pattern in patterns:
        found = _hold_one(pattern, behaviour, names_event=names_event)
        if found.is_match is False:
            return found
        doubt = doubt or found.why
    return Held(None, doubt) if doubt else Held(is_match=True)


def _hold_one(pattern: ArgumentPattern, behaviour: "Behaviour", *, names_event: bool) -> Held:
    arguments = behaviour.arguments
    is_own = behaviour.kind == "call" or pattern.name in arguments or not behaviour.calls
    if is_own and behaviour.is_truncated:
        return Held(None, "an argument was cut")
    if behaviour.kind == "call":
        find = _match_foreign if behaviour.name == FFI_CALL else _match_c
        found = (_match_python if is_python_name(behaviour.name) else find)(pattern, arguments)
    elif is_own:
        found = _match_event(pattern, arguments, has_positions=names_event)
    elif None in behaviour.calls:
        return Held(None, "an argument was cut")
    else:
        answers = {_match_c(pattern, call) for call in behaviour.calls if call is not None}
        found = answers.pop() if len(answers) == 1 else None
    return Held(found, f"argument {pattern.name} cannot be told" if found is None else "")


def _match_python(pattern: ArgumentPattern, arguments: Mapping[str, object]) -> bool | None:
    """Look for a parameter; one that the function does not have may be a key of its `**kwargs`, which come last."""
    if pattern.name in arguments:
        return pattern.match(arguments[pattern.name])
    last = next(reversed(list(arguments.values())), None)  # a dict that was given has its keys in `entries`
    return isinstance(last, dict) and pattern.name in last and pattern.match(last[pattern.name])


def _match_c(pattern: ArgumentPattern, arguments: Mapping[str, object]) -> bool | None:
    """Look for a position or a keyword; an argument given the other way is not known by it."""
    args, kwargs = arguments.get("args"), arguments.get("kwargs")
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        return None
    if pattern.name.isdecimal():
        position = int(pattern.name)
        return pattern.match(args[position]) if position < len(args) else _is_missing(kwargs)
    if pattern.name in kwargs:
        return pattern.match(kwargs[pattern.name])
    return pattern.match(arguments.get(_SELF)) if pattern.name == _SELF else _is_missing(args)


def _match_foreign(pattern: ArgumentPattern, arguments: Mapping[str, object]) -> bool | None:
    """Look for the DLL or symbol that is called through libffi, which may be unknown."""
    value = arguments.get(pattern.name)
    return None if value is None else pattern.match(value)


def _match_event(pattern: ArgumentPattern, arguments: Mapping[str, object], *, has_positions: bool) -> bool | None:
    """Look for an argument of an audit event; a function's own arguments are not known."""
    if pattern.name in arguments:
        return pattern.match(arguments[pattern.name])
    if not (has_positions and pattern.name.isdecimal() and int(pattern.name) < len(arguments)):
        return None
    return pattern.match(list(arguments.values())[int(pattern.name)])


def _is_missing(others: list[object] | dict[str, object]) -> bool | None:
    return None if others else False


def _read_literal(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    for read in (lambda written: int(written, 0), float):
        try:
            return read(text)
        except ValueError:
            continue
    return _NO_LITERAL


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))  # only * and ? are wildcards here
