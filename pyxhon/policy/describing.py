"""Sequences as a policy file has them, each with the place it comes from; they can be read again."""

import json
from collections.abc import Iterable

from pyxhon.policy.model import PackageKey
from pyxhon.policy.sequences import SequenceRule, Step, format_span


def describe_sequences(sequences: Iterable[SequenceRule]) -> list[str]:
    """Write sequences as lines of a policy."""
    lines = [line for sequence in sequences for line in _describe_sequence(sequence)]
    return ["sequences:", *lines] if lines else []


def _describe_sequence(sequence: SequenceRule) -> list[str]:
    lines = [f"  - name: {_quote(sequence.name)}  # {sequence.rule.place}"]
    if sequence.within_ns is not None:
        lines.append(f"    within: {format_span(sequence.within_ns)}")
    if sequence.is_same_path:
        lines.append("    same: path")
    lines += _describe_keys("packages", sequence.packages) + _describe_keys("except", sequence.excepted)
    if sequence.reason:
        lines.append(f"    reason: {_quote(sequence.reason)}")
    return [*lines, "    steps:", *(line for step in sequence.steps for line in _describe_step(step))]


def _describe_keys(key: str, packages: tuple[PackageKey, ...]) -> list[str]:
    return [f"    {key}: {_list(each.text for each in packages)}"] if packages else []


def _describe_step(step: Step) -> list[str]:
    asked = {
        "category": sorted(step.categories),
        "kind": sorted(step.kinds),
        "name": [pattern.text for pattern in step.names],
    }
    lines = [f"{key}: {_list(words)}" for key, words in asked.items() if words]
    if step.match:
        lines.append("match:")
        lines += [f"  {key}: {_list(pattern.text for pattern in patterns)}" for key, patterns in step.match]
    return [("      - " if number == 0 else "        ") + line for number, line in enumerate(lines)]


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(_quote, words))}]"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a YAML one
