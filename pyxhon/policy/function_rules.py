"""Which rules of `functions` speak of an act: by the names of its function, and by the arguments that they ask for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyxhon.function_names import spellings
from pyxhon.policy.call_arguments import hold
from pyxhon.policy.model import FunctionRule, PackageRules, Policy
from pyxhon.policy.patterns import NamePattern
from pyxhon.python_functions import PythonPattern, is_python_name

if TYPE_CHECKING:
    from pyxhon.join import Behaviour

_ONLY_LAST = "only the last part of the function's name is known"


@dataclass(frozen=True, slots=True)
class Speaking:
    """A rule that speaks of an act; `doubt` says why it cannot be told for certain."""

    rule: FunctionRule
    doubt: str = ""


def match_functions(behaviour: "Behaviour", policy: Policy, entry: PackageRules) -> list[Speaking]:
    """Give the rules of an entry that name the act.

    Several functions may raise one audit event: it is denied when any is denied, and allowed when all are.
    """
    if not entry.functions:
        return []
    if behaviour.kind == "call":
        return _speaking(entry.functions, behaviour)
    name, functions = names_of(behaviour, policy)
    rules = [rule for rule in entry.functions if isinstance(rule.pattern, NamePattern)]
    denying = [
        rule for rule in rules if not rule.is_allowed and any(_is_named(rule, each) for each in (name, *functions))
    ]
    denied = [found for rule in denying if (found := _speak(rule, behaviour, is_named=True))]
    if behaviour.is_truncated and name not in policy.tables.audit_events:
        return denied
    allowing = [rule for rule in rules if rule.is_allowed and _speak(rule, behaviour, is_named=True)]
    allowed = [rule for rule in allowing if _is_named(rule, name)]
    by_function = [[rule for rule in allowing if _is_named(rule, function)] for function in functions]
    if not allowed and functions and all(by_function):
        allowed = [min((found[0] for found in by_function), key=lambda rule: rule.specificity)]
    return denied + [Speaking(rule) for rule in allowed]


def names_of(behaviour: "Behaviour", policy: Policy) -> tuple[str, tuple[str, ...]]:
    """Give a behaviour's own name, and the Python functions any of which it may have been."""
    entry = policy.tables.audit_events.get(behaviour.name) if behaviour.kind == "audit" else None
    functions = entry.functions if entry else ()
    if behaviour.name == "open" and behaviour.kind == "audit":
        # os.open passes no mode, and nothing else passes none.
        is_os = behaviour.arguments.get("mode") is None
        functions = tuple(name for name in functions if (name == "os.open") == is_os)
    return behaviour.name, functions


def _speaking(rules: Iterable[FunctionRule], behaviour: "Behaviour") -> list[Speaking]:
    names = _python_names(behaviour) if is_python_name(behaviour.name) else None
    found = (_speak(rule, behaviour, is_named=_names_call(rule, behaviour, names)) for rule in rules)
    return [each for each in found if each]


def _speak(rule: FunctionRule, behaviour: "Behaviour", *, is_named: bool | None) -> Speaking | None:
    """Hold the arguments against a rule. What cannot be told is taken as meant by a rule that denies, by no other."""
    held = hold(rule.arguments, behaviour, names_event=rule.pattern.matches(behaviour.name))
    if is_named is False or held.is_match is False:
        return None
    doubt = held.why or ("" if is_named else _ONLY_LAST)
    return None if doubt and rule.is_allowed else Speaking(rule, doubt)


def _names_call(
    rule: FunctionRule, behaviour: "Behaviour", python_names: tuple[tuple[str, str], ...] | None
) -> bool | None:
    pattern = rule.pattern
    if isinstance(pattern, PythonPattern):
        answers = {pattern.match(*name) for name in python_names or ()}
        return True if True in answers else None if None in answers else False
    return python_names is None and any(pattern.matches(name) for name in spellings(behaviour.name))


def _python_names(behaviour: "Behaviour") -> tuple[tuple[str, str], ...]:
    """Give the names that a Python function goes by: that of its call, and with the module that its file is."""
    module, _, function = behaviour.name.partition(":")
    return tuple((each, function) for each in dict.fromkeys((module, behaviour.module)) if each)


def _is_named(rule: FunctionRule, function: str) -> bool:
    return rule.pattern.matches(function) or ("." not in function and rule.pattern.matches(f"builtins.{function}"))
