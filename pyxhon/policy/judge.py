"""Behaviours and a policy → verdicts, and a suggestion per package. Pure: no process, no file, no clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pyxhon.categories import CATEGORIES, SYSTEM_KINDS
from pyxhon.policy.function_rules import match_functions
from pyxhon.policy.model import CategoryRule, FunctionRule, ListRule, NameRule, PackageRules, Policy, Rule, Specificity
from pyxhon.policy.touched import Touched, find_touched

if TYPE_CHECKING:
    from pyxhon.join import Behaviour, Owner

Verdict = Literal["allowed", "violation", "unjudged"]
Status = Literal["none", "allowed", "unjudged", "violation"]
_STATUSES: tuple[Status, ...] = ("none", "allowed", "unjudged", "violation")  # the worst of a category counts
_NAMED_KINDS = ("audit", "call", "dll-load")


@dataclass(frozen=True, slots=True)
class Judged:
    """A behaviour with its verdict, the rule that decided and why."""

    behaviour: "Behaviour"
    verdict: Verdict
    rule: str | None  # as in "policies/numpy.yaml:4 packages.numpy.allow"; None: unjudged
    reason: str


@dataclass(frozen=True, slots=True)
class CategoryStatus:
    """What a package did in one category: its worst verdict, and distinct behaviours by level."""

    status: Status
    python: int
    native: int
    detached: int
    violations: int


@dataclass(frozen=True, slots=True)
class PackageJudgement:
    """What the policy says of one package."""

    owner: "Owner"
    policy: str | None  # the paper's letters; None: no category is ruled
    categories: dict[str, CategoryStatus]
    suggestion: Literal["Accept", "CodeReview"] | None  # None: no entry of the policy is for it
    reason: str | None  # the policy's own words


@dataclass(frozen=True, slots=True)
class NamedOutcome:
    """The entry of `functions`, `modules` or `syscalls` that speaks of an act, or a `native: deny`.

    `doubt` says why it cannot be told whether a rule that denies means the act.
    """

    entry: PackageRules
    rule: NameRule | FunctionRule
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class ListOutcome:
    """What the lists say of all that an act touches: the first miss, or else a match of all.

    A miss is told where something is known to be in no list, and not only what it is cannot be told.
    """

    entry: PackageRules
    rule: Rule
    is_match: bool
    reason: str
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class CategoryOutcome:
    """The nearest `allow` of the owner."""

    entry: PackageRules
    allow: CategoryRule


@dataclass(frozen=True, slots=True)
class Weighed:
    """All that a policy says of one behaviour, before the most specific is chosen."""

    entries: tuple[PackageRules, ...]
    named: NamedOutcome | None
    listed: ListOutcome | None
    category: CategoryOutcome | None


def judge(
    behaviours: Iterable["Behaviour"], policy: Policy, working_directories: Mapping[int, str] | None = None
) -> tuple[Judged, ...]:
    """Judge each behaviour by the most specific rule.

    `working_directories` gives those of processes (`Behaviour.process`) that are known to have stayed there; all other
    relative paths match nothing.
    """
    known = working_directories or {}
    entries: dict[tuple[str, str], tuple[PackageRules, ...]] = {}
    judged = []
    for behaviour in behaviours:
        owner = (behaviour.owner.name, behaviour.owner.origin)
        if owner not in entries:
            entries[owner] = policy.entries_for(*owner)
        weighed = weigh(behaviour, policy, entries[owner], known.get(behaviour.process))
        judged.append(decide(behaviour, weighed))
    return tuple(judged)


def weigh(behaviour: "Behaviour", policy: Policy, entries: tuple[PackageRules, ...], directory: str | None) -> Weighed:
    """Find what the entries for an owner, the most specific first, say of its behaviour."""
    if not entries:
        return Weighed(entries, None, None, None)
    touched = find_touched(behaviour, policy.tables, directory)
    return Weighed(
        entries,
        # Of the most specific entry, then of the most specific pattern; deny before allow.
        max(find_named(behaviour, policy, entries), key=_rank_named, default=None),
        _find_listed(touched, entries),
        _find_category(behaviour, entries),
    )


def decide(behaviour: "Behaviour", weighed: Weighed) -> Judged:
    """Choose the most specific of what was found: a name or a list before a category."""
    named, listed, category = weighed.named, weighed.listed, weighed.category
    if named and not (listed and _goes_over(listed, named)):
        verdict: Verdict = "allowed" if named.rule.is_allowed else "violation"
        return Judged(behaviour, verdict, str(named.rule.rule), explain_named(named, behaviour))
    if listed and (listed.is_match or not (category and _is_nearer(category.entry, listed.entry))):
        return Judged(behaviour, "allowed" if listed.is_match else "violation", str(listed.rule), listed.reason)
    if category and behaviour.category is not None:
        is_allowed = behaviour.category in category.allow.categories
        reason = f"{behaviour.category} is {'in' if is_allowed else 'not in'} {category.allow.shorthand}"
        return Judged(behaviour, "allowed" if is_allowed else "violation", str(category.allow.rule), reason)
    spoken_of = "it" if weighed.entries else "the package"
    return Judged(behaviour, "unjudged", None, f"no rule of the policy speaks of {spoken_of}")


def summarize(judged: Iterable[Judged], policy: Policy, owners: Iterable["Owner"] = ()) -> tuple[PackageJudgement, ...]:
    """Sum up by package; `owners` adds packages that did nothing."""
    acts: dict[Owner, list[Judged]] = {owner: [] for owner in owners}
    for row in judged:
        acts.setdefault(row.behaviour.owner, []).append(row)
    return tuple(_sum_up(owner, rows, policy) for owner, rows in acts.items())


def explain_named(named: NamedOutcome, behaviour: "Behaviour") -> str:
    """Say why a name decides."""
    if named.rule is named.entry.native:
        return f"the act is {behaviour.level}: no event of Python explains it"
    doubt = f", and whether it means this cannot be told: {named.doubt}" if named.doubt else ""
    return f"the policy names {named.rule.text}{doubt}"


def find_named(behaviour: "Behaviour", policy: Policy, entries: tuple[PackageRules, ...]) -> list[NamedOutcome]:
    """Find all rules that name the act, and the `native: deny` that means it."""
    found: list[NamedOutcome] = []
    for entry in entries:
        if behaviour.kind in _NAMED_KINDS:
            speaking = match_functions(behaviour, policy, entry)
            found += [NamedOutcome(entry, each.rule, each.doubt) for each in speaking]
        elif behaviour.kind == "import":
            found += [NamedOutcome(entry, rule) for rule in _match_module(behaviour, entry)]
        elif behaviour.kind in SYSTEM_KINDS:
            name = behaviour.name.rpartition(":")[2]
            found += [NamedOutcome(entry, rule) for rule in entry.syscalls if rule.pattern.matches(name)]
    native = _find_native(behaviour, entries)
    return [*found, native] if native else found


def _find_native(behaviour: "Behaviour", entries: tuple[PackageRules, ...]) -> NamedOutcome | None:
    """Give the nearest `native`, where it denies; where it allows, the other rules decide."""
    if behaviour.level == "python":
        return None
    speaking = [entry for entry in entries if entry.native]
    nearest = [entry for entry in speaking if _is_as_near(entry, speaking[0])]
    return next(
        (NamedOutcome(entry, rule) for entry in nearest if (rule := entry.native) and not rule.is_allowed), None
    )


def _rank_named(outcome: NamedOutcome) -> tuple[tuple[int, int], Specificity, bool]:
    return outcome.entry.key.specificity, outcome.rule.specificity, not outcome.rule.is_allowed


def _find_category(behaviour: "Behaviour", entries: tuple[PackageRules, ...]) -> CategoryOutcome | None:
    found = [CategoryOutcome(entry, entry.allow) for entry in entries if entry.allow]
    nearest = [outcome for outcome in found if _is_as_near(outcome.entry, found[0].entry)]
    return min(nearest, key=lambda outcome: behaviour.category in outcome.allow.categories, default=None)


def _match_module(behaviour: "Behaviour", entry: PackageRules) -> list[NameRule]:
    module = behaviour.module or ""
    # A cut name may be another's beginning: it can be denied, not allowed.
    return [
        rule
        for rule in entry.modules
        if rule.pattern.matches_module(module) and not (rule.is_allowed and behaviour.is_truncated)
    ]


def _find_listed(touched: tuple[Touched, ...], entries: tuple[PackageRules, ...]) -> ListOutcome | None:
    """Hold all that an act touches against the nearest list for each.

    One miss is enough for a violation. Without a miss the lists allow the act only when they speak of all of it.
    """
    found = [_hold(item, entries) for item in touched]
    told = [outcome for outcome in found if outcome]
    misses = [outcome for outcome in told if not outcome.is_match]
    if misses:
        nearest = max(misses, key=lambda outcome: outcome.entry.key.specificity)
        return replace(nearest, is_told=any(outcome.is_told for outcome in misses))
    if len(told) < len(found):
        return None
    return min(told, key=lambda outcome: outcome.entry.key.specificity, default=None)


def _hold(item: Touched, entries: tuple[PackageRules, ...]) -> ListOutcome | None:
    """Hold one thing against its lists; a name that is looked up may stand in either of two."""
    outcomes = [outcome for key in item.keys if (outcome := _hold_nearest(item, key, entries))]
    return max(outcomes, key=lambda outcome: outcome.is_match, default=None)


def _hold_nearest(item: Touched, key: str, entries: tuple[PackageRules, ...]) -> ListOutcome | None:
    lists = [(entry, found) for entry in entries if (found := entry.find_list(key))]
    outcomes = []
    for entry, found in lists:
        if _is_as_near(entry, lists[0][0]):
            rule = found.find(item.thing) if item.thing is not None else None
            reason = f"{_cut(item.shown)} is in the list" if rule else _explain_miss(item, found)
            outcomes.append(ListOutcome(entry, rule or found.rule, rule is not None, reason, item.thing is not None))
    return min(outcomes, key=lambda outcome: outcome.is_match, default=None)


def _explain_miss(item: Touched, listed: ListRule) -> str:
    if item.thing is None:
        return f"{_cut(item.shown)} cannot be held against the list: {item.why}"
    return f"{_cut(item.shown)} is not in the list" if listed.patterns else "the list is empty"


def _goes_over(listed: ListOutcome, named: NamedOutcome) -> bool:
    """Tell whether a list decides before a name.

    An allowed name still needs what it touches to be allowed, but for what cannot be told where the rule asks for
    arguments; a denied one is freed by a nearer list alone.
    """
    if named.rule.is_allowed:
        has_arguments = isinstance(named.rule, FunctionRule) and bool(named.rule.arguments)
        if has_arguments and not listed.is_told and _is_as_near(named.entry, listed.entry):
            return False
        return not listed.is_match and not _is_nearer(named.entry, listed.entry)
    return listed.is_match and _is_nearer(listed.entry, named.entry)


def _is_nearer(first: PackageRules, second: PackageRules) -> bool:
    return first.key.specificity > second.key.specificity


def _is_as_near(first: PackageRules, second: PackageRules) -> bool:
    return first.key.specificity == second.key.specificity


def _cut(text: str, most: int = 200) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _sum_up(owner: "Owner", rows: list[Judged], policy: Policy) -> PackageJudgement:
    entries = policy.entries_for(owner.name, owner.origin)
    allow = next((entry.allow for entry in entries if entry.allow), None)
    is_violated = any(row.verdict == "violation" for row in rows)
    suggestion: Literal["Accept", "CodeReview"] = "CodeReview" if is_violated else "Accept"
    return PackageJudgement(
        owner,
        allow.shorthand if allow else None,
        {category: _count(category, rows) for category in CATEGORIES},
        suggestion if entries else None,
        next((entry.reason for entry in entries if entry.reason), None),
    )


def _count(category: str, rows: list[Judged]) -> CategoryStatus:
    """Count distinct behaviours: the same act of several processes is one."""
    verdicts: dict[tuple[str, str], Status] = {}
    for row in rows:
        if row.behaviour.category == category:
            key = (row.behaviour.level, row.behaviour.id)
            verdicts[key] = max(verdicts.get(key, "none"), row.verdict, key=_STATUSES.index)
    levels = [level for level, _ in verdicts]
    return CategoryStatus(
        max(verdicts.values(), key=_STATUSES.index, default="none"),
        levels.count("python"),
        levels.count("native"),
        levels.count("detached"),
        sum(verdict == "violation" for verdict in verdicts.values()),
    )
