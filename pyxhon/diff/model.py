"""The differences as data: the one home of the schema `pyxhon.diff/1`; every format is a view of it."""

from dataclasses import dataclass
from typing import Final, Literal

from pyxhon.report.model import Location, NativeFrame

SCHEMA: Final = "pyxhon.diff/1"
ITEMS: Final = ("package", "behaviour", "sequence", "import", "dll", "function", "call", "ability")
"""What can differ, in the order in which it is told."""

Item = Literal["package", "behaviour", "sequence", "import", "dll", "function", "call", "ability"]
Change = Literal["appeared", "vanished", "changed", "moved"]
SideName = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two reports: what was run, on which interpreters, and whether all of it was seen."""

    name: str
    started: str
    command: list[str]
    interpreters: list[str]
    complete: bool
    behaviours: int


@dataclass(frozen=True, slots=True)
class Unseen:
    """What one side did not see of a signal, so that what the other one has of it says little."""

    side: SideName
    signal: str
    state: Literal["off", "unavailable", "partial", "lost"]
    why: str
    is_compared: bool
    """False: what this signal tells was left out of the comparison."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One occurrence on one side; what is a set here may differ between the rows put together."""

    name: str
    args: dict[str, object]
    levels: list[str]
    verdict: str | None
    rule: str | None
    location: Location | None
    object: str | None
    python_stack: list[Location]
    native_stack: list[NativeFrame]
    count: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that one side has and the other lacks, or has otherwise; `changes` gives what was and what is."""

    item: Item
    change: Change
    package: str
    category: str | None
    kind: str
    name: str
    args: dict[str, object]
    changes: dict[str, list[str]]
    doubts: list[str]
    """Signals that the side without it did not see whole."""
    before: Evidence | None
    after: Evidence | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How much was compared, and how much of it is the same only once noise is folded."""

    same: dict[str, int]
    folded: dict[str, int]


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences; `new_violations` counts what the second side does beyond its policy and the first did not."""

    schema: str
    pyxhon: str
    a: Side
    b: Side
    is_judged: bool
    new_violations: int
    unseen: list[Unseen]
    differences: list[Difference]
    totals: Totals
