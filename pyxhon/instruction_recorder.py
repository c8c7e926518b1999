"""Writes executed instructions to the trace, in the order in which each thread executed them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from pyxhon.bpf.function_records import Function
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.cpython.executed import Executed, ExecutedReader
from pyxhon.events import Counter, Signal
from pyxhon.instruction_probing import InstructionProbing
from pyxhon.losses import Losses
from pyxhon.process_images import Image
from pyxhon.trace.store import Store

Names = Callable[[Function, Image], tuple[Sequence[str], str]]  # of the module, and of the function
_UNKNOWN_PROCESS: Final = "instructions_unknown_process"
_UNDESCRIBED: Final = "instructions_ring_full"  # which is why a code object was not described
_Flow = tuple[int, int, int, int, int, int]


class InstructionRecorder:
    """Takes what probes tell of instructions; no more than `limit` are kept, where there is one.

    With `packages`, those of other modules are left out; `names_of` tells the modules of a code object.
    """

    def __init__(self, store: Store, probing: InstructionProbing, packages: Sequence[str] = ()) -> None:
        self._store = store
        self._probing = probing
        self._packages = packages
        self.names_of: Names = lambda _record, _image: ((), "")
        self.limit: int | None = None
        self.stored = 0
        self._taken = 0  # records
        self._readers: dict[int, ExecutedReader | None] = {}
        self._opcodes: dict[str, int] = {}
        self._unwanted: set[tuple[int, int, int]] = set()  # image, code object, generation
        self._lost: Losses = {}

    @property
    def is_full(self) -> bool:
        """Tell whether as many are stored as may be."""
        return self.limit is not None and self.stored >= self.limit

    def decide(self, record: Function, image: Image) -> None:
        """Take a code object that is entered: tell the probes where its instructions are not wanted."""
        if not self._packages or self._probing.probes is None:
            return
        modules, _ = self.names_of(record, image)
        if not any(is_in(module, package) for module in modules for package in self._packages):
            self._unwanted.add((image.number, record.code, record.generation))
            self._probing.probes.refuse(image.number, record.code, record.generation)

    def take(self, run: InstructionRun, images: Mapping[int, Image]) -> None:
        """Take a run of them."""
        self._taken += run.count
        if self.is_full:
            return
        rows: list[_Flow] = []
        opcodes = self._probing.opcodes
        for record in run.rows():
            image = images.get(record[3])
            reader = self._reader(record[3], image)
            if image is None or reader is None:
                self._lose(None, _UNKNOWN_PROCESS)
                continue
            for executed in reader.take(record, opcodes.get(record[9], "?")):
                self._add(rows, image, record[2], executed)
        self._write(rows)

    def _reader(self, number: int, image: Image | None) -> ExecutedReader | None:
        if image is None or not image.process or image.code.layout is None:
            return None
        if number not in self._readers:
            self._readers[number] = self._probing.new_reader(image.code.layout.version)
        return self._readers[number]

    def _add(self, rows: list[_Flow], image: Image, tid: int, executed: Executed) -> None:
        time_ns, code, generation, offset, opcode = executed
        if (image.number, code, generation) in self._unwanted:
            return
        function = image.code.functions.get((code, generation))
        if function is None:
            self._lose(image.process, _UNDESCRIBED)
            return
        known = self._opcodes.get(opcode)
        if known is None:
            known = self._opcodes[opcode] = self._store.add_opcode(opcode)
        rows.append((image.process, tid, time_ns, function, offset, known))

    def _write(self, rows: list[_Flow]) -> None:
        if self.limit is not None:
            del rows[max(0, self.limit - self.stored) :]
        self.stored += len(rows)
        self._store.add_bytecode_flow(rows)

    def _lose(self, process: int | None, reason: str) -> None:
        place = (process, "instruction", reason)
        self._lost[place] = self._lost.get(place, 0) + 1

    def finish(self, images: Mapping[int, Image]) -> None:
        """Write what the last instructions of threads executed besides."""
        for image in [images[number] for number in self._readers if number in images]:
            self._finish(image)

    def _finish(self, image: Image) -> None:
        reader = self._readers.pop(image.number, None)
        rows: list[_Flow] = []
        if reader is not None and not self.is_full:
            for tid, executed in reader.finish():
                self._add(rows, image, tid, executed)
        self._write(rows)

    def forget(self, image: Image, codes: Collection[int]) -> None:
        """Forget an image that has ended, with its code objects, here and in the kernel."""
        self._finish(image)
        self._unwanted = {place for place in self._unwanted if place[0] != image.number}
        if self._probing.probes is not None:
            self._probing.probes.forget(image.number, codes)

    def balance(self, counters: Mapping[tuple[Signal, Counter], int]) -> list[tuple[str, int, int, int, int]]:
        """Give the signal's row of the conservation law: of records, of which one may stand for two instructions."""
        seen, lost = (counters.get((Signal.INSTRUCTION, counter), 0) for counter in (Counter.SEEN, Counter.LOST))
        return [("instruction", seen, self._taken, 0, lost)] if self._probing.is_on else []

    def losses(self) -> Losses:
        """Give how many could not be stored."""
        return dict(self._lost)


def is_in(module: str, package: str) -> bool:
    """Tell whether a module is a package or lies in it."""
    return module == package or module.startswith(f"{package}.")
