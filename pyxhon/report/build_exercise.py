"""Builds what is told of what packages could do and were not seen to do, and how many of their functions ran."""

from dataclasses import dataclass, field
from typing import Final

from pyxhon.join import Exercise, Unexercised, join_unexercised
from pyxhon.policy.parse import load_categories
from pyxhon.report import model
from pyxhon.report.build_calls import CallGraph
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.exercise_model import Exercise as ReportedExercise
from pyxhon.report.exercise_model import NotExercisedDetail
from pyxhon.trace.reader import TraceReader

_KINDS: Final = ("call", "dll-import", "import")  # the telling ones first


@dataclass(frozen=True, slots=True)
class Exercised:
    """What the report has of it."""

    rows: list[model.NotExercised] = field(default_factory=list)
    details: list[NotExercisedDetail] = field(default_factory=list)
    packages: list[ReportedExercise] = field(default_factory=list)


def build_exercise(reader: TraceReader, graph: CallGraph) -> Exercised:
    """Give the places that were not seen to act, by package, kind and place; and a row for each package."""
    joined = join_unexercised(reader, load_categories(), graph.ran)
    rows = sorted(joined.rows, key=_order)
    ran = {use.package: use.ran_of_defined for use in graph.functions}
    has_calls = _has_calls(reader)
    return Exercised(
        [model.NotExercised(row.package, row.kind, row.name, build_location(row.location)) for row in rows],
        [NotExercisedDetail(row.category, row.is_sure) for row in rows],
        [
            _build_package(each, ran.get(each.package, 0) if has_calls else None)
            for each in sorted(joined.exercises, key=lambda each: (each.package, each.version or ""))
        ],
    )


def _has_calls(reader: TraceReader) -> bool:
    """Tell whether functions were seen in all interpreters: else nobody knows how many ran."""
    coverages = [row.coverage.get("calls", "off") for row in reader.processes() if row.interpreter is not None]
    return bool(coverages) and not any(text.startswith(("off", "unavailable")) for text in coverages)


def _order(row: Unexercised) -> tuple[str, int, bool, str, int, str]:
    place = row.location
    return row.package, _KINDS.index(row.kind), not row.is_act, place.file or "", place.line or 0, row.name


def _build_package(each: Exercise, ran: int | None) -> ReportedExercise:
    is_known = ran is not None and each.functions > 0
    return ReportedExercise(
        package=each.package,
        version=each.version,
        files=each.files,
        unread=dict(each.unread),
        seen=dict(each.seen),
        not_seen=dict(each.not_seen),
        unknown=dict(each.unknown),
        functions=each.functions,
        functions_ran=min(ran, each.functions) if ran is not None else None,
        percent=round(100 * min(ran or 0, each.functions) / each.functions, 1) if is_known else None,
        began_late=each.began_late,
    )
