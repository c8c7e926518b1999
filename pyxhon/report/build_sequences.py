"""Sequences and reactions as rows of the report."""

from collections.abc import Iterable
from typing import Any, Final

from pyxhon.policy.sequence_finding import FoundSequence, FoundStep
from pyxhon.report.build_surroundings import build_location
from pyxhon.report.sequence_model import Reaction, Sequence, SequenceStep
from pyxhon.trace.reader import TraceReader

REACTIONS: Final = "reactions"
"""Their key in the trace's table `meta`."""
_MOST_REACTIONS: Final = 10_000
_ACTIONS, _SENDERS = ("stop", "kill"), ("kernel", "pyxhon")
_TEXTS: Final = ("action", "by", "outcome", "package")


def build_sequences(found: Iterable[FoundSequence]) -> list[Sequence]:
    """Give the rows, what is against the policy first, then in order of time."""
    ordered = sorted(found, key=lambda row: (row.watched.verdict != "violation", row.steps[-1].time_ns))
    return [
        Sequence(
            row.watched.rule.name,
            row.owner.name,
            row.watched.verdict,
            str(row.watched.rule.rule),
            row.watched.rule.reason,
            row.path,
            [_build_step(step) for step in row.steps],
            row.note,
        )
        for row in ordered
    ]


def _build_step(step: FoundStep) -> SequenceStep:
    row = step.behaviour
    location = build_location(row.location)
    return SequenceStep(row.id, row.pid, row.name, dict(row.arguments), step.time_ns, step.is_known, location)


def build_reactions(reader: TraceReader) -> list[Reaction]:
    """Give what was done against violations while the trace was taken; it may come from elsewhere, so it is checked."""
    told = reader.meta().get(REACTIONS)
    rows = told if isinstance(told, list) else []
    return [row for each in rows[:_MOST_REACTIONS] if (row := _build_reaction(each))]


def _build_reaction(told: Any) -> Reaction | None:
    if not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in _TEXTS):
        return None
    if told["action"] not in _ACTIONS or told["by"] not in _SENDERS:
        return None
    pid, time_ns = told.get("pid"), told.get("time_ns")
    if not isinstance(pid, int) or not isinstance(time_ns, int):
        return None
    behaviour, sequence = (told.get(name) for name in ("behaviour", "sequence"))
    return Reaction(
        told["action"],
        pid,
        time_ns,
        told["by"],
        told["outcome"],
        told["package"],
        behaviour if isinstance(behaviour, str) else None,
        sequence if isinstance(sequence, str) else None,
    )
