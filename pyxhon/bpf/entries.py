"""The probes on entries of Python functions: which program sits there, armed or not, and what it has counted."""

import contextlib
import struct
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, Literal

from pyxhon import wire
from pyxhon.bpf import syscalls
from pyxhon.bpf.attach import Probes
from pyxhon.controls import Site
from pyxhon.errors import KernelError
from pyxhon.function_events import MAX_WANTED_NAMES, WANTED_NAME_BYTES, CallCount, CallKey, FunctionDecision

Program = Literal[
    "on_seen",
    "on_entry",
    "on_function",
    "on_calibration",
    "on_flow_entry",
    "on_flow_exit",
    "on_flow_calibration",
    "on_instruction",
    "on_instruction_calibration",
]
_DECISIONS: Final[dict[str, str]] = {"on_function": "decisions", "on_instruction": "instruction_decisions"}
_PLACE: Final = struct.Struct("<QQ")  # struct place, probes/scratch.bpf.h
_KEY: Final = wire.format_of(CallKey)
_COUNT: Final = wire.format_of(CallCount)


class EntryProbes:
    """One program at all entry sites of a run; armed from the beginning."""

    def __init__(self, probes: Probes, program: Program) -> None:
        self._probes = probes
        self._name = program
        self._program = probes.load_calls(program)
        self._switched: int | None = None
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._links: list[int] = []
        self._lock = threading.Lock()  # probes come while others arm and disarm
        self.is_armed = True

    def add(self, path: str, offset: int, site: Site) -> int:
        """Probe a file offset; gives the site's index. Raises KernelError when the kernel refuses."""
        index = self._probes.declare_site(site)
        with self._lock:
            self._places.setdefault(path, []).append((offset, index))
            if self.is_armed:
                self._attach(path, [(offset, index)])
        return index

    def add_all(self, path: str, sites: Sequence[tuple[int, Site]]) -> list[int]:
        """Probe many (file offset, site) of a file, likewise."""
        places = [(offset, self._probes.declare_site(site)) for offset, site in sites]
        with self._lock:
            self._places.setdefault(path, []).extend(places)
            if self.is_armed:
                self._attach(path, places)
        return [index for _, index in places]

    def switch_quickly(self, *, has_one_thread: bool = False) -> None:
        """Have probes come and go at once, all that are put in place together, where the kernel can."""
        if self._probes.only_pid is None or has_one_thread:  # before Linux 6.10 it would be the one thread
            with contextlib.suppress(KernelError):
                self._switched = self._probes.load_switched(self._name)

    def _attach(self, path: str, places: list[tuple[int, int]]) -> None:
        if self._switched is not None:
            try:
                self._links.append(self._probes.attach_many(self._switched, path, places))
                return
            except KernelError:
                self._switched = None
        for place in places:
            self._links.extend(self._probes.attach(self._program, path, *place))

    def arm(self) -> None:
        """Put the probes in place. Raises KernelError."""
        with self._lock:
            if not self.is_armed:
                self.is_armed = True
                for path, places in self._places.items():
                    self._attach(path, places)

    def disarm(self) -> None:
        """Take them out of all processes."""
        with self._lock:
            self.is_armed = False
            syscalls.close_all(self._links)
            self._links.clear()

    def run_stats(self) -> tuple[int, int]:
        """Give the time in ns that the program took, and how often it ran, since statistics are on."""
        time_ns, count = syscalls.run_stats(self._program)
        if self._switched is not None:
            more_ns, more = syscalls.run_stats(self._switched)
            return time_ns + more_ns, count + more
        return time_ns, count

    def want_names(self, names: Collection[str]) -> None:
        """Tell only of functions whose last names are among these ASCII ones (on_function); of all where too many."""
        if len(names) < MAX_WANTED_NAMES and all(len(name) < WANTED_NAME_BYTES for name in names):
            for name in ("", *names):
                self._probes.set_entry("wanted_names", name.encode().ljust(WANTED_NAME_BYTES, b"\0"), b"\1")

    def refuse(self, image: int, code: int, generation: int) -> None:
        """Let calls, or instructions, of a function no more be told (on_function, on_instruction)."""
        self._probes.set_entry(
            _DECISIONS[self._name], _PLACE.pack(image, code), wire.encode(FunctionDecision(generation, 1))
        )

    def forget(self, image: int, codes: Iterable[int]) -> None:
        """Forget the code objects of an image that has ended."""
        places = {_PLACE.pack(image, code) for code in codes}
        if self._name in _DECISIONS:  # those that it refused itself, too
            keys, _ = self._probes.entries_of(_DECISIONS[self._name])
            decided = {_PLACE.pack(*place) for place in _PLACE.iter_unpack(keys) if place[0] == image}
            self._probes.remove_entries(_DECISIONS[self._name], list(decided))
            places |= decided
        self._probes.remove_entries("named_codes", list(places))

    def forget_counts(self, keys: Iterable[tuple[int, ...]]) -> None:
        """Remove what was counted under each CallKey."""
        self._probes.remove_entries("call_counts", [_KEY.pack(*key) for key in keys])

    def counts(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Give (CallKey, CallCount) as tuples of all that was counted so far."""
        keys, counts = self._probes.entries_of("call_counts")
        yield from zip(_KEY.iter_unpack(keys), _COUNT.iter_unpack(counts), strict=True)
