"""Whether probes at the entries of Python functions count exactly, and where each of them finds the frame.

Pure: it compares what the probes sent with what a workload knows that it did. A build that differs in anything is
refused with the first difference, so that it is never counted wrongly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal, get_args

from pyxhon.errors import CalibrationError

Phase = Literal["plain", "traced", "untraced"]
"""How the workload runs: as it is, with tracing switched on before, as it is after tracing was switched off."""

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)

REGISTERS: Final = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
)  # fmt: skip
SLOTS: Final = 64
LOCATIONS: Final = (*REGISTERS, *(f"rsp+{8 * slot}" for slot in range(SLOTS)))
"""Where a frame pointer may lie at a site; the bits of `Hit.locations`, lowest first."""

_PRESERVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
# What is meant to hold the frame comes before what has a copy by chance: the argument of the evaluation function
# (the second one from 3.9 on), a register that calls preserve.
_PREFERRED: Final = {"eval": ("rsi", "rdi", *LOCATIONS)}
_ELSE_PREFERRED: Final = (*_PRESERVED, *LOCATIONS)
# In which phase each form of entry must have been hit: one that never is has a wrong site, or another takes its place.
_MUST_BE_HIT: Final[Mapping[str, Phase]] = {
    "eval": "plain",
    "RESUME": "plain",
    "RESUME_QUICK": "plain",
    "RESUME_CHECK": "plain",
    "INSTRUMENTED_RESUME": "traced",
}
_INSTRUMENTED: Final = "INSTRUMENTED_RESUME"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry into a Python function that the workload made; `code` is the address of the code object."""

    code: int
    is_resumption: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """What a probe sent: `site` is the index of its site.

    `is_own_opcode`: the frame's current instruction is the opcode that the site belongs to. `locations` has the bit
    set of each of LOCATIONS that held the frame, which is known there by the thread state.
    """

    site: int
    code: int
    is_resumption: bool
    is_own_opcode: bool
    locations: int


@dataclass(frozen=True, slots=True)
class EntrySite:
    """A site that may be an entry: "eval" or the opcode; `is_joined`: another opcode's body jumps to it, too."""

    form: str
    address: int
    is_joined: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run of the workload did, and what the probes saw of it."""

    phase: Phase
    expected: tuple[Entry, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class CalibratedSite:
    """A site with what was learnt: how often each of PHASES hit it, and where it finds the frame (None: none did)."""

    site: EntrySite
    hits: tuple[int, ...]
    location: str | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sites that are proven on one build, by so many entries."""

    sites: tuple[CalibratedSite, ...]
    entries: int

    def never_hit(self, *phases: Phase) -> tuple[EntrySite, ...]:
        """Give the sites that none of these phases hit; without a phase, those that none at all did."""
        indices = [PHASES.index(phase) for phase in phases or PHASES]
        return tuple(one.site for one in self.sites if not any(one.hits[index] for index in indices))


def judge(
    observations: Sequence[Observation], sites: Sequence[EntrySite], names: Mapping[int, str] | None = None
) -> Calibration:
    """Prove the sites, or raise CalibrationError with the reason; `names` are those of code objects, to be told.

    The first observations must be plain: only "traced" and "untraced" ones may run RESUME again after instrumenting it.
    """
    kept: list[tuple[Phase, Hit]] = []
    for observation in observations:
        hits = _entries_of(observation, sites)
        _compare(observation, hits, sites, names or {})
        _require_instrumentation(observation, hits, sites)
        kept.extend((observation.phase, hit) for hit in hits)
    if not kept:
        raise CalibrationError("no entry of the calibration's workload was seen")
    _require_forms(kept, sites)
    return Calibration(tuple(_calibrate(index, site, kept) for index, site in enumerate(sites)), len(kept))


