"""Puts probes on the entries of Python functions, as the user asked and the interpreter allows."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from pyxhon import controls
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.entries import EntryProbes, Program
from pyxhon.cpython.entry_sites import EntrySite, EntrySites
from pyxhon.cpython.exit_calibration import ExitCalibration
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.runtime import Runtime
from pyxhon.errors import CalibrationError, InterpreterError, KernelError, TargetError
from pyxhon.target.elf import ElfImage

Mode = Literal["off", "seen", "count", "trace"]
# The interpreter replaces RESUME by one of these once it has been executed: then the plain one costs nothing.
_QUICKENED: Final = ("RESUME_QUICK", "RESUME_CHECK")
_SLOT: Final = "rsp+"
_THREAD_STATE_FIRST: Final = (3, 9)  # of the arguments of _Py_CheckFunctionResult
_COUNTS_INSTRUCTIONS: Final = (3, 10)  # f_lasti does, before it counts bytes
_BYTECODE_BEFORE_NAMES: Final = 24  # co_code, co_consts, co_names, co_varnames: Include/code.h, 3.8-3.10


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where an entry site has the frame: in a register, or in a word of the stack, counted from rsp."""

    register: str | None
    slot: int = 0


Places = Mapping[int, FramePlace]


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
    exits: EntrySites
    pid: int | None  # of a process that runs it


class EntryProbing:
    """The entry probes of a run.

    `mode` None means "seen" where that is free, else nothing; `has_functions` that calls of Python functions are told
    one by one. `calibrate` tells where the frame is at each site, by its address, or raises CalibrationError;
    `calibrate_exits` does so for exits, with what it told.
    """

    def __init__(self, probes: Probes, mode: Mode | None, *, has_functions: bool = False) -> None:
        self._probes = probes
        self.mode = mode
        self.has_functions = has_functions
        self.last_names: Collection[str] | None = None  # of the functions that calls are told of; None: any
        self.probes: EntryProbes | None = None
        self.tellers: EntryProbes | None = None
        self.exits: EntryProbes | None = None
        self.measure_trap: Callable[[Entered, Places], float] | None = None  # where the price of an entry is asked for
        self.trap_ns = 0.0
        self.site_signals: dict[int, str] = {}
        self.found: set[str] = set()  # the names by which functions that ran were asked for
        self.calibrate: Callable[[Entered], Places] = lambda _entered: {}
        self.calibrate_exits: Callable[[Entered, Places], ExitCalibration] = _refuse_exits

    @property
    def is_counting(self) -> bool:
        """Tell whether every entry is counted, or told."""
        return self.mode in ("count", "trace")

    @property
    def takes_all(self) -> bool:
        """Tell whether each entry matters, to count it or to tell of it by name."""
        return self.is_counting or self.has_functions

    @property
    def is_seeing(self) -> bool:
        """Tell whether functions are told of once."""
        return self.probes is not None and not self.is_counting

    @property
    def is_armed(self) -> bool:
        """Tell whether entries are seen now."""
        return self.probes is not None and self.probes.is_armed

    def disarm(self) -> None:
        """Take the probes out of all processes; what they counted stays readable."""
        for probes in (self.probes, self.exits, self.tellers):
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
        except (CalibrationError, InterpreterError, KernelError, TargetError) as error:
            return f"unavailable: {error}"

    def _install_all(self, image: ElfImage, entered: Entered) -> str:
        if not entered.sites.sites:
            return f"unavailable: {'; '.join(entered.sites.notes) or 'no entry site was found'}"
        places = self.calibrate(entered)
        proven = tuple(site for site in entered.sites.sites if site.address in places)
        entered = replace(entered, sites=EntrySites(proven, ()))
        how = f"uprobe {' + '.join(dict.fromkeys(map(_form, proven)))}, calibrated"
        words = []
        if self.mode == "trace":
            exits = self._install_exits(image, entered, places)
            self.probes = self._put(self.probes, "on_flow_entry", image, entered, places)
            words.append(f"{how}: every entry told; {exits}")
        elif self.is_counting:
            if self.measure_trap is not None:
                self.trap_ns = max(self.trap_ns, self.measure_trap(entered, places))
            self.probes = self._put(self.probes, "on_entry", image, entered, places)
            words.append(f"{how}: every entry counted")
        else:
            words.append(self._install_seen(image, entered))
        if self.has_functions:
            self.tellers = self._put(self.tellers, "on_function", image, entered, places)
            words.append(f"{how}: functions by name")
        return "; ".join(text for text in words if text != "off")

    def _install_exits(self, image: ElfImage, entered: Entered, places: Mapping[int, FramePlace]) -> str:
        """Probe exits where they are exact; gives the words for coverage."""
        if not entered.exits.sites:
            return f"returns unavailable: {'; '.join(entered.exits.notes) or 'no site was found'}"
        try:
            calibration = self.calibrate_exits(entered, places)
            self.exits = self.exits or EntryProbes(self._probes, "on_flow_exit")
            for one in calibration.sites:
                site = next(site for site in entered.exits.sites if site.address == one.site.address)
                place = place_of(one.location)
                if site.kind == "exit_drop":
                    place = replace(place, slot=calibration.exception or 0)
                put_exit(self.exits, image, site, entered, place)
        except (CalibrationError, InterpreterError) as error:
            return f"returns unavailable: {error}"
        names = dict.fromkeys(one.site.kind for one in calibration.sites)
        return f"every exit, uprobe {' + '.join(names)}, calibrated"

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
        if probes is None:
            probes = EntryProbes(self._probes, program)
            if program == "on_entry" and self.measure_trap is not None:
                probes.switch_quickly()
            if program == "on_function" and self.last_names is not None:
                probes.want_names(self.last_names)
        for site in entered.sites.sites:
            index = put_entry(probes, image, site, entered, places.get(site.address))
            self.site_signals[index] = f"uprobe {_form(site)}"
        return probes


