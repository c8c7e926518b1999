"""A learned policy as text. Names of the traced program enter values as YAML strings and comments only escaped."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from pyxhon.categories import CATEGORIES
from pyxhon.learning.drafts import Draft, Line
from pyxhon.learning.seen import Act, SeenTrace
from pyxhon.policy.keys import PACKAGE_KEYS
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.describe import count_noun, describe_count, describe_location
from pyxhon.report.escape import escape

_PLAIN: Final = re.compile(r"(?:/|~/)?[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_WHY_COLUMNS: Final = 130
_MOST_NAMES: Final = 3


def write_policy(drafts: Sequence[Draft], traces: Sequence[SeenTrace], package: str | None) -> str:
    """Write the policy that drafts make; `package` is the only one that was asked for."""
    lines = [*_describe_traces(traces, package), "version: 1", "packages:"]
    for draft in drafts:
        lines += _write_package(draft)
    if package is None:
        lines += ['  "*":  # nobody else did anything of the five categories', "    allow: None"]
    return "\n".join(lines) + "\n"


def _describe_traces(traces: Sequence[SeenTrace], package: str | None) -> list[str]:
    names = ", ".join(escape(trace.name, 100) for trace in traces)
    whose = f" of {escape(package, 60)}" if package else ""
    count = sum(row.owner.name == package if package else True for trace in traces for row in trace.behaviours)
    lines = [
        f"# Learned from {names}: the tightest rules that allow the {count_noun(count, 'behaviour')}{whose} there.",
        "# They allow what was done, good or bad: read them. Each says which acts it was learned from, and where.",
    ]
    lost = sum(trace.lost for trace in traces)
    if lost:
        lines.append(f"# INCOMPLETE: {count_noun(lost, 'event')} were lost while recording, and are not allowed here.")
    return lines


def _write_package(draft: Draft) -> list[str]:
    acts = draft.package.acts
    kinds = Counter(act.behaviour.category for act in acts if act.behaviour.category)
    told = ", ".join(f"{kinds[category]} {category}" for category in CATEGORIES if kinds[category])
    lines = [f"  {_scalar(draft.package.key)}:  # {count_noun(sum(kinds.values()), 'behaviour')}: {told}"]
    lines += _write_allow(draft.categories())
    functions, lists = draft.functions(), draft.lists()
    parts = {
        "functions": _write_names("functions", functions),
        "modules": _write_names("modules", draft.modules()),
        "syscalls": _write_names("syscalls", draft.system_calls()),
        **{group: _write_lists(group, lists) for group in ("files", "network", "dlls")},
    }
    for name in PACKAGE_KEYS:
        lines += parts.get(name, [])
    for name, why in sorted(draft.untold.items()):
        lines.append(f"    # NOT TIGHT: no list {name}, for {escape(why, 80)}; what it would hold is allowed by name")
    if draft.is_native_denied:
        lines.append("    native: deny  # but for the system calls and functions above")
    return lines


def _write_allow(lines: Sequence[Line]) -> list[str]:
    if not lines:
        return ["    allow: None"]
    told = "; ".join(f"{line.text}: {_why(line)}" for line in lines)
    return [f"    allow: [{', '.join(line.text for line in lines)}]  # NOT TIGHT: {_cut(told)}"]


def _write_names(key: str, lines: Sequence[Line]) -> list[str]:
    if not lines:
        return []
    written = [f"    {key}:", "      allow:"]
    for line in lines:
        text = _scalar(line.text)
        if line.argument:
            text = f"{{name: {text}, args: {{{_scalar(line.argument[0])}: {_scalar(line.argument[1])}}}}}"
        written.append(f"        - {text}  # {_cut(_why(line))}")
    return written


def _write_lists(group: str, lists: dict[str, list[Line]]) -> list[str]:
    written: list[str] = []
    for key, lines in lists.items():
        if key.partition(".")[0] == group:
            written.append(f"      {key.partition('.')[2]}:")
            written += [f"        - {_scalar(line.text)}  # {_cut(_why(line))}" for line in lines]
    return [f"    {group}:", *written] if written else []


def _why(line: Line) -> str:
    """Say what a rule was learned from: which acts, how often, where, and why it is wider."""
    counts: Counter[str] = Counter()
    for act in line.acts:
        counts[_name_of(act)] += act.behaviour.count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{escape(name, 50)} {describe_count(count)}" for name, count in ranked[:_MOST_NAMES])
    more = f" and {len(ranked) - _MOST_NAMES} more" if len(ranked) > _MOST_NAMES else ""
    wider = f"; {', '.join(sorted(line.reasons))}" if line.reasons else ""
    return f"{shown}{more}{wider}; {_where(line.acts)}"


def _name_of(act: Act) -> str:
    return "imported" if act.behaviour.kind == "import" else act.behaviour.name


def _where(acts: Iterable[Act]) -> str:
    places = {act.behaviour.location for act in acts if act.behaviour.location}
    if not places:
        return "no Python code around it"
    first = min(places, key=lambda place: (place.file or "", place.line or 0, place.function or ""))
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return describe_location(build_location(first)) + more


def _cut(text: str) -> str:
    return text if len(text) <= _WHY_COLUMNS else text[: _WHY_COLUMNS - 1] + "…"


def _scalar(text: str) -> str:
    """Write text so that YAML has it as it is: plain where nothing in it has a meaning, else as JSON."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
