"""What a policy denies to everybody: to judge it no owner need be known, so the kernel can act on it."""

from dataclasses import dataclass

from pyxhon.categories import CategoryTables, Resource
from pyxhon.policy.model import FunctionRule, NameRule, Policy
from pyxhon.policy.patterns import NamePattern
from pyxhon.target.system_calls.declarations import sensitive_names


@dataclass(frozen=True, slots=True)
class Undisputed:
    """Names of audit events and system calls of which every occurrence is a violation, whoever is its owner."""

    events: frozenset[str]
    calls: frozenset[str]


def find_undisputed(policy: Policy, *, has_probed_functions: bool) -> Undisputed:
    """Give what entry "*" denies by name, without asking for arguments, and no rule of any entry may allow.

    Left out is what may be no act of its own: events that imports raise, too; system calls that an event may explain,
    or with `has_probed_functions` a call of a C function.
    """
    names = {entry.name for entry in policy.tables.audit_events.values() if not entry.is_import_system}
    names -= {"import"}
    calls = () if has_probed_functions else sensitive_names()
    return Undisputed(
        frozenset(name for name in names if _is_event_denied(name, policy)),
        frozenset(name for name in calls if _is_call_denied(name, policy)),
    )


def _is_event_denied(name: str, policy: Policy) -> bool:
    entries = [entry for entry in policy.tables.audit_events.values() if entry.name == name]
    if any(entry.is_import_system for entry in entries):
        return False
    spellings = {name, *(function for entry in entries for function in entry.functions)}
    spellings |= {f"builtins.{each}" for each in spellings if "." not in each}
    rules = [rule for entry in policy.packages for rule in entry.functions if isinstance(rule.pattern, NamePattern)]
    if any(rule.is_allowed and _names(rule, spellings) for rule in rules):
        return False
    resources = [resource for entry in entries for resource in entry.resources]
    return not _may_be_freed(resources, policy) and any(
        not rule.is_allowed and not rule.arguments and _names(rule, {name})
        for entry in policy.packages
        if entry.key.kind == "any"
        for rule in entry.functions
    )


def _is_call_denied(name: str, policy: Policy) -> bool:
    if not _is_act_of_its_own(name, policy.tables):
        return False
    if any(rule.is_allowed and _names(rule, {name}) for entry in policy.packages for rule in entry.syscalls):
        return False
    everybody = [rule for entry in policy.packages if entry.key.kind == "any" for rule in entry.syscalls]
    return any(not rule.is_allowed and _names(rule, {name}) for rule in everybody)


def _is_act_of_its_own(name: str, tables: CategoryTables) -> bool:
    """Tell whether nothing explains such a call, nor may it belong to an import, which is known by the path."""
    entry = tables.find_system_call("syscall", name)
    return entry is not None and not entry.explained_by and not entry.resources


def _may_be_freed(resources: list[Resource], policy: Policy) -> bool:
    """Tell whether the list of a nearer entry may allow what "*" denies by name."""
    is_listed = any(entry.lists for entry in policy.packages if entry.key.kind != "any")
    return is_listed and any(resource.kind != "command" for resource in resources)


def _names(rule: FunctionRule | NameRule, spellings: set[str]) -> bool:
    pattern = rule.pattern
    return isinstance(pattern, NamePattern) and any(pattern.matches(each) for each in spellings)
