"""The report's rows on acts in order, and on what was done against violations."""

from dataclasses import dataclass

from pyxhon.report.location_model import Location


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """One act of a sequence; `behaviour` is its id. Where `known` is false, `time_ns` is one that fits."""

    behaviour: str
    pid: int
    name: str
    args: dict[str, object]
    time_ns: int
    known: bool
    location: Location | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Acts of one package that were done in an order that is looked for."""

    name: str
    package: str
    verdict: str
    rule: str
    reason: str | None
    path: str | None
    steps: list[SequenceStep]
    note: str | None


@dataclass(frozen=True, slots=True)
class Reaction:
    """A signal that a violation brought upon a process; `behaviour` or `sequence` says which."""

    action: str
    pid: int
    time_ns: int
    by: str
    outcome: str
    package: str
    behaviour: str | None
    sequence: str | None
