"""The differences as people read them: by what they are and whose, those that are alike in one entry."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyxhon.diff.model import Diff, Difference, Side, Unseen
from pyxhon.diff.telling import INTERNAL, STEPS, TRANSITIVE
from pyxhon.report.describe import count_noun, describe_arguments, describe_command, telling_arguments
from pyxhon.report.escape import escape, escape_path

TITLES: Final = {
    "package": "Packages",
    "behaviour": "Behaviours",
    "sequence": "Sequences",
    "import": "Imports",
    "dll": "DLLs",
    "function": "Functions that ran",
    "call": "Calls",
    "ability": "What installed code could do and was not seen to do",
}
SIGNS: Final = {"appeared": "+", "vanished": "-", "changed": "~", "moved": ">"}
_NAME_LIMIT: Final = 120
_SHORT_NAME: Final = 40
_NAMES: Final = 8
_TOLD_TOGETHER: Final = {TRANSITIVE: " (by the standard library)", INTERNAL: " (its own modules)"}
_VALUE_LIMIT: Final = 80
_DIGEST: Final = 12
_STATES: Final = {
    "off": "was off",
    "unavailable": "could not be had",
    "partial": "was not taken in every process",
    "lost": "was not seen whole",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Differences that are alike but for their arguments, or that only their names tell apart."""

    rows: tuple[Difference, ...]

    @property
    def first(self) -> Difference:
        """Give the one that stands for all."""
        return self.rows[0]

    @property
    def others(self) -> int:
        """Give how many more there are."""
        return len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class Section:
    """All differences of one sort, by package."""

    title: str
    count: int
    packages: tuple[tuple[str, tuple[Entry, ...]], ...]


def make_sections(diff: Diff) -> Iterator[Section]:
    """Give the sections that have something in them, violations first in each package."""
    for item, title in TITLES.items():
        rows = [row for row in diff.differences if row.item == item]
        packages: dict[str, dict[tuple[object, ...], list[Difference]]] = {}
        for row in rows:
            packages.setdefault(row.package, {}).setdefault(_group_key(row), []).append(row)
        if rows:
            yield Section(
                title, len(rows), tuple((name, _entries(groups.values())) for name, groups in packages.items())
            )


def _entries(groups: Iterable[list[Difference]]) -> tuple[Entry, ...]:
    entries = [Entry(tuple(group)) for group in groups]
    return tuple(sorted(entries, key=lambda entry: not is_violation(entry.first)))


def _group_key(row: Difference) -> tuple[object, ...]:
    evidence = row.after or row.before
    place = evidence.location if evidence and row.item == "behaviour" else None
    if row.item == "function":
        return (row.change, evidence.location.file if evidence and evidence.location else None)
    if row.kind in _TOLD_TOGETHER:
        return (row.change, row.kind)
    if row.item not in {"behaviour", "ability"}:
        return (row.item, row.change, row.name, id(row))
    changes = tuple(sorted((name, tuple(values)) for name, values in row.changes.items()))
    return (row.change, row.category, row.kind, row.name, changes, is_violation(row), place)


def is_violation(row: Difference) -> bool:
    """Tell whether the second side does this against its policy."""
    return row.after is not None and row.after.verdict == "violation"


def describe_entry(entry: Entry) -> str:
    """Show what appeared, vanished or changed, escaped: names that are told together, or one with its arguments."""
    first = entry.first
    if first.kind in _TOLD_TOGETHER or first.item == "function":
        names = ", ".join(escape(row.name, _SHORT_NAME) for row in entry.rows[:_NAMES])
        more = f" and {len(entry.rows) - _NAMES} more" if len(entry.rows) > _NAMES else ""
        return f"{names}{more}{_TOLD_TOGETHER.get(first.kind, '')}"
    return _describe_name(first) + (f" (and {entry.others} alike)" if entry.others else "")


def _describe_name(row: Difference) -> str:
    if row.item == "dll":
        return escape_path(row.name, _NAME_LIMIT)
    if row.item == "sequence":
        return _describe_sequence(row)
    lead = f"{row.category}: " if row.item == "behaviour" and row.category else ""
    lead = f"{row.kind}: " if row.item == "ability" else lead
    arguments = describe_arguments(telling_arguments(row.kind, row.name, row.args), _NAME_LIMIT)
    return f"{escape(lead, 40)}{escape(row.name, _NAME_LIMIT)} {arguments}".rstrip()


