"""Writes to the trace which Python functions ran, and how often each was entered by which."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyxhon.bpf.function_records import FlowRun, Function
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.entry_probing import EntryProbing
from pyxhon.flow_recorder import FlowRecorder
from pyxhon.losses import Losses
from pyxhon.ownership import Ownership
from pyxhon.process_images import Image
from pyxhon.resolve import Resolver
from pyxhon.trace.rows import CallRow
from pyxhon.trace.store import Store

_PERIOD_S: Final = 5.0
_UNKNOWN_PROCESS: Final = "functions_unknown_process"
_NOT_DESCRIBED: Final = "functions_ring_full"


_Key = tuple[int, int, int, int | None]  # image, thread, rows of callee and caller


@dataclass(slots=True)
class _Row:
    """A row of the trace: what was written to it last, and what entries that are forgotten add to it."""

    id: int
    written: tuple[int, int]
    forgotten: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class _Functions:
    """What is known of the functions of one image."""

    newest: dict[int, int] = field(default_factory=dict)  # generation, by address
    seen: set[int] = field(default_factory=set)  # rows of code objects


class FunctionRecorder:
    """Takes what probes tell of entered functions; where they are counted, rows are made of the counts alone."""

    def __init__(self, store: Store, resolver: Resolver, ownership: Ownership) -> None:
        self._store = store
        self._resolver = resolver
        self._ownership = ownership
        self.entries: EntryProbing | None = None
        self._functions: dict[int, _Functions] = {}  # by image
        self._rows: dict[_Key, _Row] = {}
        self._unknown: Losses = {}
        self._updated_s = time.monotonic()
        self.flow = FlowRecorder(store)
        self.on_instructions: Callable[[InstructionRun, Mapping[int, Image]], None] = lambda _run, _images: None

        self.on_forgotten: Callable[[Image, Collection[int]], None] = lambda _image, _codes: None

    def take_run(self, run: FlowRun | InstructionRun, images: Mapping[int, Image]) -> None:
        """Take a run of entries and exits, or of instructions."""
        if isinstance(run, FlowRun):
            self.flow.take(run, images)
        else:
            self.on_instructions(run, images)

    def take(self, record: Function, image: Image) -> None:
        """Take a function that was entered, or that entered another."""
        code = self._resolver.add_function(image.code, record.key, (record.file, record.name, record.first_line))
        if record.file is not None:
            self._ownership.see_file(image.root, record.file, image.working_directory)
        known = self._functions.setdefault(image.number, _Functions())
        known.newest[record.code] = record.generation
        if self.entries is None or not self.entries.is_seeing or code in known.seen:
            return
        known.seen.add(code)
        image.code.functions.pop((record.code, record.generation - 1), None)
        caller = image.code.functions.get(record.caller) if record.caller else None
        self._store.add_call(
            CallRow(None, image.process, record.tid, code, caller, None, None, record.time_ns, record.time_ns)
        )

    def update_sometimes(self, images: Mapping[int, Image]) -> None:
        """Write the kernel's counts when that was last done some seconds ago."""
        if time.monotonic() - self._updated_s > _PERIOD_S:
            self.update(images)

    def end(self, ended: Sequence[Image], images: Mapping[int, Image]) -> None:
        """Write the last counts of images that have ended and forget them, here and in the kernel."""
        known = {image.number for image in ended if image.number in self._functions}
        if self.entries is None:
            return
        if known:
            self.update(images, ended=known)
        for image in ended:
            codes = self._functions.pop(image.number, _Functions()).newest
            if codes or self.entries.has_functions:
                self.entries.forget(image.number, codes)
            if codes:
                self.on_forgotten(image, codes)
        self._rows = {key: row for key, row in self._rows.items() if key[0] not in known}

    def update(self, images: Mapping[int, Image], ended: Collection[int] = ()) -> None:
        """Write the kernel's counts as they are now; those that will not change any more are removed there."""
        self._updated_s = time.monotonic()
        self._unknown = {}
        sums: dict[_Key, tuple[int, int, int]] = {}
        over: dict[tuple[int, ...], tuple[_Key, int, int]] = {}
        for key, (starts, resumptions, *_, first_ns) in self._counts():
            image = images.get(key[0])
            row = None if image is None else _row_key(key, image)
            if row is None:  # of an unknown process; or its description is under way, or was lost
                self._note_unknown(image, starts + resumptions)
                continue
            known = sums.get(row, (0, 0, first_ns))
            sums[row] = known[0] + starts, known[1] + resumptions, min(known[2], first_ns)
            if key[0] in ended or self._is_over(key):
                over[key] = row, starts, resumptions
        self._write(images, sums)
        for row, starts, resumptions in over.values():
            forgotten = self._rows[row].forgotten
            self._rows[row].forgotten = forgotten[0] + starts, forgotten[1] + resumptions
        if self.entries is not None:
            self.entries.forget_counts(over)

    def lost(self) -> Losses:
        """Give how many entries were counted of functions that were never described, at the last update."""
        return self._unknown | self.flow.losses()

    def _counts(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        if self.entries is not None and self.entries.probes is not None and self.entries.mode == "count":
            yield from self.entries.probes.counts()

    def _note_unknown(self, image: Image | None, count: int) -> None:
        reason = _UNKNOWN_PROCESS if image is None else _NOT_DESCRIBED
        place = (image.process if image else None, "function", reason)
        self._unknown[place] = self._unknown.get(place, 0) + count

    def _is_over(self, key: tuple[int, ...]) -> bool:
        """Tell whether one of the two code objects is gone: another one was described at its address."""
        image, callee, caller, _, callee_generation, caller_generation, _ = key
        newest = self._functions[image].newest if image in self._functions else {}
        return newest.get(callee, 0) > callee_generation or newest.get(caller, 0) > caller_generation

    def _write(self, images: Mapping[int, Image], sums: Mapping[_Key, tuple[int, int, int]]) -> None:
        now_ns, changed = time.monotonic_ns(), []
        for key, (starts, resumptions, first_ns) in sums.items():
            number, tid, callee, caller = key
            known = self._rows.get(key)
            if known is None:
                call = CallRow(None, images[number].process, tid, callee, caller, starts, resumptions, first_ns, now_ns)
                self._rows[key] = _Row(self._store.add_call(call), (starts, resumptions))
                continue
            total = known.forgotten[0] + starts, known.forgotten[1] + resumptions
            if known.written != total:
                known.written = total
                changed.append((*total, now_ns, known.id))
        self._store.update_call_counts(changed)


def _row_key(key: tuple[int, ...], image: Image) -> _Key | None:
    """Give what a row of the trace stands for, by a CallKey; None where the function or its caller is not known.

    A caller that is not known yet is no missing one: the row would be another when it is, and the entries in both.
    """
    number, callee, caller, tid, callee_generation, caller_generation, _ = key
    row = image.code.functions.get((callee, callee_generation))
    below = image.code.functions.get((caller, caller_generation)) if caller else None
    return None if row is None or (caller and below is None) else (number, tid, row, below)
