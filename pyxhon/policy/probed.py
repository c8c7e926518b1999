"""Which functions a policy names: those that raise no audit event are seen only where they are probed."""

from dataclasses import dataclass

from pyxhon.categories import FFI_CALL
from pyxhon.function_names import spellings
from pyxhon.policy.model import Policy
from pyxhon.policy.patterns import NamePattern, has_wildcard
from pyxhon.python_functions import PythonPattern


@dataclass(frozen=True, slots=True)
class NamedFunctions:
    """The functions of a policy that audit events do not cover: names, and patterns with wildcards.

    What rules ask for arguments of is there, too: an audit event has its own. `python` are names of Python functions,
    with wildcards and without.
    """

    names: tuple[str, ...]
    patterns: tuple[str, ...]
    covered: frozenset[str]
    with_arguments: frozenset[str]  # patterns that rules ask for arguments of
    python: tuple[str, ...]

    def means(self, pattern: str, name: str) -> bool:
        """Tell whether a pattern means a function whose calls must be probed."""
        is_needed = pattern in self.with_arguments or self.covered.isdisjoint(spellings(name))
        return NamePattern(pattern).matches(name) and is_needed


def functions_named(policy: Policy) -> NamedFunctions:
    """Give what must be probed; a pattern that only allows is left out: what it allows need not be seen."""
    rules = [rule for entry in policy.packages for rule in entry.functions]
    needed = [rule for rule in rules if not (rule.is_allowed and has_wildcard(rule.pattern.text))]
    python = [rule.pattern.text for rule in needed if isinstance(rule.pattern, PythonPattern)]
    by_c = [rule for rule in needed if isinstance(rule.pattern, NamePattern)]
    exact = [rule.pattern.text for rule in by_c if not has_wildcard(rule.pattern.text)]
    patterns = [rule.pattern.text for rule in by_c if has_wildcard(rule.pattern.text)]
    entries = policy.tables.audit_events.values()
    covered = frozenset(name for entry in entries for name in (entry.name, *entry.functions))
    with_arguments = frozenset(rule.pattern.text for rule in by_c if rule.arguments)
    names = [
        name for name in exact if name != FFI_CALL and (name in with_arguments or covered.isdisjoint(spellings(name)))
    ]
    return NamedFunctions(_unique(names), _unique(patterns), covered, with_arguments, _unique(python))


def _unique(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
