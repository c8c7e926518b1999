"""The part of the report's schema on what packages could do and were not seen to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotExercisedDetail:
    """More of the row of `not_exercised` at the same place of its list; `sure`: its code did not run at all."""

    category: str | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Exercise:
    """How much of what a distribution could do was seen, by kind; and how many of its functions ran."""

    package: str
    version: str | None
    files: int
    unread: dict[str, int]
    seen: dict[str, int]
    not_seen: dict[str, int]
    unknown: dict[str, int]
    functions: int
    functions_ran: int | None
    percent: float | None
    began_late: bool
