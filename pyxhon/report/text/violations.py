"""Violations with their evidence: whole for the first, one line each for the others."""

from typing import Final

from rich.console import Console
from rich.text import Text

from pyxhon.report.describe import (
    count_noun,
    describe_arguments,
    describe_count,
    describe_location,
    describe_pids,
    describe_place,
    describe_whole_location,
    telling_arguments,
)
from pyxhon.report.digest import Act, group_imports, group_variants
from pyxhon.report.escape import escape
from pyxhon.report.model import Report
from pyxhon.report.text.code import describe_instruction
from pyxhon.report.text.invisible import describe_maker
from pyxhon.report.text.lines import cap, print_after, print_heading, print_line, print_more
from pyxhon.report.text.stack import describe_mixed_stack

WHOLE_LIMIT: Final = 15
LINE_LIMIT: Final = 40
STACK_LIMIT: Final = 8
IMPORT_GROUP_LIMIT: Final = 15
IMPORT_LIMIT: Final = 6
_STACK_INDENT: Final = 9


def print_violations(console: Console, report: Report, acts: list[Act]) -> None:
    """Print what was done against the policy, then what was imported against it."""
    violations = [act for act in acts if act.behaviour.verdict == "violation"]
    if not violations:
        return
    print_heading(console, f"Violations ({len(violations)})")
    versions = {package.name: package.version for package in report.packages}
    groups = group_variants([act for act in violations if act.behaviour.kind != "import"])
    explained: set[str] = set()
    whole = cap(console, WHOLE_LIMIT)
    for number, group in enumerate(groups[:whole], 1):
        print_after(console, f"{number}. ", _title(group, versions, 200))
        _print_evidence(console, group, explained)
    for number, group in enumerate(groups[whole : whole + LINE_LIMIT], whole + 1):
        _print_short(console, number, group, versions)
    print_more(console, sum(map(len, groups[whole + LINE_LIMIT :])))
    imports = group_imports(act for act in violations if act.behaviour.kind == "import")
    limit = cap(console, IMPORT_GROUP_LIMIT)
    for group in imports[:limit]:
        _print_imports(console, group, versions, explained)
    print_more(console, sum(map(len, imports[limit:])))


def _title(group: list[Act], versions: dict[str, str | None], limit: int) -> Text:
    behaviour = group[0].behaviour
    head = Text()
    head.append(_describe_package(behaviour.package, versions), style="bold")
    head.append(f": {behaviour.category}: ")
    head.append(escape(behaviour.name, 120), style="bold red")
    arguments = telling_arguments(behaviour.kind, behaviour.name, behaviour.args)
    head.append(f" {describe_arguments(arguments, limit)}".rstrip())
    if len(group) > 1:
        head.append(f" (and {len(group) - 1} with other arguments)")
    return head


def _describe_package(name: str, versions: dict[str, str | None]) -> str:
    version = versions.get(name)
    return escape(name, 60) + (f" {escape(version, 24)}" if version else "")


def _print_evidence(console: Console, group: list[Act], explained: set[str]) -> None:
    act = group[0]
    behaviour = act.behaviour
    print_line(console, Text(f"at {describe_whole_location(behaviour.location, console.width - 6)}"), indent=3)
    if behaviour.instruction is not None:
        print_line(console, Text(f"by {describe_instruction(behaviour.instruction)}", style="dim"), indent=3)
    print_line(console, Text(_describe_decision(act, explained)), indent=3)
    print_line(console, Text(_describe_evidence(group)), indent=3)
    if behaviour.object:
        print_after(console, "DLL ", Text(escape(behaviour.object, 160)), indent=3)
    if act.detail.made_by is not None:
        print_line(console, Text(describe_maker(act)), indent=3)
    _print_stack(console, act)


def _print_stack(console: Console, act: Act) -> None:
    """Print the mixed stack of an act beneath Python, else the Python stack."""
    behaviour = act.behaviour
    if behaviour.level == "python":
        room = console.width - _STACK_INDENT
        lines = [describe_location(frame, room) for frame in behaviour.python_stack]
    else:
        lines = list(describe_mixed_stack(behaviour, act.detail))
    limit = cap(console, STACK_LIMIT)
    for position, shown in enumerate(lines[:limit]):
        print_after(console, "stack " if position == 0 else "      ", Text(shown, style="dim"), indent=3)
    print_more(console, len(lines) - limit, indent=_STACK_INDENT)


def _print_short(console: Console, number: int, group: list[Act], versions: dict[str, str | None]) -> None:
    line = _title(group, versions, 60)
    line.append(f" at {describe_place(group[0].behaviour.location)}", style="dim")
    line.append(f" {describe_count(sum(act.count for act in group))}")
    print_after(console, f"{number}. ", line)


def _describe_decision(act: Act, explained: set[str]) -> str:
    """Say which rule decided and why; the policy's own words on a package only once."""
    rule = escape(act.behaviour.rule, 200) if act.behaviour.rule else "no rule named"
    reason = f": {escape(act.detail.reason, 200)}" if act.detail.reason else ""
    is_new = act.behaviour.package not in explained
    explained.add(act.behaviour.package)
    words = f" ({escape(act.detail.policy_reason, 200)})" if act.detail.policy_reason and is_new else ""
    return f"decided by {rule}{reason}{words}"


def _describe_evidence(group: list[Act]) -> str:
    first = group[0]
    parts = [count_noun(sum(act.count for act in group), "time")]
    failed = sum(act.failed for act in group)
    if failed:
        parts.append(f"{failed} failed")
    parts.append(describe_pids(dict.fromkeys(pid for act in group for pid in act.pids)))
    parts.append(f"{first.behaviour.level} level")
    if first.detail.native_confidence in {"guessed", "suspect"}:
        parts.append(f"its DLL is {first.detail.native_confidence} ({escape(first.detail.native_doubt or '', 80)})")
    if any(act.detail.truncated for act in group):
        parts.append("an argument was cut")
    if len(first.detail.chain) > 1:
        parts.append("by way of " + " > ".join(escape(name, 40) for name in first.detail.chain[:8]))
    if first.behaviour.signals:
        parts.append("seen by " + ", ".join(escape(name, 60) for name in first.behaviour.signals[:4]))
    return ", ".join(parts)


def _print_imports(console: Console, group: list[Act], versions: dict[str, str | None], explained: set[str]) -> None:
    behaviour = group[0].behaviour
    head = Text(_describe_package(behaviour.package, versions), style="bold")
    head.append(f": {behaviour.category}: ", style="")
    head.append(count_noun(len(group), "import"), style="bold red")
    print_line(console, head)
    print_line(console, Text(_describe_decision(group[0], explained)), indent=3)
    limit = cap(console, IMPORT_LIMIT)
    for act in group[:limit]:
        place = describe_place(act.behaviour.location)
        line = f"{escape(act.behaviour.name, 60)} at {place} {describe_count(act.count)}"
        print_line(console, Text(line, style="dim"), indent=3)
    print_more(console, len(group) - limit, indent=3)
