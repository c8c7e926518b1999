"""The report's rows that a policy needs beyond what is shown, so that a report can be judged anew without its trace."""

from dataclasses import dataclass

from pyxhon.report.location_model import Location


@dataclass(frozen=True, slots=True)
class Judging:
    """More of the row of `behaviours` at the same place of its list.

    `process` is its place in `processes`. `category` is null where a policy denied the act by name alone. `exact` has
    what JSON in UTF-8 cannot carry (lone surrogates) as ASCII JSON.
    """

    process: int
    category: str | None
    origin: str
    version: str | None
    module: str | None
    calls: list[dict[str, object] | None]
    exact: str | None


@dataclass(frozen=True, slots=True)
class PlainAct:
    """An act of no category, which is in `behaviours` only where a policy denies it by name."""

    id: str
    package: str
    level: str
    kind: str
    name: str
    args: dict[str, object]
    truncated: bool
    count: int
    failed: int
    first_ns: int
    last_ns: int
    tid: int
    location: Location | None
    chain: list[str]
    judging: Judging


@dataclass(frozen=True, slots=True)
class Directory:
    """Where relative paths of the process at the same place of `processes` start; `visited` where that is not known."""

    directory: str | None
    visited: list[str]
    exact: str | None
