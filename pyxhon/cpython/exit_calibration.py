"""Whether probes at the exits of Python functions see each of them once, and where each finds the frame that is left.

Every start and every resumption ends in exactly one return, pause or unwinding, and they nest. The entries of a
workload are known by then; its exits must close them, the innermost first, until none is open. What is thrown into a
generator goes on without an entry: exits of frames that are not open are that, as often as the workload says that it
threw, or less.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.calibration import LOCATIONS, Phase
from pyxhon.errors import CalibrationError

_PRESERVED: Final = ("rbx", "rbp", "r12", "r13", "r14", "r15")
_PREFERENCE: Final = tuple(LOCATIONS.index(name) for name in dict.fromkeys((*_PRESERVED, *LOCATIONS)))
_DROPPED: Final = LOCATIONS.index("rsi")  # (tstate, frame)
_MOST_LOCATIONS: Final = 4
_OFTEN: Final = 0.8  # of the hits: the others are of generators that something was thrown into
_STATE_WORDS: Final = 64
_WORD_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class ExitSite:
    """A site that may be an exit: "exit_drop", "exit_yield" or "exit_eval"."""

    kind: str
    address: int


@dataclass(frozen=True, slots=True)
class FlowHit:
    """What a probe sent at an entry (`site` None) or at an exit.

    `frame` and `is_resumption` are those of an entry; `code` also of a dropped frame, else 0. Of an exit `values` are
    the words at LOCATIONS, `state_words` the bits of the words of the thread state that are not 0; `is_return` tells
    whether the instruction at hand is a return.
    """

    site: int | None
    code: int = 0
    frame: int = 0
    is_resumption: bool = False
    values: tuple[int, ...] = ()
    state_words: int = 0
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class FlowRun:
    """What the probes saw of one run, and how often it threw into generators, by their code objects."""

    phase: Phase
    hits: tuple[FlowHit, ...]
    thrown: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class CalibratedExit:
    """A proven site, and where it finds the frame."""

    site: ExitSite
    location: str


@dataclass(frozen=True, slots=True)
class ExitCalibration:
    """Sites that are proven on one build by so many exits.

    `exception` is where the thread state has the exception that is being raised, as an offset in bytes: it tells
    unwinding from returning where frames are dropped; None where nothing is dropped.
    """

    sites: tuple[CalibratedExit, ...]
    exception: int | None
    exits: int


def judge_exits(runs: Sequence[FlowRun], sites: Sequence[ExitSite]) -> ExitCalibration:
    """Prove the sites, or raise CalibrationError with the reason; of several that drop frames one is enough."""
    drops: list[int | None] = [number for number, site in enumerate(sites) if site.kind == "exit_drop"]
    others = [number for number, site in enumerate(sites) if site.kind != "exit_drop"]
    reason = "no site of an exit"
    for drop in drops or [None]:
        used = others if drop is None else [drop, *others]
        choices = [_choose_locations(number, sites[number], runs) for number in used]
        for chosen in itertools.product(*choices):
            places = dict(zip(used, chosen, strict=True))
            try:
                exits = sum(_follow(run, places) for run in runs)
                exception = None if drop is None else _find_exception(drop, runs)
            except CalibrationError as error:
                reason = str(error)
                continue
            proven = (CalibratedExit(sites[number], LOCATIONS[places[number]]) for number in used)
            return ExitCalibration(tuple(proven), exception, exits)
    raise CalibrationError(reason)


def _choose_locations(number: int, site: ExitSite, runs: Sequence[FlowRun]) -> list[int]:
    """Give the places that nearly always have a frame that was entered before; at least one."""
    hits = 0
    found: Counter[int] = Counter()
    for run in runs:
        frames: set[int] = set()
        for hit in run.hits:
            if hit.site is None:
                frames.add(hit.frame)
            elif hit.site == number:
                hits += 1
                found.update(place for place, value in enumerate(hit.values) if value in frames)
    if not hits:
        raise CalibrationError(f"{site.kind} at {site.address:#x} was never hit")
    if site.kind == "exit_drop":
        return [_DROPPED]
    likely = [place for place in _PREFERENCE if found[place] >= hits * _OFTEN]
    if not likely:
        raise CalibrationError(f"no register and no stack slot held the frame at {site.kind}")
    return likely[:_MOST_LOCATIONS]


@dataclass(slots=True)
class _Follower:
    """Frames that are open, the innermost last, and what is known of those that are not."""

    run: FlowRun
    open: list[int]
    codes: dict[int, int]
    thrown: Counter[int | None]

    def enter(self, hit: FlowHit) -> None:
        if self.open and self.open[-1] == hit.frame and self.codes[hit.frame] == hit.code:
            return  # RESUME runs again once it has been instrumented (3.12+)
        if hit.frame in self.open:
            raise self._fault("a frame is entered that was not left")
        self.open.append(hit.frame)
        self.codes[hit.frame] = hit.code

    def leave(self, frame: int, code: int) -> None:
        if code and code not in (self.codes.get(frame), *self.run.thrown):
            raise self._fault("a frame is left that was never entered")
        if self.open and self.open[-1] == frame:
            self.open.pop()
        elif frame in self.open:
            raise self._fault("a frame is left while another one runs above it")
        else:
            self.thrown[code or self.codes.get(frame)] += 1

    def _fault(self, words: str) -> CalibrationError:
        return CalibrationError(f"exits do not match the entries of the {self.run.phase} run: {words}")

    def finish(self) -> None:
        if self.open:
            raise self._fault(f"{len(self.open)} frames are never left")
        unknown = self.thrown.pop(None, 0)  # it was thrown into before it had started
        left = sum(self.run.thrown.values()) - self.thrown.total()
        if unknown > left or any(count > self.run.thrown.get(code or 0, 0) for code, count in self.thrown.items()):
            raise self._fault("frames are left that were not open")


def _follow(run: FlowRun, places: Mapping[int, int]) -> int:
    """Let exits close entries; gives how many there were. Raises CalibrationError where they do not match."""
    follower = _Follower(run, [], {}, Counter())
    exits = 0
    for hit in run.hits:
        if hit.site is None:
            follower.enter(hit)
        elif hit.site in places:
            exits += 1
            follower.leave(hit.values[places[hit.site]], hit.code)
    follower.finish()
    return exits


def _find_exception(drop: int, runs: Sequence[FlowRun]) -> int:
    """Find the word of the thread state that is set when a frame is dropped at no return, and only then."""
    hits = list(_drops(drop, runs))
    candidates = (1 << _STATE_WORDS) - 1
    for hit in hits:
        candidates &= ~hit.state_words if hit.is_return else hit.state_words
    if len({hit.is_return for hit in hits}) < 2:  # noqa: PLR2004 - both kinds
        raise CalibrationError("frames are dropped for one reason only")
    if candidates.bit_count() != 1:
        raise CalibrationError(f"{candidates.bit_count()} words of the thread state tell unwinding from returning")
    return _WORD_BYTES * (candidates.bit_length() - 1)


def _drops(drop: int, runs: Sequence[FlowRun]) -> Iterator[FlowHit]:
    return (hit for run in runs for hit in run.hits if hit.site == drop)
