"""Which C functions a policy names: those that raise no audit event are seen only where they are probed."""

from dataclasses import dataclass

from pyxhon.function_names import spellings
from pyxhon.policy.model import Policy
from pyxhon.policy.patterns import NamePattern, has_wildcard


@dataclass(frozen=True, slots=True)
class NamedFunctions:
    """The functions of a policy that audit events do not cover: names, and patterns with wildcards."""

    names: tuple[str, ...]
    patterns: tuple[str, ...]
    covered: frozenset[str]

    def means(self, pattern: str, name: str) -> bool:
        """Tell whether a pattern means a function that no audit event covers."""
        return NamePattern(pattern).matches(name) and self.covered.isdisjoint(spellings(name))


def functions_named(policy: Policy) -> NamedFunctions:
    """Give what must be probed; a pattern that only allows is left out: what it allows need not be seen."""
    rules = [rule for entry in policy.packages for rule in entry.functions]
    exact = [rule.pattern.text for rule in rules if not has_wildcard(rule.pattern.text)]
    patterns = [rule.pattern.text for rule in rules if has_wildcard(rule.pattern.text) and not rule.is_allowed]
    entries = policy.tables.audit_events.values()
    covered = frozenset(name for entry in entries for name in (entry.name, *entry.functions))
    names = [name for name in exact if covered.isdisjoint(spellings(name))]
    return NamedFunctions(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(patterns)), covered)
