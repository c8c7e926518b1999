"""Policies for people: shown, listed, checked, and explained on the behaviours of a trace."""

import sys
from collections import Counter
from pathlib import Path
from typing import Final

from pyxhon.errors import PolicyError
from pyxhon.join import Behaviour, join
from pyxhon.policy.explain import Explanation, describe, explain, find_unseen
from pyxhon.policy.judge import Verdict
from pyxhon.policy.model import Policy
from pyxhon.policy.parse import list_builtin_policies, load_builtin_sequences, load_policies, load_policy
from pyxhon.policy.sequence_finding import Places
from pyxhon.policy.usage import Usage, count_uses
from pyxhon.report.build_judging import Acts, read_acts
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_count,
    describe_location,
    telling_arguments,
)
from pyxhon.report.escape import escape
from pyxhon.report.from_json import is_whole_report, read_report
from pyxhon.reporting import find_directories
from pyxhon.resources import policies_directory
from pyxhon.trace.reader import is_trace, open_trace

_BUILTIN: Final = "builtin:"
_TABLES: Final = "builtin:categories"
_ARGUMENT_LIMIT: Final = 120
_LINE_LIMIT: Final = 1000
_ORDER: Final[tuple[Verdict, ...]] = ("violation", "unjudged", "allowed")


def show_policy(name: str) -> int:
    """Print a policy with all that it extends, or the category tables that every policy builds on."""
    if name == _TABLES:
        path = policies_directory() / f"{name.removeprefix(_BUILTIN)}.yaml"
        sys.stdout.write(path.read_text(encoding="utf-8"))
    else:
        sys.stdout.write(describe(load_policy(name)))
    return 0


def list_policies() -> int:
    """Print the policies that come with PyXhon: name, what each package may do, and why."""
    sys.stdout.write(f"{_TABLES}  the five categories; always in force\n")
    for name in list_builtin_policies():
        for entry in load_policy(_BUILTIN + name).packages:
            allowed = entry.allow.shorthand if entry.allow else "no categories"
            reason = f"  {entry.reason}" if entry.reason else ""
            sys.stdout.write(f"{_BUILTIN}{name}  {entry.key.text}: {allowed}{reason}\n")
    for sequence in load_builtin_sequences():
        reason = f"  {sequence.reason}" if sequence.reason else ""
        sys.stdout.write(f"{_BUILTIN}sequences  {sequence.name}{reason}\n")
    return 0


def check_policies(names: tuple[str, ...], trace: Path | None, behaviour: str | None) -> int:
    """Validate policies, laid over each other as several --policy are, and explain them on a trace.

    The last of the names may be the trace.
    """
    if trace is None and len(names) > 1 and (is_trace(Path(names[-1])) or is_whole_report(Path(names[-1]))):
        names, trace = names[:-1], Path(names[-1])
    policy = load_policies(names)
    ordered = f" and {count_noun(len(policy.sequences), 'sequence')}" if policy.sequences else ""
    sys.stdout.write(f"valid: {count_noun(len(policy.packages), 'package')}{ordered} in {', '.join(policy.files)}\n")
    for rule in find_unseen(policy):
        line = f"{rule.rule}: no audit event shows {rule.pattern.text}; it decides only calls that are probed"
        sys.stdout.write(f"note: {escape(line)}\n")
    if trace is not None:
        _explain_acts(_read_acts(trace, policy), policy, behaviour)
    elif behaviour is not None:
        raise PolicyError("--behaviour needs a trace", "add --trace TRACE")
    return 0


def _read_acts(path: Path, policy: Policy) -> Acts:
    """Read the acts of a trace or a JSON report; says what a report does not carry."""
    if is_whole_report(path):
        report = read_report(path)
        if report.acts_left_out:
            told = f"{count_noun(report.acts_left_out, 'act')} left out of the report: nothing is decided of those"
            sys.stdout.write(f"note: {told}\n")
        return read_acts(report)
    with open_trace(path) as reader:
        reader.check()
        joined = join(reader, None, policy.tables)
        return Acts(joined.behaviours, joined.uncategorised, Places(find_directories(joined, reader)))


def _explain_acts(acts: Acts, policy: Policy, wanted: str | None) -> None:
    directories = acts.places.directories
    behaviours = {row.id: row for row in acts.all()}
    chosen = [row for row in behaviours.values() if wanted is None or row.id.startswith(wanted)]
    if not chosen and wanted is not None:
        raise PolicyError(f"there is no behaviour {wanted}", "see their ids with --format json")
    explained = [(row, explain(row, policy, directories)) for row in chosen]
    if wanted is None:
        explained = [(row, each) for row, each in explained if row.category or each.judged.verdict == "violation"]
        explained.sort(key=lambda pair: _ORDER.index(pair[1].judged.verdict))
    for row, explanation in explained:
        sys.stdout.write(_describe(row, explanation, is_whole=wanted is not None))
    if wanted is None:
        _sum_up(explained, count_uses(behaviours.values(), policy, directories))


def _sum_up(explained: list[tuple[Behaviour, Explanation]], usage: Usage) -> None:
    """Say how often each rule decided, whom no rule speaks of, and what never matched."""
    verdicts = Counter(explanation.judged.verdict for _, explanation in explained)
    told = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in _ORDER if verdicts[verdict])
    lines = [f"{count_noun(len(explained), 'behaviour')}{': ' if told else ''}{told}", "rules, with what they decided:"]
    for use in usage.rules:
        count = use.allowed + use.violations
        told = f"{use.allowed} allowed, {count_noun(use.violations, 'violation')}" if use.violations else "allowed"
        if count:
            lines.append(f"  {count:6} {use.rule}: {told}")
    uncovered = Counter(row.owner.name for row, each in explained if each.judged.verdict == "unjudged")
    if uncovered:
        told = ", ".join(f"{name} {describe_count(count)}" for name, count in sorted(uncovered.items()))
        lines.append(f"no rule decides what was done by: {told}")
    idle = [
        f"{use.rule}: spoke of {use.spoken}" for use in usage.rules if use.spoken and not use.allowed + use.violations
    ]
    never = [use.rule for use in usage.rules if not use.spoken]
    never += [f"{rule}: {', '.join(categories)}" for rule, categories in usage.unused]
    for title, rows in (("spoke of acts that other rules decided:", idle), ("never matched:", never)):
        lines += [title, *(f"  {row}" for row in rows)] if rows else []
    sys.stdout.write("".join(f"{escape(line, _LINE_LIMIT)}\n" for line in lines))


def _describe(row: Behaviour, explanation: Explanation, *, is_whole: bool) -> str:
    """Describe a behaviour with the rule that decides, and others that spoke of it where that is asked or needed."""
    arguments = describe_arguments(telling_arguments(row.kind, row.name, row.arguments), _ARGUMENT_LIMIT)
    owner = f"{escape(row.owner.name, 60)}: {row.category or 'no category'}"
    verdict = explanation.judged.verdict
    lines = [
        f"{row.id} {verdict}: {owner}: {escape(row.name, 120)} {arguments}".rstrip(),
        f"  at {describe_location(build_location(row.location))}",
    ]
    for candidate in explanation.candidates:
        if candidate.is_decisive or is_whole or verdict != "allowed":
            verb = "decided by" if candidate.is_decisive else "not by"
            lines.append(f"  {verb} {escape(candidate.rule)}: {escape(candidate.says)}")
    if not explanation.candidates:
        lines.append("  no rule speaks of it")
    return "\n".join(lines) + "\n"
