"""Calibrates the sites of instructions: runs the interpreter on a workload whose instructions it tells of itself."""

from collections.abc import Iterator, Mapping
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.calibrating import armed_for
from pyxhon.controls import CALIBRATION_IMAGE
from pyxhon.cpython.body_sites import BodySites
from pyxhon.cpython.calibration_run import started_workload
from pyxhon.cpython.executed import ExecutedReader
from pyxhon.cpython.instruction_calibration import Told, judge_instructions
from pyxhon.cpython.instruction_set import InstructionSet
from pyxhon.entry_probing import Entered
from pyxhon.errors import CalibrationError
from pyxhon.events import EventKind
from pyxhon.instruction_probing import put_bodies
from pyxhon.target.elf import ElfImage

_INSTRUCTION: Final = EventKind.INSTRUCTION.to_bytes(2, "little")


def observe_and_judge(
    probes: Probes, image: ElfImage, entered: Entered, found: BodySites, known: InstructionSet
) -> int:  # fmt: skip
    with (
        started_workload(entered.runtime, entered.pid) as workload,
        armed_for(workload, probes, "on_instruction_calibration") as armed,
    ):
        armed.switch_quickly(has_one_thread=True)
        joined = frozenset(known.base_of(site.opcodes[0]) for site in found.sites if site.tells_joined)
        opcodes = put_bodies(armed, image, entered, found, known)
        probes.follow(workload.pid, CALIBRATION_IMAGE, None, entered.layout_index)
        names = workload.names()
        workload.execute()
        reader = ExecutedReader(known, joined, is_whole=True)
        told = list(_take(probes, reader, opcodes, names))
        armed.disarm()
        return judge_instructions(told, workload.see_instructions(), names)


def _take(
    probes: Probes, reader: ExecutedReader, opcodes: Mapping[int, str], names: Mapping[int, str]
) -> Iterator[Told]:
    """Take what was executed out of what the probes sent; the rest is given back."""
    rest: list[bytes] = []
    stacks: list[bytes] = []
    while any(batch := probes.read()):
        stacks += batch[1]
        for record in batch[0]:
            if record[:2] != _INSTRUCTION:
                rest.append(record)
                continue
            for time_ns, _, tid, _, code, frame, words, generation, offset, site, is_joined in InstructionRun(record).rows():
                if site not in opcodes:
                    raise CalibrationError("a probe tells of a site that it was not given")
                place = code, generation, frame
                for _, code_, _, at, opcode in reader.take(tid, time_ns, place, words, offset, site=opcodes[site], is_joined=is_joined):
                    if code_ in names:
                        yield code_, at, opcode
    probes.give_back(rest, stacks)
