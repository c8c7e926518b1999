"""Calibrates the sites of instructions: runs the interpreter on a workload whose instructions it tells of itself."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.calibrating import armed_for, observers_digest
from pyxhon.controls import CALIBRATION_IMAGE
from pyxhon.cpython.body_sites import BodySites
from pyxhon.cpython.calibration_run import is_ours_alone, started_workload
from pyxhon.cpython.executed import ExecutedReader
from pyxhon.cpython.instruction_calibration import Told, calibrate_instructions_cached, judge_instructions
from pyxhon.cpython.instruction_set import InstructionSet
from pyxhon.entry_probing import Entered
from pyxhon.errors import CalibrationError
from pyxhon.events import EventKind
from pyxhon.instruction_probing import find_bodies, put_bodies, told_joined
from pyxhon.target.elf import ElfImage, open_image

_INSTRUCTION: Final = EventKind.INSTRUCTION.to_bytes(2, "little")


def prove_instructions(probes: Probes, entered: Entered, known: InstructionSet) -> int:
    """Give how many instructions have proven the bodies of all opcodes; what is known of the build is used.

    Each body's probe works by itself, so that some of them tell of some instructions as exactly as all tell of all.
    Raises CalibrationError for a build whose instructions would not be told exactly; InterpreterError, KernelError.
    """
    digest = hashlib.sha256(observers_digest().encode() + Path(__file__).read_bytes())
    with open_image(entered.runtime.file_path) as image:
        found, _ = find_bodies(image, entered, None)
        return calibrate_instructions_cached(
            image,
            found,
            lambda: _observe(probes, image, entered, found, known),
            by=digest.hexdigest(),
            is_believed=is_ours_alone(entered.runtime, entered.pid),
        )


def _observe(probes: Probes, image: ElfImage, entered: Entered, found: BodySites, known: InstructionSet) -> int:
    """Run the workload with probes in all bodies, then without them while the interpreter tells."""
    probes.load_calls("on_instruction_calibration")  # what has to be compiled first must not take the workload's time
    with (
        started_workload(entered.runtime, entered.pid) as workload,
        armed_for(workload, probes, "on_instruction_calibration") as armed,
    ):
        armed.switch_quickly(has_one_thread=True)
        opcodes = put_bodies(armed, image, entered, found, known)
        probes.follow(workload.pid, CALIBRATION_IMAGE, None, entered.layout_index)
        names = workload.names()
        workload.execute()
        reader = ExecutedReader(known, told_joined(found, known), is_whole=True)
        told = list(_take(probes, reader, opcodes, names))
        armed.disarm()
        return judge_instructions(told, workload.see_instructions(), names)


def _take(
    probes: Probes, reader: ExecutedReader, opcodes: Mapping[int, str], names: Mapping[int, str]
) -> Iterator[Told]:
    """Take what was executed of the workload out of what the probes sent; the rest is given back."""
    rest: list[bytes] = []
    stacks: list[bytes] = []
    while any(batch := probes.read()):
        stacks += batch[1]
        rest += [record for record in batch[0] if record[:2] != _INSTRUCTION]
        for record in batch[0]:
            if record[:2] == _INSTRUCTION:
                yield from _read(InstructionRun(record), reader, opcodes, names)
    probes.give_back(rest, stacks)


def _read(
    run: InstructionRun, reader: ExecutedReader, opcodes: Mapping[int, str], names: Mapping[int, str]
) -> Iterator[Told]:
    for record in run.rows():
        site = record[-2]
        if site not in opcodes:
            raise CalibrationError("a probe tells of a site that it was not given")
        for executed in reader.take(record, opcodes[site]):
            if executed[1] in names:
                yield executed[1], executed[3], executed[4]
