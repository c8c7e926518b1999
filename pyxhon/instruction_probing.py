"""Puts probes into the bodies of opcodes, as the user asked and the interpreter allows."""

import os
from collections.abc import Callable
from typing import Final, Literal

from pyxhon import controls
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.entries import EntryProbes
from pyxhon.cpython.body_sites import IMPORTS, BodySite, BodySites, find_body_sites
from pyxhon.cpython.executed import ExecutedReader
from pyxhon.cpython.instruction_set import InstructionSet, load_instruction_set
from pyxhon.cpython.machine_code import index_code
from pyxhon.cpython.runtime import Runtime
from pyxhon.entry_probing import Entered, bytecode_place
from pyxhon.errors import InterpreterError, PyxhonError
from pyxhon.target.elf import ElfImage
from pyxhon.target.process import read_mappings

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
        self._joined: dict[tuple[int, int], frozenset[str]] = {}  # by version
        self.prove: Callable[[Entered, InstructionSet], int] = _refuse

    @property
    def is_on(self) -> bool:
        """Tell whether instructions are wanted."""
        return self.mode != "off"

    def install(self, image: ElfImage, entered: Entered) -> str:
        """Probe the bodies in an interpreter's file; gives the words for its coverage."""
        if not self.is_on:
            return "off"
        try:
            return f"instructions ({self.mode}): {self._install(image, entered)}"
        except PyxhonError as error:
            return f"instructions unavailable: {error}"

    def _install(self, image: ElfImage, entered: Entered) -> str:
        if self.mode == "all" and self._probes.only_pid is None and _runs_us(entered.runtime):
            message = "PyXhon runs on the same interpreter, whose instructions would all be probed, too"
            raise InterpreterError(message, "attach with --no-follow, or run PyXhon by another one")
        found, known = find_bodies(image, entered, wanted_opcodes(self.mode))
        proven = self.prove(entered, known)
        if self.probes is None:
            self.probes = EntryProbes(self._probes, "on_instruction")
            self.probes.switch_quickly()
        self.opcodes |= put_bodies(self.probes, image, entered, found, known)
        joined = told_joined(found, known)
        self._joined[known.version] = joined | self._joined.get(known.version, frozenset())
        return f"uprobes in {len(found.sites)} bodies of opcodes, calibrated on {proven} instructions"

    def new_reader(self, version: tuple[int, int]) -> ExecutedReader | None:
        """Give what reads the records of a process that runs this version; None where none was probed."""
        known = load_instruction_set(version)
        if known is None or version not in self._joined:
            return None
        return ExecutedReader(known, self._joined[version], is_whole=self.mode == "all")

    def disarm(self) -> None:
        """Take the probes out of all processes."""
        if self.probes is not None:
            self.probes.disarm()


def find_bodies(image: ElfImage, entered: Entered, wanted: frozenset[str] | None) -> tuple[BodySites, InstructionSet]:
    """Find the bodies of the opcodes that are wanted in an interpreter's file. Raises InterpreterError."""
    known = load_instruction_set(entered.runtime.version)
    if known is None:
        raise InterpreterError("the opcodes of this version are not known")
    found = find_body_sites(index_code(image), entered.layout, known, wanted)
    if not found.sites:
        raise InterpreterError("; ".join(found.notes))
    return found, known


def told_joined(found: BodySites, known: InstructionSet) -> frozenset[str]:
    """Give the opcodes whose bodies tell what other ones have left to them."""
    return frozenset(known.base_of(name) for site in found.sites if site.tells_joined for name in site.opcodes)


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
    flags = controls.EntryFlag.IS_JOINED if site.own else 0
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
        opcode=_pack_opcodes(site, known),
    )


def _pack_opcodes(site: BodySite, known: InstructionSet) -> int:
    """Put into a word the opcodes that a site is of, those that may cover them in the code, and where counting ends."""
    covers = [known.numbers[name] for name in _COVERS if name in known.numbers]
    slots = [*site.own, *covers, *site.own, *site.own, 0, 0, 0][:_SLOTS]
    return int.from_bytes(bytes((*slots, known.spent_below if site.is_adaptive else 0)), "little")


def _runs_us(runtime: Runtime) -> bool:
    """Tell whether we run by an interpreter's file: probes are put into a file, for all who run by it."""
    ours = read_mappings(os.getpid())
    return any(
        (os.makedev(*mapping.device), mapping.inode) == (runtime.device, runtime.inode)
        for mapping in ours
        if mapping.inode
    )


def _refuse(_entered: Entered, _known: InstructionSet) -> int:
    raise InterpreterError("nothing calibrates them")