def _form(site: EntrySite) -> str:
    return site.kind.removeprefix("entry_").upper()


def put_entry(probes: EntryProbes, image: ElfImage, site: EntrySite, entered: Entered, place: FramePlace | None) -> int:
    """Probe one entry site; gives its index. Raises InterpreterError where it is not in the file, KernelError."""
    register = place.register if place is not None else None
    return _put_site(probes, image, site, entered, controls.Site(
        address=site.address,
        layout=entered.layout_index,
        kind=controls.SiteKind.ENTRY,
        stack_adjust=place.slot if place is not None else 0,
        result_register=controls.Register[register.upper()] if register else 0,
        flags=_flags(place, site),
        opcode=site.opcode or 0 if site.is_joined else 0,
    ))  # fmt: skip


def put_exit(probes: EntryProbes, image: ElfImage, site: EntrySite, entered: Entered, place: FramePlace) -> int:
    """Probe one exit site, likewise; where frames are dropped `place.slot` is the offset of ExitCalibration."""
    kind = controls.SiteKind[site.kind.upper()]
    flags, adjust = 0, place.slot
    if place.register is None and kind is not controls.SiteKind.EXIT_DROP:
        flags = controls.EntryFlag.FRAME_ON_STACK
    if kind is controls.SiteKind.EXIT_EVAL:
        flags, adjust = _eval_exit(entered.layout, place)
    return _put_site(probes, image, site, entered, controls.Site(
        address=site.address,
        layout=entered.layout_index,
        kind=kind,
        stack_adjust=adjust,
        result_register=controls.Register[place.register.upper()] if place.register else 0,
        flags=flags,
        opcode=site.opcode or 0,
    ))  # fmt: skip


def _eval_exit(layout: Layout, place: FramePlace) -> tuple[int, int]:
    """Give the flags of a site where the evaluation loop ends, and where code objects have their bytecode."""
    if place.register is None or layout.code_local_names is None:
        raise InterpreterError("the frame is in no register where the evaluation loop ends")
    in_rsi = controls.EntryFlag.RESULT_IN_RSI if layout.version < _THREAD_STATE_FIRST else 0
    in_words = controls.EntryFlag.INSTRUCTION_IN_WORDS if layout.version >= _COUNTS_INSTRUCTIONS else 0
    return in_rsi | in_words, bytecode_place(layout)


def bytecode_place(layout: Layout) -> int:
    """Give where code objects have their bytecode, up to 3.10. Raises InterpreterError."""
    if layout.code_local_names is None:
        raise InterpreterError("it is not known where a code object has its bytecode")
    return layout.code_local_names - _BYTECODE_BEFORE_NAMES


def _put_site(
    probes: EntryProbes, image: ElfImage, site: EntrySite, entered: Entered, kernel_site: controls.Site
) -> int:  # fmt: skip
    offset = image.file_offset(site.address)
    if offset is None:
        message = f"the site {site.kind} at {site.address:#x} lies in no segment of {entered.runtime.file_path}"
        raise InterpreterError(message)
    return probes.add(entered.runtime.file_path, offset, kernel_site)


def place_of(location: str) -> FramePlace:
    """Translate a location of cpython/calibration.py."""
    if location.startswith(_SLOT):
        return FramePlace(None, int(location.removeprefix(_SLOT)))
    return FramePlace(location)


def _refuse_exits(_entered: Entered, _places: Places) -> ExitCalibration:
    raise InterpreterError("nothing calibrates them")


def _flags(place: FramePlace | None, site: EntrySite) -> int:
    if place is None:
        return 0
    if site.kind != "entry_eval":
        return controls.EntryFlag.FRAME_ON_STACK if place.register is None else 0
    # (frame, throwflag) in 3.8, then (tstate, frame, throwflag): Include/internal/pycore_ceval.h
    return controls.EntryFlag.THROW_IN_RSI if place.register == "rdi" else controls.EntryFlag.THROW_IN_RDX


def join_words(*words: str) -> str:
    """Join what is said of several things that calls are covered by."""
    return "; ".join(text for text in words if text != "off") or "off"
