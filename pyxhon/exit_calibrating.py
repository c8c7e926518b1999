"""Calibrates exit sites: runs the interpreter on the workload with probes at its exits and its proven entries."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.function_records import ExitHit, decode_exit_hit
from pyxhon.calibrating import RUNS, armed_for, observers_digest
from pyxhon.controls import CALIBRATION_IMAGE, Register
from pyxhon.cpython.calibration import REGISTERS
from pyxhon.cpython.calibration_cache import calibrate_exits_cached
from pyxhon.cpython.calibration_run import is_ours_alone, started_workload
from pyxhon.cpython.entry_sites import EntrySite
from pyxhon.cpython.exit_calibration import ExitCalibration, ExitSite, FlowHit, FlowRun, judge_exits
from pyxhon.cpython.opcodes import RETURNS
from pyxhon.entry_probing import Entered, FramePlace, Places, put_entry, put_exit
from pyxhon.errors import CalibrationError
from pyxhon.events import EventKind
from pyxhon.target.elf import ElfImage, open_image

_HIT: Final = EventKind.EXIT_HIT.to_bytes(2, "little")
_ANY_PLACE: Final = FramePlace("rax")
_THREAD_STATE_FIRST: Final = (3, 9)  # of the arguments of _Py_CheckFunctionResult
_FIRST, _SECOND = REGISTERS.index("rdi"), REGISTERS.index("rsi")


def calibrate_exits(probes: Probes, entered: Entered, places: Places) -> ExitCalibration:
    """Prove the exits of an interpreter whose entries are proven; `places` are those.

    As `calibrate_entries`, what is known of the build is used. Raises CalibrationError.
    """
    sites = [ExitSite(site.kind, site.address) for site in entered.exits.sites]
    digest = hashlib.sha256(f"{observers_digest()} {sorted(places)}".encode() + Path(__file__).read_bytes())
    with open_image(entered.runtime.file_path) as image:
        return calibrate_exits_cached(
            image,
            sites,
            lambda: judge_exits(_observe(probes, entered, image, places), sites),
            by=digest.hexdigest(),
            is_believed=is_ours_alone(entered.runtime, entered.pid),
        )


def _observe(probes: Probes, entered: Entered, image: ElfImage, places: Places) -> list[FlowRun]:
    """Run the workload in all phases."""
    runs = []
    with (
        started_workload(entered.runtime, entered.pid) as workload,
        armed_for(workload, probes, "on_flow_calibration") as armed,
    ):
        indices: dict[int, int | None] = {
            put_entry(armed, image, site, entered, places.get(site.address)): None for site in entered.sites.sites
        }
        for number, site in enumerate(entered.exits.sites):
            indices[put_exit(armed, image, site, entered, _ANY_PLACE)] = number
        probes.follow(workload.pid, CALIBRATION_IMAGE, None, entered.layout_index)
        for phase in RUNS:
            workload.run(phase)
            hits = tuple(_take_hits(probes, entered, indices))
            runs.append(FlowRun(phase, hits, dict(workload.thrown)))
    return runs


def _take_hits(probes: Probes, entered: Entered, indices: Mapping[int, int | None]) -> Iterator[FlowHit]:
    """Take the hits out of what the probes sent; the rest is given back."""
    records, stacks = probes.read()
    hits = [decode_exit_hit(record) for record in records if record[:2] == _HIT]
    probes.give_back([record for record in records if record[:2] != _HIT], stacks)
    returns = _return_opcodes(entered)
    for hit in hits:
        if hit.site not in indices:
            raise CalibrationError("a probe tells of a site that it was not given")
        number = indices[hit.site]
        if number is None:
            yield FlowHit(None, hit.code, hit.frame, hit.is_resumption)
        elif not _is_of_a_call(entered, entered.exits.sites[number], hit):
            yield FlowHit(
                number, hit.code, values=_values(hit), state_words=hit.state_words, is_return=hit.opcode in returns
            )


def _return_opcodes(entered: Entered) -> Sequence[int | None]:
    opcodes = entered.layout.opcodes
    return [] if opcodes is None else [number for number in map(opcodes.number_of, RETURNS) if number is not None]


def _values(hit: ExitHit) -> tuple[int, ...]:
    """Give the words at LOCATIONS."""
    return (*(hit.registers[Register[name.upper()]] for name in REGISTERS), *hit.slots)


def _is_of_a_call(entered: Entered, site: EntrySite, hit: ExitHit) -> bool:
    """Tell whether the evaluation loop checks what a callable gave, where its own result would be checked."""
    if site.kind != "exit_eval":
        return False
    is_first = entered.layout.version < _THREAD_STATE_FIRST
    return _values(hit)[_FIRST if is_first else _SECOND] != 0
