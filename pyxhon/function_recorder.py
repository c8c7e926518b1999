"""Writes to the trace which Python functions ran, and how often each was entered by which."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pyxhon.bpf.function_records import Function
from pyxhon.entry_probing import EntryProbing
from pyxhon.flow_recorder import FlowRecorder
from pyxhon.losses import Losses
from pyxhon.ownership import Ownership
from pyxhon.process_images import Image
from pyxhon.resolve import Resolver
from pyxhon.trace.rows import CallRow
from pyxhon.trace.store import Store

_UNKNOWN_PROCESS: Final = "unknown_process"


@dataclass(slots=True)
class _Counted:
    """A row of the trace and the counts that were last written to it."""

    row: int
    counts: tuple[int, int]


class FunctionRecorder:
    """Takes what probes tell of entered functions; where they are counted, rows are made of the counts alone."""

    def __init__(self, store: Store, resolver: Resolver, ownership: Ownership) -> None:
        self._store = store
        self._resolver = resolver
        self._ownership = ownership
        self.entries: EntryProbing | None = None
        self.flow = FlowRecorder(store)
        self._seen: set[tuple[int, int, int]] = set()
        self._rows: dict[tuple[int, ...], _Counted] = {}  # by CallKey

    def take(self, record: Function, image: Image) -> None:
        """Take a function that was entered, or that entered another."""
        code = self._resolver.add_function(image.code, record.key, (record.file, record.name, record.first_line))
        if record.file is not None:
            self._ownership.see_file(image.root, record.file, image.working_directory)
        if self.entries is None or not self.entries.is_seeing or (image.number, *record.key) in self._seen:
            return
        self._seen.add((image.number, *record.key))
        caller = image.code.functions.get(record.caller) if record.caller else None
        self._store.add_call(
            CallRow(None, image.process, record.tid, code, caller, None, None, record.time_ns, record.time_ns)
        )

    def _counts(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        if self.entries is not None and self.entries.probes is not None and self.entries.mode == "count":
            yield from self.entries.probes.counts()

    def update(self, images: Mapping[int, Image]) -> None:
        """Write the kernel's counts as they are now."""
        now_ns, changed = time.monotonic_ns(), []
        for key, (starts, resumptions, _, _, _, first_ns, *_) in self._counts():
            known = self._rows.get(key)
            if known is None:
                image = images.get(key[0])
                if image is not None:
                    self._add(key, image, (starts, resumptions, first_ns, now_ns))
            elif known.counts != (starts, resumptions):
                known.counts = (starts, resumptions)
                changed.append((starts, resumptions, now_ns, known.row))
        self._store.update_call_counts(changed)

    def _add(self, key: tuple[int, ...], image: Image, counts: tuple[int, int, int, int]) -> None:
        _, callee, caller, tid, callee_generation, caller_generation = key
        codes = image.code.functions
        row = codes.get((callee, callee_generation))
        if row is None:  # its description is under way, or was lost
            return
        below = codes.get((caller, caller_generation)) if caller else None
        starts, resumptions, first_ns, last_ns = counts
        call = CallRow(None, image.process, tid, row, below, starts, resumptions, first_ns, last_ns)
        self._rows[key] = _Counted(self._store.add_call(call), (starts, resumptions))

    def lost(self, images: Mapping[int, Image]) -> Losses:
        """Give how many entries were counted of functions that were never described."""
        lost: Losses = {}
        for key, (starts, resumptions, *_) in self._counts():
            if key not in self._rows:
                image = images.get(key[0])
                place = (image.process if image else None, "function", "ring_full" if image else _UNKNOWN_PROCESS)
                lost[place] = lost.get(place, 0) + starts + resumptions
        return lost
