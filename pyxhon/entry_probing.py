"""Puts probes on the entries of Python functions, as the user asked and the interpreter allows."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from pyxhon import controls
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.entries import EntryProbes, Program
from pyxhon.cpython.entry_sites import EntrySite, EntrySites
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.runtime import Runtime
from pyxhon.errors import InterpreterError, KernelError, TargetError
from pyxhon.target.elf import ElfImage

Mode = Literal["off", "seen", "count", "trace"]
# The interpreter replaces RESUME by one of these once it has been executed: then the plain one costs nothing.
_QUICKENED: Final = ("RESUME_QUICK", "RESUME_CHECK")


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where an entry site has the frame: in a register, or in a word of the stack, counted from rsp."""

    register: str | None
    slot: int = 0


def is_free(layout: Layout) -> bool:
    """Tell whether first executions alone can be seen."""
    return layout.opcodes is not None and any(layout.opcodes.number_of(name) for name in _QUICKENED)


@dataclass(frozen=True, slots=True)
class Entered:
    """An interpreter whose entries are to be probed."""

    runtime: Runtime
    layout: Layout
    layout_index: int
    sites: EntrySites
    pid: int | None  # of a process that runs it


class EntryProbing:
    """The entry probes of a run.

    `mode` None means "seen" where that is free, else nothing; `has_functions` that calls of Python functions are told
    one by one. `calibrate` tells where the frame is at each site, by its address, or raises InterpreterError.
    """

    def __init__(self, probes: Probes, mode: Mode | None, *, has_functions: bool = False) -> None:
        self._probes = probes
        self.mode = mode
        self.has_functions = has_functions
        self.probes: EntryProbes | None = None
        self.tellers: EntryProbes | None = None
        self.site_signals: dict[int, str] = {}
        self.found: set[str] = set()  # the names by which functions that ran were asked for
        self.calibrate: Callable[[Entered], Mapping[int, FramePlace]] = lambda _entered: {}

    @property
    def is_counting(self) -> bool:
        """Tell whether every entry is counted."""
        return self.mode in ("count", "trace")

    @property
    def takes_all(self) -> bool:
        """Tell whether each entry matters, to count it or to tell of it by name."""
        return self.is_counting or self.has_functions

    @property
    def is_seeing(self) -> bool:
        """Tell whether functions are told of once."""
        return self.probes is not None and not self.is_counting

    def disarm(self) -> None:
        """Take the probes out of all processes; what they counted stays readable."""
        for probes in (self.probes, self.tellers):
            if probes is not None:
                probes.disarm()

    def forget(self, image: int, codes: Collection[int]) -> None:
        """Let the probes forget the code objects of an image that has ended."""
        for probes in (self.probes, self.tellers):
            if probes is not None:
                probes.forget(image, codes)

    def forget_counts(self, keys: Collection[tuple[int, ...]]) -> None:
        """Remove counts that will not change any more."""
        if keys and self.probes is not None:
            self.probes.forget_counts(keys)

    def install(self, image: ElfImage, entered: Entered) -> str:
        """Probe the entries in an interpreter's file, as this run wants; gives the words for its coverage."""
        try:
            if not self.takes_all:
                return self._install_seen(image, entered)
            return self._install_all(image, entered)
        except (InterpreterError, KernelError, TargetError) as error:
            return f"unavailable: {error}"

    def _install_all(self, image: ElfImage, entered: Entered) -> str:
        if not entered.sites.sites:
            return f"unavailable: {'; '.join(entered.sites.notes) or 'no entry site was found'}"
        places = self.calibrate(entered)
        names = [site.kind.removeprefix("entry_").upper() for site in entered.sites.sites]
        words = []
        if self.is_counting:
            self.probes = self._put(self.probes, "on_entry", image, entered, places)
            words.append(f"uprobe {' + '.join(dict.fromkeys(names))}, calibrated: every entry counted")
        else:
            words.append(self._install_seen(image, entered))
        if self.has_functions:
            self.tellers = self._put(self.tellers, "on_function", image, entered, places)
            words.append(f"uprobe {' + '.join(dict.fromkeys(names))}, calibrated: functions by name")
        return "; ".join(text for text in words if text != "off")

    def _install_seen(self, image: ElfImage, entered: Entered) -> str:
        if self.mode == "off":
            return "off"
        if not is_free(entered.layout):
            version = ".".join(map(str, entered.layout.version))
            words = f"CPython {version} does not replace RESUME, so that to see each function once has its price"
            return "off" if self.mode is None else f"unavailable: {words}"
        sites = tuple(site for site in entered.sites.sites if site.kind == "entry_resume")
        if not sites:
            return f"unavailable: {'; '.join(entered.sites.notes) or 'no body of RESUME was found'}"
        self.probes = self._put(self.probes, "on_seen", image, replace(entered, sites=EntrySites(sites, ())), {})
        return "uprobe RESUME: first executions"

    def _put(
        self, probes: EntryProbes | None, program: Program, image: ElfImage, entered: Entered,
        places: Mapping[int, FramePlace],
    ) -> EntryProbes:  # fmt: skip
        probes = probes or EntryProbes(self._probes, program)
        for site in entered.sites.sites:
            index = put_entry(probes, image, site, entered, places.get(site.address))
            self.site_signals[index] = f"uprobe {site.kind.removeprefix('entry_').upper()}"
        return probes


def put_entry(probes: EntryProbes, image: ElfImage, site: EntrySite, entered: Entered, place: FramePlace | None) -> int:
    """Probe one entry site; gives its index. Raises InterpreterError where it is not in the file, KernelError."""
    offset = image.file_offset(site.address)
    if offset is None:
        message = f"the site {site.kind} at {site.address:#x} lies in no segment of {entered.runtime.file_path}"
        raise InterpreterError(message)
    register = place.register if place is not None else None
    kernel_site = controls.Site(
        address=site.address,
        layout=entered.layout_index,
        kind=controls.SiteKind.ENTRY,
        stack_adjust=place.slot if place is not None else 0,
        result_register=controls.Register[register.upper()] if register else 0,
        flags=_flags(place, site),
        opcode=site.opcode or 0 if site.is_joined else 0,
    )
    return probes.add(entered.runtime.file_path, offset, kernel_site)


def _flags(place: FramePlace | None, site: EntrySite) -> int:
    if place is None:
        return 0
    if site.kind != "entry_eval":
        return controls.EntryFlag.FRAME_ON_STACK if place.register is None else 0
    # (frame, throwflag) in 3.8, then (tstate, frame, throwflag): Include/internal/pycore_ceval.h
    return controls.EntryFlag.THROW_IN_RSI if place.register == "rdi" else controls.EntryFlag.THROW_IN_RDX
