"""Which C functions a policy names: those that raise no audit event are seen only where they are probed."""

from pyxhon.function_names import spellings
from pyxhon.policy.model import Policy
from pyxhon.policy.patterns import NamePattern, has_wildcard


def functions_named(policy: Policy) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the names, and the patterns with wildcards, of functions that audit events do not cover.

    A pattern that only allows is left out: what it allows need not be seen.
    """
    rules = [rule for entry in policy.packages for rule in entry.functions]
    names = [rule.pattern.text for rule in rules if not has_wildcard(rule.pattern.text)]
    patterns = [rule.pattern.text for rule in rules if has_wildcard(rule.pattern.text) and not rule.is_allowed]
    seen = _covered(policy)
    unseen = [name for name in names if not seen.intersection(spellings(name))]
    return tuple(dict.fromkeys(unseen)), tuple(dict.fromkeys(patterns))


def means(policy: Policy, pattern: str, name: str) -> bool:
    """Tell whether a pattern means a function that no audit event covers."""
    return NamePattern(pattern).matches(name) and not _covered(policy).intersection(spellings(name))


def _covered(policy: Policy) -> frozenset[str]:
    entries = policy.tables.audit_events.values()
    return frozenset(name for entry in entries for name in (entry.name, *entry.functions))
