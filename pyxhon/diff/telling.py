"""Facts of the two sides → one difference, with an occurrence of each side as evidence."""

import json
from collections.abc import Mapping
from typing import Final, TypeVar

from pyxhon.diff.facts import Fact, location_of, worst_verdict
from pyxhon.diff.model import ITEMS, Change, Difference, Evidence
from pyxhon.report.model import Behaviour, Call, Callee, Dll, Import, Location, NativeFrame, NotExercised, Package
from pyxhon.report.sequence_model import Sequence

STACK_LIMIT: Final = 64
TRANSITIVE: Final = "transitive"
"""The kind of an import that the standard library made on a package's behalf."""
INTERNAL: Final = "internal"
"""The kind of an import of a package's own modules."""
STEPS: Final = "steps"
"""The argument of a sequence that has its acts, in order."""
_CHANGES: Final = ("appeared", "changed", "moved", "vanished")
_LEVELS: Final = ("python", "native", "detached")
_COMPARED: Final = ("level", "version", "sha256", "package", "loaded_by", "outcome")
_FrameT = TypeVar("_FrameT", Location, NativeFrame)


def tell_changes(before: Fact, after: Fact) -> dict[str, list[str]]:
    """Give the attributes that both sides know and that differ."""
    changes = {}
    for name in _COMPARED:
        old, new = before.attributes.get(name, set()), after.attributes.get(name, set())
        if old and new and old != new:
            changes[name] = [_join(old), _join(new)]
    verdicts = [worst_verdict(fact.attributes.get("verdict", ())) for fact in (before, after)]
    if verdicts[0] != verdicts[1] and None not in verdicts:
        changes["verdict"] = [str(verdict) for verdict in verdicts]
    return changes


def tell(
    change: Change, before: Fact | None, after: Fact | None, changes: Mapping[str, list[str]] | None = None
) -> Difference:
    """Make a difference of what one or both sides have."""
    fact = after or before
    if fact is None:
        raise TypeError(change)
    return Difference(
        item=fact.item,
        change=change,
        package=fact.package,
        category=_category(fact),
        kind=_kind(fact),
        name=name_of(fact),
        args=_arguments(fact),
        changes=dict(changes or {}),
        doubts=[],
        before=_make_evidence(before) if before else None,
        after=_make_evidence(after) if after else None,
    )


def order_of(difference: Difference) -> tuple[object, ...]:
    """Give what differences are sorted by: what it is, whose, whether it came or went, and its name."""
    return (
        ITEMS.index(difference.item),
        difference.package,
        _CHANGES.index(difference.change),
        difference.category or "",
        difference.kind,
        difference.name,
        json.dumps(difference.args, sort_keys=True, default=str),
        str(_place(difference)),
    )


def name_of(fact: Fact) -> str:
    """Give what a fact is called."""
    row = fact.row
    if isinstance(row, Dll):
        return row.path
    if isinstance(row, Import):
        return row.module
    if isinstance(row, Callee):
        return row.function or "?"
    if isinstance(row, Call):
        return row.callee.function or "?"
    return row.name


def _arguments(fact: Fact) -> dict[str, object]:
    """Give the arguments of an act; of a sequence its steps, and the path that all touch."""
    row = fact.row
    if isinstance(row, Sequence):
        steps: list[object] = [{"name": step.name, "args": step.args} for step in row.steps]
        return {**({"path": row.path} if row.path else {}), STEPS: steps, **({"note": row.note} if row.note else {})}
    return row.args if isinstance(row, Behaviour) else {}


def _place(difference: Difference) -> Location | None:
    evidence = difference.after or difference.before
    return evidence.location if evidence else None


def _category(fact: Fact) -> str | None:
    if isinstance(fact.row, Behaviour | Import):
        return fact.row.category
    return "dll" if isinstance(fact.row, Dll) else None


def _kind(fact: Fact) -> str:
    row = fact.row
    if isinstance(row, Import):
        return TRANSITIVE if row.transitive else INTERNAL if row.package == row.importer else fact.item
    return row.kind if isinstance(row, Behaviour | NotExercised) else fact.item


def _make_evidence(fact: Fact) -> Evidence:
    act = fact.row if isinstance(fact.row, Behaviour) else fact.judged
    return Evidence(
        name=name_of(fact),
        args=_arguments(fact),
        levels=sorted(fact.attributes.get("level", ()), key=_LEVELS.index),
        verdict=worst_verdict(fact.attributes.get("verdict", ())),
        rule=act.rule if act else fact.row.rule if isinstance(fact.row, Sequence) else None,
        location=location_of(fact) or _called_from(fact),
        object=act.object if act else None,
        python_stack=_cut(act.python_stack) if act else _stack_of_caller(fact),
        native_stack=_cut(act.native_stack) if act else [],
        count=fact.count,
    )


def _called_from(fact: Fact) -> Location | None:
    caller = fact.caller
    return Location(caller.file, caller.line, caller.function) if caller else None


def _stack_of_caller(fact: Fact) -> list[Location]:
    if isinstance(fact.row, Sequence):
        return _cut([step.location for step in reversed(fact.row.steps) if step.location])
    caller = _called_from(fact)
    return [caller] if caller and not isinstance(fact.row, Package) else []


def _cut(stack: list[_FrameT]) -> list[_FrameT]:
    return stack[:STACK_LIMIT]


def _join(values: set[str]) -> str:
    return ", ".join(sorted(values))
