"""Two reports → what differs between them; no clock, no disk, no process."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Final

from pyxhon import __version__
from pyxhon.categories import CategoryTables
from pyxhon.diff import model
from pyxhon.diff.facts import Fact, Key, Side, collect_facts, functions_of_call, known_key, loose_key
from pyxhon.diff.levels import pair_levels
from pyxhon.diff.places import Places, find_places
from pyxhon.diff.telling import order_of, tell, tell_changes
from pyxhon.diff.unseen import find_doubts, find_unseen, has_signal
from pyxhon.report.model import Report

_NOISY: Final = frozenset({"behaviour", "dll"})
_PLACE: Final = -2
"""Where the key of a behaviour begins to say in which file and function it was."""

Facts = dict[Key, Fact]


def diff_reports(
    report_a: Report, report_b: Report, tables: CategoryTables, names: tuple[str, str] = ("a", "b")
) -> model.Diff:
    """Compare two reports: what the second has and the first lacks appeared, the other way round it vanished."""
    reports = (report_a, report_b)
    has_calls = all(has_signal(report, "calls") for report in reports)
    has_counts = has_calls and all(_counts_calls(report) for report in reports)
    a, b = (
        collect_facts(report, places, has_calls=has_calls, has_counts=has_counts)
        for report, places in zip(reports, find_places(report_a, report_b), strict=True)
    )
    left_out = () if has_calls else ("calls",)
    unseen = [*find_unseen(report_a, "a", left_out), *find_unseen(report_b, "b", left_out)]
    only_a, only_b, folded = _find_leftovers(a, b)
    differences = [*_find_changed(a, b), *_find_moved(only_a, only_b), *_find_levels(only_a, only_b, a, b, tables)]
    differences += [tell("vanished", only_a[key], None) for key in only_a if _is_told(key, b)]
    differences += [tell("appeared", None, only_b[key]) for key in only_b if _is_told(key, a)]
    return model.Diff(
        schema=model.SCHEMA,
        pyxhon=__version__,
        a=_describe(report_a, names[0]),
        b=_describe(report_b, names[1]),
        is_judged=any(row.suggestion is not None for row in report_b.packages),
        new_violations=sum(map(_is_new_violation, differences)),
        unseen=unseen,
        differences=sorted((_with_doubts(each, unseen) for each in differences), key=order_of),
        totals=_count(a, b, folded),
    )


def _counts_calls(report: Report) -> bool:
    return any(call.count is not None and call.callee.file is not None for call in report.calls)


def _find_leftovers(a: Side, b: Side) -> tuple[Facts, Facts, list[Fact]]:
    """Give what each side has alone, and those of both that are the other's once more of their names is folded."""
    only_a = {key: fact for key, fact in a.facts.items() if key not in b.facts}
    only_b = {key: fact for key, fact in b.facts.items() if key not in a.facts}
    if not any(fact.item in _NOISY for fact in (*only_a.values(), *only_b.values())):
        return only_a, only_b, []
    known, loose = ([_keys(side, by) for side in (a, b)] for by in (known_key, loose_key))
    alike = (known[0] & known[1]) | (loose[0] & known[1]) | (known[0] & loose[1])
    folded: list[Fact] = []
    for only, side in ((only_a, a), (only_b, b)):
        for key, fact in tuple(only.items()):
            if fact.item in _NOISY and not alike.isdisjoint(by(fact, side.places) for by in (known_key, loose_key)):
                folded.append(only.pop(key))
    return only_a, only_b, folded


def _keys(side: Side, by: Callable[[Fact, Places], Key]) -> set[Key]:
    return {by(fact, side.places) for fact in side.facts.values() if fact.item in _NOISY}


def _find_changed(a: Side, b: Side) -> Iterator[model.Difference]:
    for key, fact in a.facts.items():
        other = b.facts.get(key)
        changes = tell_changes(fact, other) if other is not None else {}
        if changes:
            yield tell("changed", fact, other, changes)


def _find_moved(only_a: Facts, only_b: Facts) -> Iterator[model.Difference]:
    """Take out acts that are now done in another function: the same act of the same package, once on each side."""
    elsewhere: dict[Key, list[Key]] = {}
    for key in sorted(only_b, key=str):
        if only_b[key].item == "behaviour":
            elsewhere.setdefault(key[:_PLACE], []).append(key)
    for key in sorted(only_a, key=str):
        candidates = elsewhere.get(key[:_PLACE], []) if only_a[key].item == "behaviour" else []
        if candidates:
            before, after = only_a.pop(key), only_b.pop(candidates.pop(0))
            yield tell("moved", before, after, tell_changes(before, after))


def _find_levels(only_a: Facts, only_b: Facts, a: Side, b: Side, tables: CategoryTables) -> Iterator[model.Difference]:
    """Take out acts that one side does through Python and the other beneath it, where they have other names."""
    for first, second in pair_levels(only_a, only_b, (a.places, b.places), tables):
        before, after = only_a.pop(first), only_b.pop(second)
        yield tell("changed", before, after, tell_changes(before, after))


def _is_told(key: Key, other: Side) -> bool:
    """Tell whether the lack of a fact is one by itself: calls of functions that did not run follow from that."""
    if key[0] != "call":
        return True
    return all(function[2] is None or function in other.facts for function in functions_of_call(key))


def _with_doubts(difference: model.Difference, unseen: list[model.Unseen]) -> model.Difference:
    if difference.change not in {"appeared", "vanished"}:
        return difference
    other: model.SideName = "a" if difference.change == "appeared" else "b"
    own: model.SideName = "b" if difference.change == "appeared" else "a"
    is_ability = difference.item == "ability"  # it is told of what was not seen to be done
    kind = difference.kind if difference.item == "behaviour" else difference.item
    return dataclasses.replace(difference, doubts=find_doubts(kind, unseen, own if is_ability else other))


def _is_new_violation(difference: model.Difference) -> bool:
    before, after = difference.before, difference.after
    return after is not None and after.verdict == "violation" and (before is None or before.verdict != "violation")


def _count(a: Side, b: Side, folded: list[Fact]) -> model.Totals:
    same: dict[str, int] = dict.fromkeys(model.ITEMS, 0)
    by_folding: dict[str, int] = dict.fromkeys(model.ITEMS, 0)
    for key, fact in a.facts.items():
        other = b.facts.get(key)
        if other is not None:
            same[fact.item] += 1
            by_folding[fact.item] += fact.exact != other.exact
    for fact in folded:
        same[fact.item] += 1
        by_folding[fact.item] += 1
    return model.Totals(same, by_folding)


def _describe(report: Report, name: str) -> model.Side:
    interpreters = [row.interpreter.version for row in report.processes if row.interpreter is not None]
    return model.Side(
        name=name,
        started=report.started,
        command=report.processes[0].argv if report.processes else [],
        interpreters=list(dict.fromkeys(interpreters)),
        complete=report.complete,
        behaviours=len(report.behaviours),
    )
