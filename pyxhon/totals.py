"""Running totals of a recording."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Totals:
    """Running totals for the status line and the conservation law."""

    stored: dict[int, int] = field(default_factory=dict)
    strays: dict[int, int] = field(default_factory=dict)  # by signal: of processes that we do not know
    events: int = 0
    malformed: int = 0
    names_lost: int = 0
    unwanted: int = 0  # calls of functions that were not known yet to be none of those asked for