def _entries_of(observation: Observation, sites: Sequence[EntrySite]) -> list[Hit]:
    """Leave out the hits that are none of their site, and those that came again.

    A joined site is also reached from a quickened form that gives up: then the instruction is still that form's. The
    converse holds for joined sites only: 3.11 runs RESUME while it traces, where the code says RESUME_QUICK.
    """
    for hit in observation.hits:
        if not 0 <= hit.site < len(sites):
            raise CalibrationError(f"a probe tells of site {hit.site}, but there are {len(sites)}")
    own = [hit for hit in observation.hits if hit.is_own_opcode or not sites[hit.site].is_joined]
    if observation.phase == "plain":
        return own
    return list(_without_repetitions(own, lambda hit: sites[hit.site].form == _INSTRUMENTED))


def _without_repetitions(hits: Sequence[Hit], is_instrumented: Callable[[Hit], bool]) -> Iterator[Hit]:
    """Leave out the first of two hits where RESUME took or gave up its instrumented form and ran again (3.12+)."""
    for index, hit in enumerate(hits):
        following = hits[index + 1] if index + 1 < len(hits) else None
        if (
            following is None
            or (hit.code, hit.is_resumption) != (following.code, following.is_resumption)
            or is_instrumented(hit) == is_instrumented(following)
        ):
            yield hit


def _compare(
    observation: Observation, hits: Sequence[Hit], sites: Sequence[EntrySite], names: Mapping[int, str]
) -> None:
    expected = observation.expected
    seen = [Entry(hit.code, hit.is_resumption) for hit in hits]
    if seen == list(expected):
        return
    pairs = enumerate(zip(seen, expected, strict=False))
    first = next((at for at, (one, other) in pairs if one != other), min(len(seen), len(expected)))
    saw = f"{_describe(seen[first], names)} by {sites[hits[first].site].form}" if first < len(seen) else "nothing more"
    made = _describe(expected[first], names) if first < len(expected) else "no more"
    counts = f"{len(seen)} entries seen of {len(expected)} in the {observation.phase} run"
    raise CalibrationError(f"{counts}; the first difference is at {first}: {saw}, where the workload made {made}")


def _describe(entry: Entry, names: Mapping[int, str]) -> str:
    kind = "a resumption" if entry.is_resumption else "a start"
    return f"{kind} of {names.get(entry.code) or f'the code at {entry.code:#x}'}"


def _require_instrumentation(observation: Observation, hits: Sequence[Hit], sites: Sequence[EntrySite]) -> None:
    """Where RESUME has an instrumented form, all entries of a traced run go through it, and no others do."""
    if not any(site.form == _INSTRUMENTED for site in sites):
        return
    for hit in hits:
        form = sites[hit.site].form
        if (form == _INSTRUMENTED) != (observation.phase == "traced"):
            raise CalibrationError(f"an entry of the {observation.phase} run was seen by {form} alone")


def _require_forms(kept: Sequence[tuple[Phase, Hit]], sites: Sequence[EntrySite]) -> None:
    hit_forms = {(phase, sites[hit.site].form) for phase, hit in kept}
    for form in dict.fromkeys(site.form for site in sites):
        phase = _MUST_BE_HIT.get(form)
        if phase is not None and (phase, form) not in hit_forms:
            raise CalibrationError(f"{form} was never hit in the {phase} run")


def _calibrate(index: int, site: EntrySite, kept: Sequence[tuple[Phase, Hit]]) -> CalibratedSite:
    mine = [(phase, hit) for phase, hit in kept if hit.site == index]
    hits = tuple(sum(phase == one for phase, _ in mine) for one in PHASES)
    if not mine:
        return CalibratedSite(site, hits, None)
    common = reduce(lambda held, one: held & one[1].locations, mine, -1)
    held = {location for bit, location in enumerate(LOCATIONS) if common >> bit & 1}
    for location in _PREFERRED.get(site.form, _ELSE_PREFERRED):
        if location in held:
            return CalibratedSite(site, hits, location)
    raise CalibrationError(f"no register and no stack slot held the frame at every hit of {site.form}")
