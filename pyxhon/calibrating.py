"""Calibrates entry sites: runs the interpreter on a workload that knows its own entries, with probes at these sites."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.compiler import source_text
from pyxhon.bpf.entries import EntryProbes, Program
from pyxhon.bpf.function_records import Hit as HitRecord
from pyxhon.bpf.function_records import decode_hit
from pyxhon.controls import CALIBRATION_IMAGE, Register
from pyxhon.cpython.calibration import (
    REGISTERS,
    Calibration,
    EntrySite,
    Hit,
    Observation,
    Phase,
    judge,
)
from pyxhon.cpython.calibration_cache import calibrate_cached, known_calibration
from pyxhon.cpython.calibration_run import Workload, is_ours_alone, started_workload
from pyxhon.cpython.entry_sites import EntrySites
from pyxhon.entry_probing import Entered, FramePlace, place_of, put_entry
from pyxhon.errors import CalibrationError
from pyxhon.events import EventKind
from pyxhon.target.elf import ElfImage, open_image

RUNS: Final[tuple[Phase, ...]] = ("plain", "traced", "untraced")
_HIT: Final = EventKind.HIT.to_bytes(2, "little")
_FRAME_SECOND: Final = (3, 9)


def calibrate_entries(probes: Probes, entered: Entered) -> Mapping[int, FramePlace]:
    """Give where the frame is at each site that was proven, by its address.

    What is known of the build is used, else its interpreter is started; the probes must not be read meanwhile. Raises
    CalibrationError for a build whose entries would not be counted exactly.
    """
    sites = _calibrated_sites(entered.sites)
    with open_image(entered.runtime.file_path) as image:
        calibration = calibrate_cached(
            image,
            sites,
            lambda: judge(*_observe(probes, entered, image, sites)),
            by=observers_digest(),
            is_believed=is_ours_alone(entered.runtime, entered.pid),
        )
    return _places(calibration)


def is_calibrated(image: ElfImage, sites: EntrySites) -> bool:
    """Tell whether the sites of a build were proven before, by this code."""
    return known_calibration(image, _calibrated_sites(sites), by=observers_digest()) is not None


def _calibrated_sites(sites: EntrySites) -> list[EntrySite]:
    return [EntrySite(_form(site.kind), site.address, site.is_joined) for site in sites.sites]


def observers_digest() -> str:
    """Stand for the code that observes: with other code a build is calibrated again."""
    text = source_text("plain_calls").encode() + Path(__file__).read_bytes()
    return hashlib.sha256(text).hexdigest()


def _form(kind: str) -> str:
    name = kind.removeprefix("entry_")
    return name if name == "eval" else name.upper()


def _places(calibration: Calibration) -> dict[int, FramePlace]:
    return {one.site.address: place_of(one.location) for one in calibration.sites if one.location is not None}


def _observe(
    probes: Probes, entered: Entered, image: ElfImage, sites: Sequence[EntrySite]
) -> tuple[list[Observation], Sequence[EntrySite], Mapping[int, str]]:
    """Run the workload in all phases with probes at the sites."""
    with (
        started_workload(entered.runtime, entered.pid) as workload,
        armed_for(workload, probes, "on_calibration") as armed,
    ):
        indices = {}
        for number, site in enumerate(entered.sites.sites):
            place = FramePlace(frame_argument(entered)) if site.kind == "entry_eval" else None
            indices[put_entry(armed, image, site, entered, place)] = number
        probes.follow(workload.pid, CALIBRATION_IMAGE, None, entered.layout_index)
        observations = []
        for phase in RUNS:
            expected = workload.run(phase)
            hits = _take_hits(probes, entered, indices)
            observations.append(Observation(phase, expected, tuple(hits)))
        return observations, sites, workload.names()


def frame_argument(entered: Entered) -> str:
    """Give the register of the frame that _PyEval_EvalFrameDefault is given; from 3.9 on the thread state is first."""
    return "rdi" if entered.layout.version < _FRAME_SECOND else "rsi"


@contextlib.contextmanager
def armed_for(workload: Workload, probes: Probes, program: Program) -> Iterator[EntryProbes]:
    """Give probes that only the workload meets, where that is possible; they are taken out at the end."""
    only = probes.only_pid
    probes.only_pid = workload.pid
    armed = EntryProbes(probes, program)
    try:
        yield armed
    finally:
        armed.disarm()
        probes.only_pid = only


def _take_hits(probes: Probes, entered: Entered, indices: Mapping[int, int]) -> Iterator[Hit]:
    """Take the hits out of what the probes sent; the rest is given back."""
    records, stacks = probes.read()
    hits = [decode_hit(record) for record in records if record[:2] == _HIT]
    probes.give_back([record for record in records if record[:2] != _HIT], stacks)
    for hit in hits:
        if hit.site not in indices:
            raise CalibrationError("a probe tells of a site that it was not given")
        number = indices[hit.site]
        site = entered.sites.sites[number]
        is_own = site.opcode is None or hit.opcode == site.opcode
        if hit.is_entry or not is_own:  # else it is no entry: a generator expression being made, a throw
            is_eval = site.opcode is None
            held = 1 << REGISTERS.index(frame_argument(entered)) if is_eval else _locations(hit)
            yield Hit(number, hit.code, hit.is_resumption, is_own, held)


def _locations(hit: HitRecord) -> int:
    """Give the bits of LOCATIONS that held the frame."""
    held = sum(1 << bit for bit, name in enumerate(REGISTERS) if hit.registers >> Register[name.upper()] & 1)
    return held | hit.slots << len(REGISTERS)
