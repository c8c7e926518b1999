"""Whether acts were done in an order, within a time. Pure: numbers in, the chosen occurrences out.

Of an act that the kernel counted, the first and the last time are known, and how often it was done. So an act done
once or twice is known exactly; one done more often was also done between, and when is not known.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_EXACTLY_KNOWN: Final = 2  # occurrences whose times are all known


@dataclass(frozen=True, slots=True)
class Span:
    """When one act was done; `key` is the caller's name for it, `steps` are those that it may be, from 0 on."""

    key: int
    first_ns: int
    last_ns: int
    count: int
    steps: frozenset[int]

    @property
    def known(self) -> tuple[int, ...]:
        """Give the times that are known."""
        return (self.first_ns, self.last_ns) if self.last_ns > self.first_ns else (self.first_ns,)

    @property
    def has_unknown(self) -> bool:
        """Tell whether it was also done at times that are not known."""
        return self.count > _EXACTLY_KNOWN and self.last_ns > self.first_ns


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One step of what was found: the act, and when. Where the time is not known it is one that fits."""

    key: int
    time_ns: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class _Chain:
    """The steps up to here; of all that lead here the one that began last, which leaves most of the time."""

    start_ns: int
    occurrence: Occurrence
    before: "_Chain | None"

    def unroll(self) -> tuple[Occurrence, ...]:
        """Give the steps in order."""
        found, at = [], self
        while True:
            found.append(at.occurrence)
            if at.before is None:
                return tuple(reversed(found))
            at = at.before


@dataclass(slots=True)
class _Moment:
    """What happens at one time: acts known to be done then, and those counted from then on."""

    known: list[Span]
    opening: list[Span]


def find_order(spans: Iterable[Span], step_count: int, within_ns: int | None) -> tuple[Occurrence, ...] | None:
    """Give one occurrence for each step, in order and within the time; None: there are none.

    Times that are known are preferred: only where these alone do not fit, unknown ones of counted acts are taken, which
    lie anywhere between the act's first and last time. Two known times of an order differ; an unknown one may fall
    together with others. An act may be several steps; an act that was done once is one only.
    """
    given = list(spans)
    for takes_unknown in (False, True):
        if takes_unknown and not any(span.has_unknown for span in given):
            return None
        found = _scan(given, step_count, within_ns, takes_unknown=takes_unknown)
        if found is not None:
            return found
    return None


def _scan(
    spans: Sequence[Span], step_count: int, within_ns: int | None, *, takes_unknown: bool
) -> tuple[Occurrence, ...] | None:
    """Go through all times at which something begins or ends; no other need be looked at.

    An unknown time can be moved to the next first or last time of an act, or to its neighbour's, and the order still
    holds and takes no longer.
    """
    best: list[_Chain | None] = [None] * step_count
    counted: list[Span | None] = [None] * step_count  # by step: of the counted acts that began the one that ends last
    for time_ns, moment in _moments(spans, takes_unknown=takes_unknown):
        for span in moment.opening:
            for step in span.steps:
                counted[step] = max(counted[step] or span, span, key=lambda each: each.last_ns)
        _extend(best, _counted_steps(counted, time_ns), within_ns)
        before = list(best)  # one occurrence is one step: what this time's known acts lead to is not built on
        for span in moment.known:
            for step in sorted(span.steps):
                chain = _follow(before, step, Occurrence(span.key, time_ns, is_known=True), within_ns)
                best[step] = _later(best[step], chain)
        _extend(best, _counted_steps(counted, time_ns), within_ns)
        last = best[-1]
        if last is not None:
            return last.unroll()
    return None


def _moments(spans: Iterable[Span], *, takes_unknown: bool) -> Iterator[tuple[int, _Moment]]:
    moments: dict[int, _Moment] = {}

    def at(time_ns: int) -> _Moment:
        return moments.setdefault(time_ns, _Moment([], []))

    for span in spans:
        for time_ns in span.known:
            at(time_ns).known.append(span)
        if takes_unknown and span.has_unknown:
            at(span.first_ns).opening.append(span)
    for time_ns in sorted(moments):
        yield time_ns, moments[time_ns]


def _counted_steps(counted: Iterable[Span | None], time_ns: int) -> list[Occurrence | None]:
    """Give for each step an act that may have been done at this time."""
    return [
        None if span is None or span.last_ns < time_ns else Occurrence(span.key, time_ns, is_known=False)
        for span in counted
    ]


def _extend(best: list[_Chain | None], occurrences: Iterable[Occurrence | None], within_ns: int | None) -> None:
    """Let each step be one of the counted acts, the first step first: several may fall together."""
    for step, occurrence in enumerate(occurrences):
        if occurrence is not None:
            best[step] = _later(best[step], _follow(best, step, occurrence, within_ns))


def _follow(best: Sequence[_Chain | None], step: int, occurrence: Occurrence, within_ns: int | None) -> _Chain | None:
    if step == 0:
        return _Chain(occurrence.time_ns, occurrence, None)
    before = best[step - 1]
    if before is None or (within_ns is not None and occurrence.time_ns - before.start_ns > within_ns):
        return None
    return _Chain(before.start_ns, occurrence, before)


def _later(known: _Chain | None, found: _Chain | None) -> _Chain | None:
    """Give the one that began later; of equals the one that was there."""
    if known is None or found is None:
        return known or found
    return found if found.start_ns > known.start_ns else known
