"""The probes on entries of Python functions: which program sits there, armed or not, and what it has counted."""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from pyxhon import wire
from pyxhon.bpf import syscalls
from pyxhon.bpf.attach import Probes
from pyxhon.controls import Site
from pyxhon.function_events import CallCount, CallKey, FunctionDecision

Program = Literal[
    "on_seen", "on_entry", "on_function", "on_calibration", "on_flow_entry", "on_flow_exit", "on_flow_calibration"
]
_PLACE: Final = struct.Struct("<QQ")  # struct place, probes/scratch.bpf.h
_KEY: Final = wire.format_of(CallKey)
_COUNT: Final = wire.format_of(CallCount)


class EntryProbes:
    """One program at all entry sites of a run; armed from the beginning."""

    def __init__(self, probes: Probes, program: Program) -> None:
        self._probes = probes
        self._name = program
        self._program = probes.load_calls(program)
        self._places: list[tuple[str, int, int]] = []
        self._links: list[int] = []
        self.is_armed = True

    def add(self, path: str, offset: int, site: Site) -> int:
        """Probe a file offset; gives the site's index. Raises KernelError when the kernel refuses."""
        index = self._probes.declare_site(site)
        place = (path, offset, index)
        if self.is_armed:
            self._links.extend(self._probes.attach(self._program, *place))
        self._places.append(place)
        return index

    def arm(self) -> None:
        """Put the probes in place."""
        if not self.is_armed:
            self.is_armed = True
            for place in self._places:
                self._links.extend(self._probes.attach(self._program, *place))

    def disarm(self) -> None:
        """Take them out of all processes."""
        self.is_armed = False
        syscalls.close_all(self._links)
        self._links.clear()

    def refuse(self, image: int, code: int, generation: int) -> None:
        """Let calls of a function no more be told (on_function)."""
        self._probes.set_entry("decisions", _PLACE.pack(image, code), wire.encode(FunctionDecision(generation, 1)))

    def forget(self, image: int, codes: Iterable[int]) -> None:
        """Forget the code objects of an image that has ended."""
        places = [_PLACE.pack(image, code) for code in codes]
        self._probes.remove_entries("named_codes", places)
        if self._name == "on_function":
            self._probes.remove_entries("decisions", places)

    def forget_counts(self, keys: Iterable[tuple[int, ...]]) -> None:
        """Remove what was counted under each CallKey."""
        self._probes.remove_entries("call_counts", [_KEY.pack(*key) for key in keys])

    def counts(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Give (CallKey, CallCount) as tuples of all that was counted so far."""
        keys, counts = self._probes.entries_of("call_counts")
        yield from zip(_KEY.iter_unpack(keys), _COUNT.iter_unpack(counts), strict=True)
