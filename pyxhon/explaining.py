"""Policies for people: shown, listed, checked, and explained on the behaviours of a trace."""

import sys
from pathlib import Path
from typing import Final

from pyxhon.errors import PolicyError
from pyxhon.join import Behaviour, join
from pyxhon.policy.explain import Explanation, describe, explain, find_unseen
from pyxhon.policy.model import Policy
from pyxhon.policy.parse import list_builtin_policies, load_builtin_sequences, load_policies, load_policy
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.describe import count_noun, describe_arguments, describe_location, telling_arguments
from pyxhon.report.escape import escape
from pyxhon.reporting import find_directories
from pyxhon.resources import policies_directory
from pyxhon.trace.reader import TraceReader, open_trace

_BUILTIN: Final = "builtin:"
_TABLES: Final = "builtin:categories"
_ARGUMENT_LIMIT: Final = 120


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
    """Validate policies, laid over each other as several --policy are, and explain them on a trace."""
    policy = load_policies(names)
    ordered = f" and {count_noun(len(policy.sequences), 'sequence')}" if policy.sequences else ""
    sys.stdout.write(f"valid: {count_noun(len(policy.packages), 'package')}{ordered} in {', '.join(policy.files)}\n")
    for rule in find_unseen(policy):
        line = f"{rule.rule}: no audit event shows {rule.pattern.text}; it decides only calls that are probed"
        sys.stdout.write(f"note: {escape(line)}\n")
    if trace is not None:
        with open_trace(trace) as reader:
            _explain_trace(reader, policy, behaviour)
    return 0


def _explain_trace(reader: TraceReader, policy: Policy, wanted: str | None) -> None:
    joined = join(reader, None, policy.tables)
    directories = find_directories(joined, reader)
    behaviours = {row.id: row for row in (*joined.behaviours, *joined.uncategorised)}
    chosen = [row for row in behaviours.values() if wanted is None or row.id.startswith(wanted)]
    if not chosen and wanted is not None:
        raise PolicyError(f"the trace has no behaviour {wanted}", "see their ids with --format json")
    for row in chosen:
        explanation = explain(row, policy, directories)
        if row.category is not None or wanted is not None or explanation.judged.verdict == "violation":
            sys.stdout.write(_describe(row, explanation))


def _describe(row: Behaviour, explanation: Explanation) -> str:
    arguments = describe_arguments(telling_arguments(row.kind, row.name, row.arguments), _ARGUMENT_LIMIT)
    owner = f"{escape(row.owner.name, 60)}: {row.category or 'no category'}"
    lines = [
        f"{row.id} {explanation.judged.verdict}: {owner}: {escape(row.name, 120)} {arguments}".rstrip(),
        f"  at {describe_location(build_location(row.location))}",
    ]
    for candidate in explanation.candidates:
        verb = "decided by" if candidate.is_decisive else "not by"
        lines.append(f"  {verb} {escape(candidate.rule)}: {escape(candidate.says)}")
    if not explanation.candidates:
        lines.append("  no rule speaks of it")
    return "\n".join(lines) + "\n"
