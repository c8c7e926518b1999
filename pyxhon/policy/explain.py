"""Why a behaviour is judged as it is, and what a policy says when all its files are laid over each other."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyxhon.categories import FFI_CALL
from pyxhon.policy.describing import describe_sequences
from pyxhon.policy.judge import Judged, Weighed, decide, weigh
from pyxhon.policy.model import FunctionRule, NameRule, PackageRules, Policy

if TYPE_CHECKING:
    from pyxhon.join import Behaviour


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that speaks of a behaviour."""

    rule: str
    says: str
    is_decisive: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict, and the rules that spoke of the behaviour, the decisive one first."""

    judged: Judged
    candidates: tuple[Candidate, ...]


def explain(
    behaviour: "Behaviour", policy: Policy, working_directories: Mapping[int, str] | None = None
) -> Explanation:
    """Tell which rule decides a behaviour, and which others spoke of it."""
    entries = policy.entries_for(behaviour.owner.name, behaviour.owner.origin)
    directory = (working_directories or {}).get(behaviour.process)
    weighed = weigh(behaviour, policy, entries, directory)
    judged = decide(behaviour, weighed)
    candidates = [Candidate(rule, says, rule == judged.rule) for rule, says in _list_candidates(behaviour, weighed)]
    return Explanation(judged, tuple(sorted(candidates, key=lambda candidate: not candidate.is_decisive)))


def find_unseen(policy: Policy) -> tuple[FunctionRule, ...]:
    """Give the rules of `functions` that no audit event of CPython can match: they decide only probed calls."""
    names = {name for entry in policy.tables.audit_events.values() for name in (entry.name, *entry.functions)}
    names |= {FFI_CALL, *(f"builtins.{name}" for name in names if "." not in name)}
    return tuple(
        rule
        for entry in policy.packages
        for rule in entry.functions
        if not any(rule.pattern.matches(name) for name in names)
    )


def describe(policy: Policy) -> str:
    """Write a policy as one file, each rule with the place it comes from; it can be read again."""
    lines = ["version: 1", f"# from {', '.join(policy.files)}", "packages:" if policy.packages else "packages: {}"]
    for entry in policy.packages:
        lines += _describe_entry(entry)
    lines += describe_sequences(policy.sequences)
    if policy.on_violation:
        lines.append(f"on_violation: {policy.on_violation}")
    return "\n".join(lines) + "\n"


def _list_candidates(behaviour: "Behaviour", weighed: Weighed) -> Iterable[tuple[str, str]]:
    if weighed.named:
        rule = weighed.named.rule
        what = "what is done below Python" if rule is weighed.named.entry.native else rule.text
        doubt = f", which cannot be told: {weighed.named.doubt}" if weighed.named.doubt else ""
        yield str(rule.rule), f"{'allows' if rule.is_allowed else 'denies'} {what}{doubt}"
    if weighed.listed:
        yield str(weighed.listed.rule), weighed.listed.reason
    if weighed.category:
        allow = weighed.category.allow
        verb = "allows" if behaviour.category in allow.categories else "does not allow"
        yield str(allow.rule), f"{allow.shorthand} {verb} {behaviour.category or 'an act without a category'}"


def _describe_entry(entry: PackageRules) -> list[str]:
    lines = [f"  {_quote(entry.key.text)}:  # {entry.rule.place}"]
    if entry.allow:
        lines.append(f"    allow: {_quote(entry.allow.shorthand)}  # {entry.allow.rule.place}")
    for key, rules in (
        ("functions", entry.functions),
        ("modules", entry.modules),
        ("syscalls", entry.syscalls),
    ):
        if rules:
            lines.append(f"    {key}:")
            lines += _describe_names(rules)
    if entry.native:
        lines.append(f"    native: {'allow' if entry.native.is_allowed else 'deny'}  # {entry.native.rule.place}")
    group = ""
    for key, listed in sorted((entry.lists or {}).items()):
        if key.partition(".")[0] != group:
            group = key.partition(".")[0]
            lines.append(f"    {group}:")
        lines.append(f"      {key.partition('.')[2]}:{'' if listed.patterns else ' []'}  # {listed.rule.place}")
        lines += [f"        - {_quote(pattern.text)}" for _, pattern in listed.patterns]
    if entry.reason:
        lines.append(f"    reason: {_quote(entry.reason)}")
    return lines


def _describe_names(rules: Sequence[NameRule | FunctionRule]) -> list[str]:
    lines = []
    for verb, is_allowed in (("deny", False), ("allow", True)):
        chosen = [rule for rule in rules if rule.is_allowed == is_allowed]
        if chosen:
            lines.append(f"      {verb}:")
            lines += [f"        - {_describe_name(rule)}  # {rule.rule.place}" for rule in chosen]
    return lines


def _describe_name(rule: NameRule | FunctionRule) -> str:
    if isinstance(rule, NameRule) or not rule.arguments:
        return _quote(rule.pattern.text)
    given = ", ".join(f"{_quote(argument.name)}: {_quote(argument.text)}" for argument in rule.arguments)
    return f"{{name: {_quote(rule.pattern.text)}, args: {{{given}}}}}"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a YAML one
