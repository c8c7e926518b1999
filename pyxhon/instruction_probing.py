"""Puts probes into the bodies of opcodes, as the user asked and the interpreter allows."""

from collections.abc import Callable
from typing import Final, Literal

from pyxhon import controls
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.entries import EntryProbes
from pyxhon.cpython.body_sites import IMPORTS, BodySite, BodySites, find_body_sites
from pyxhon.cpython.executed import ExecutedReader
from pyxhon.cpython.instruction_set import InstructionSet, load_instruction_set
from pyxhon.cpython.machine_code import index_code
from pyxhon.entry_probing import Entered, bytecode_place
from pyxhon.errors import InterpreterError, PyxhonError
from pyxhon.target.elf import ElfImage

Mode = Literal["off", "imports", "all"]
_COVERS: Final = ("INSTRUMENTED_INSTRUCTION", "INSTRUMENTED_LINE")
_COUNTS_INSTRUCTIONS: Final = (3, 10)  # f_lasti does, before it counts bytes
_SLOTS: Final = 3


class InstructionProbing:
    """The probes on instructions of a run; `prove` raises CalibrationError for a build that is not told exactly."""

    def __init__(self, probes: Probes, mode: Mode) -> None:
        self._probes = probes
        self.mode = mode
        self.probes: EntryProbes | None = None
        self.opcodes: dict[int, str] = {}  # by site
        self.prove: Callable[[ElfImage, Entered, BodySites, InstructionSet], int] = _refuse

    def install(self, image: ElfImage, entered: Entered) -> str:
        """Probe the bodies in an interpreter's file; gives the words for its coverage."""
        if self.mode == "off":
            return "off"
        try:
            return self._install(image, entered)
        except PyxhonError as error:
            return f"unavailable: {error}"

    def _install(self, image: ElfImage, entered: Entered) -> str:
        known = load_instruction_set(entered.runtime.version)
        if known is None:
            raise InterpreterError("the opcodes of this version are not known")
        found = find_body_sites(index_code(image), entered.layout, known, wanted_opcodes(self.mode))
        if not found.sites:
            raise InterpreterError("; ".join(found.notes))
        proven = self.prove(image, entered, found, known)
        if self.probes is None:
            self.probes = EntryProbes(self._probes, "on_instruction")
            self.probes.switch_quickly()
        self.opcodes |= put_bodies(self.probes, image, entered, found, known)
        return f"uprobes in {len(found.sites)} bodies of opcodes ({self.mode}), calibrated on {proven} instructions"

    def reader_of(self, entered_version: tuple[int, ...], joined: frozenset[str]) -> ExecutedReader | None:
        """Give what reads the records of a process that runs this version."""
        known = load_instruction_set(entered_version)
        return None if known is None else ExecutedReader(known, joined, is_whole=self.mode == "all")

    def disarm(self) -> None:
        """Take the probes out of all processes."""
        if self.probes is not None:
            self.probes.disarm()


def wanted_opcodes(mode: Mode) -> frozenset[str] | None:
    """Give the opcodes of a mode, as the compiler writes them; None: all."""
    return IMPORTS if mode == "imports" else None


def put_bodies(
    probes: EntryProbes, image: ElfImage, entered: Entered, found: BodySites, known: InstructionSet
) -> dict[int, str]:  # fmt: skip
    """Probe all bodies; gives the opcode of each by its index. Raises InterpreterError, KernelError."""
    sites = []
    for site in found.sites:
        offset = image.file_offset(site.address)
        if offset is None:
            message = f"a body of an opcode at {site.address:#x} lies in no segment of {entered.runtime.file_path}"
            raise InterpreterError(message)
        sites.append((offset, _site(entered, found, site, known)))
    indices = probes.add_all(entered.runtime.file_path, sites)
    return {index: known.base_of(site.opcodes[0]) for index, site in zip(indices, found.sites, strict=True)}


def _site(entered: Entered, found: BodySites, site: BodySite, known: InstructionSet) -> controls.Site:
    flags = controls.EntryFlag.IS_ADAPTIVE if site.is_adaptive else 0
    flags |= controls.EntryFlag.TELLS_JOINED if site.tells_joined else 0
    adjust, frame = 0, 0
    if found.frame_register is None or found.instruction_register is None:
        adjust = bytecode_place(entered.layout)
        is_in_words = entered.layout.version >= _COUNTS_INSTRUCTIONS
        flags |= controls.EntryFlag.INSTRUCTION_IN_WORDS if is_in_words else 0
    else:
        frame = controls.Register[found.frame_register.upper()]
        if not site.has_stored:
            flags |= controls.EntryFlag.INSTRUCTION_IN_REGISTER
            adjust = controls.Register[found.instruction_register.upper()]
    return controls.Site(
        address=site.address,
        layout=entered.layout_index,
        kind=controls.SiteKind.INSTRUCTION,
        stack_adjust=adjust,
        result_register=frame,
        flags=flags,
        opcode=_with_covers(site.own, known) if site.own else 0,
    )


def _with_covers(own: tuple[int, ...], known: InstructionSet) -> int:
    """Put into a word the opcodes that a site is of, and those that may cover them in the code (3.12 and later)."""
    covers = [known.numbers[name] for name in _COVERS if name in known.numbers]
    slots = [*own, *covers, *own, *own][:_SLOTS]
    return int.from_bytes(bytes((*slots, 1)), "little")


def _refuse(_image: ElfImage, _entered: Entered, _found: BodySites, _known: InstructionSet) -> int:
    raise InterpreterError("nothing calibrates them")