def _describe_sequence(row: Difference) -> str:
    """Show the acts in their order: `secret then network: open path=… , then socket.connect address=…`."""
    steps = row.args.get(STEPS)
    told = [_describe_step(step) for step in (steps if isinstance(steps, list) else [])[:_NAMES]]
    uncertain = " (not certain)" if "note" in row.args else ""
    return f"{escape(row.name, _NAME_LIMIT)}: {', then '.join(told)}{uncertain}"


def _describe_step(step: object) -> str:
    if not isinstance(step, dict):
        return "?"
    name = str(step.get("name"))
    arguments = describe_arguments(telling_arguments("audit", name, step.get("args") or {}), _VALUE_LIMIT)
    return f"{escape(name, _SHORT_NAME)} {arguments}".rstrip()


def describe_changes(row: Difference) -> str:
    """Show what was and what is: `level python → native`."""
    names = [f"{name} {_shorten(name, old)} → {_shorten(name, new)}" for name, (old, new) in row.changes.items()]
    if row.before and row.after and row.before.name != row.after.name and row.item == "behaviour":
        names.append(f"{escape(row.before.name, 60)} → {escape(row.after.name, 60)}")
    return ", ".join(names)


def describe_levels(row: Difference) -> str:
    """Show at which level an act was done, where that is beneath Python."""
    evidence = row.after or row.before
    levels = evidence.levels if evidence else []
    return "" if set(levels) <= {"python"} or "level" in row.changes else ", ".join(levels)


def is_beneath(row: Difference) -> bool:
    """Tell whether an act is done beneath Python, by the side that is told of."""
    evidence = row.after or row.before
    return evidence is not None and not set(evidence.levels) <= {"python"}


def describe_doubts(row: Difference) -> str:
    """Say which signals the other side did not see whole."""
    side = {"appeared": "a", "vanished": "b"}.get(row.change)
    if row.item == "ability":
        side = {"a": "b", "b": "a"}.get(side or "")
    signals = " and ".join("some events" if signal == "any" else signal for signal in row.doubts)
    return f"may be due to {side} alone: {signals} not seen whole there" if signals else ""


def describe_unseen(row: Unseen) -> str:
    """Say what a side did not see, and what that means for the other one."""
    other = "b" if row.side == "a" else "a"
    signal = "a signal" if row.signal == "any" else row.signal
    why = f" ({escape(row.why, 160)})" if row.why not in {row.state, ""} else ""
    if not row.is_compared:
        return f"{row.side}: {signal} {_STATES[row.state]}{why}: not compared"
    return (
        f"{row.side}: {signal} {_STATES[row.state]}{why}: what {other} alone has of it may have been in {row.side}, too"
    )


def describe_side(side: Side, limit: int) -> str:
    """Show what was run, where and when."""
    pythons = ", ".join(escape(version, 24) for version in side.interpreters[:4]) or "no CPython"
    ending = f"; {pythons}; {escape(side.started, 32)}; {count_noun(side.behaviours, 'behaviour')}"
    ending += "" if side.complete else "; incomplete"
    return describe_command(side.command, max(limit - len(ending), 20)) + ending


def describe_totals(diff: Diff) -> str:
    """Count what differs and what is the same."""
    counts = [sum(row.change == change for row in diff.differences) for change in SIGNS]
    words = [f"{count} {change}" for count, change in zip(counts, SIGNS, strict=True) if count]
    same, folded = sum(diff.totals.same.values()), sum(diff.totals.folded.values())
    ending = f"{same} the same" + (f", {folded} of them once noise is folded" if folded else "")
    return f"{', '.join(words) or 'no difference'}; {ending}"


def describe_outcome(diff: Diff) -> str:
    """Say in one line whether the second side does more than it may."""
    if diff.new_violations:
        return f"CodeReview: {count_noun(diff.new_violations, 'new violation')}"
    if not diff.is_judged:
        return "No policy given: nothing was judged"
    if not diff.b.complete:
        return "Incomplete: nothing new against the policy, but b lost something that could hide it"
    return "Accept: nothing new against the policy"


def _shorten(name: str, value: str) -> str:
    return escape(value[:_DIGEST] if name == "sha256" else value, _VALUE_LIMIT)
