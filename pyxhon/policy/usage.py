"""How often each rule of a policy decided, and which rules never spoke of anything."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyxhon.categories import CATEGORIES
from pyxhon.policy.explain import explain
from pyxhon.policy.judge import Verdict, find_named
from pyxhon.policy.model import LIST_KEYS, FunctionRule, NameRule, PackageRules, Policy, Rule
from pyxhon.policy.touched import find_touched

if TYPE_CHECKING:
    from pyxhon.join import Behaviour


@dataclass(frozen=True, slots=True)
class RuleUse:
    """One rule: how many behaviours it decided, by verdict, and of how many it spoke."""

    rule: str
    allowed: int
    violations: int
    spoken: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The rules in the order of the policy, and categories that an entry allows for nothing."""

    rules: tuple[RuleUse, ...]
    unused: tuple[tuple[str, tuple[str, ...]], ...]  # of each `allow`: the rule and categories


def count_uses(
    behaviours: Iterable["Behaviour"], policy: Policy, working_directories: Mapping[int, str] | None = None
) -> Usage:
    """Count what each rule of a policy did for these behaviours."""
    decided: Counter[tuple[str, Verdict]] = Counter()
    spoken: Counter[str] = Counter()
    used: set[tuple[str, str | None]] = set()
    for row in behaviours:
        judged = explain(row, policy, working_directories).judged
        if judged.rule is not None:
            decided[judged.rule, judged.verdict] += 1
        used.add((judged.rule or "", row.category))
        directory = (working_directories or {}).get(row.process)
        spoken.update(_speaking(row, policy, directory) | ({judged.rule} if judged.rule else set()))
    places = sorted((rule for entry in policy.packages for rule in list_rules(entry)), key=_place_of)
    rules = tuple(
        RuleUse(rule, decided[rule, "allowed"], decided[rule, "violation"], spoken[rule])
        for rule in dict.fromkeys(map(str, places))
    )
    return Usage(rules, tuple(_unused(policy, used)))


def list_rules(entry: PackageRules) -> Iterator[Rule]:
    """Give the rules of an entry; a list with something in it is its entries."""
    if entry.allow:
        yield entry.allow.rule
    named: tuple[NameRule | FunctionRule, ...] = (*entry.functions, *entry.modules, *entry.syscalls)
    yield from (each.rule for each in named)
    if entry.native:
        yield entry.native.rule
    for key in LIST_KEYS:
        listed = entry.find_list(key)
        if listed:
            yield from [rule for rule, _ in listed.patterns] or [listed.rule]


def _place_of(rule: Rule) -> tuple[str, int]:
    file, _, line = rule.place.rpartition(":")
    return file, int(line)


def _speaking(row: "Behaviour", policy: Policy, directory: str | None) -> set[str]:
    """Give all rules that speak of a behaviour, whichever decides."""
    entries = policy.entries_for(row.owner.name, row.owner.origin)
    found = {str(named.rule.rule) for named in find_named(row, policy, entries)}
    for item in find_touched(row, policy.tables, directory):
        for listed in (entry.find_list(key) for entry in entries for key in item.keys):
            if listed and not listed.patterns:
                found.add(str(listed.rule))
            elif listed and item.thing is not None:
                found |= {str(rule) for rule, pattern in listed.patterns if pattern.matches(item.thing)}
    if row.category is not None:
        found |= {str(entry.allow.rule) for entry in entries if entry.allow}
    return found


def _unused(policy: Policy, used: set[tuple[str, str | None]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for allow in (entry.allow for entry in policy.packages if entry.allow):
        idle = [name for name in CATEGORIES if name in allow.categories and (str(allow.rule), name) not in used]
        if idle and any(rule == str(allow.rule) for rule, _ in used):
            yield str(allow.rule), tuple(idle)
