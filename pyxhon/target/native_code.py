"""What is known of the code of one file, however many processes run it: steps to callers, calls, names."""

import struct
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pyxhon.target.call_sites import LONGEST_CALL_BYTES, STUB_BYTES, FrameFlag, call_flags, direct_target, stub_slot
from pyxhon.target.cfi import CallFrameInformation, Row
from pyxhon.target.cfi_entries import CfiError
from pyxhon.target.elf import ElfImage
from pyxhon.target.epilogues import Epilogue, find_epilogues
from pyxhon.target.symbols import SymbolIndex

_MAX_STEPS = 1 << 14
_MAX_LEARNING_S = 20.0  # of processor time for one file: a hostile one must not keep us busy
_PAGE_MASK = 4095
_ENTRY_CODE_BYTES = 64
_MAX_LOOKED_AROUND = 1 << 12
_CODE_BYTES = 2048
_PROLOGUES = (b"\x55\x48\x89\xe5", b"\x55\x48\x8b\xec")  # push %rbp; mov %rsp,%rbp


@dataclass(frozen=True, slots=True)
class Step:
    """All that unwinding needs to know of one address: the rules there, and what to say of the frame.

    `row` is None without call frame information, with `error` where it is damaged.
    """

    row: Row | None
    error: str | None
    flags: FrameFlag
    symbol: str | None

    @property
    def function_start(self) -> int | None:
        """Where the function begins, as linked."""
        return None if self.row is None else self.row.function_start


Recall = Callable[["NativeCode"], dict[tuple[int, bool], Step]]


class OpenTables:
    """The files whose unwind tables and symbols are in memory: those that needed them last, `limit_bytes` in all."""

    def __init__(self, limit_bytes: int = 96 << 20) -> None:
        self._limit = limit_bytes
        self._sizes: OrderedDict[NativeCode, int] = OrderedDict()
        self._total = 0

    def use(self, code: "NativeCode") -> None:
        """Note that a file needs its tables now; others may have to give theirs up."""
        size = code.table_bytes
        self._total += size - self._sizes.pop(code, 0)
        self._sizes[code] = size
        while self._total > self._limit and len(self._sizes) > 1:
            oldest, freed = self._sizes.popitem(last=False)
            oldest.forget_tables()
            self._total -= freed


class NativeCode:
    """One ELF file's code; addresses are as linked.

    `steps` maps (address, whether it is exact) to what is known, `learnt` counts what was not known by `recall`, a
    function that gives what earlier runs knew, and `learning_s` is the time that took.
    """

    def __init__(self, image: ElfImage, recall: Recall | None = None, tables: OpenTables | None = None) -> None:
        self.image = image
        self.steps: dict[tuple[int, bool], Step] = {}
        self.learnt = 0
        self.learning_s = 0.0
        self._recall = recall
        self._tables = tables
        self._flags: dict[int, FrameFlag] = {}
        self._local_calls: dict[int, bool] = {}
        self._around: dict[int, tuple[tuple[Epilogue, ...], bool]] = {}
        self._frames: CallFrameInformation | None = None
        self._symbols: SymbolIndex | None = None
        self._entry: int = struct.unpack("<Q", image.read_file(24, 8) or bytes(8))[0]
        self._ranges = tuple(
            (s.offset & ~_PAGE_MASK, s.offset + s.file_size, s.address - s.offset)
            for s in sorted(image.loads, key=lambda s: not s.is_executable)
        )

    @property
    def frames(self) -> CallFrameInformation:
        """The call frame information, opened when first asked for."""
        if self._frames is None:
            self._frames = CallFrameInformation(self.image)
            self._note_use()
        return self._frames

    @property
    def symbols(self) -> SymbolIndex:
        """The function symbols, read when first asked for."""
        if self._symbols is None:
            self._symbols = SymbolIndex(self.image)
            self._note_use()
        return self._symbols

    @property
    def table_bytes(self) -> int:
        """How much memory tables and symbols take."""
        return sum(table.size_bytes for table in (self._frames, self._symbols) if table is not None)

    def forget_tables(self) -> None:
        """Give up tables and symbols until they are needed again."""
        self._frames = self._symbols = None

    def _note_use(self) -> None:
        if self._tables is not None:
            self._tables.use(self)

    def address_of(self, file_offset: int) -> int | None:
        """Give the address as linked of a file offset, executable segments first."""
        for start, end, difference in self._ranges:
            if start <= file_offset < end:
                return file_offset + difference
        return None

    def step(self, address: int, *, is_exact: bool) -> Step:
        """Give what is known of an address: of a return address, unless it `is_exact`."""
        if self._recall is not None:
            recall, self._recall = self._recall, None
            self.steps.update(recall(self))
        known = self.steps.get((address, is_exact))
        if known is None:
            began = time.thread_time()
            known = self._learn(address, is_exact=is_exact)
            self.learnt += 1
            self._note_use()
            self.learning_s += time.thread_time() - began
            if len(self.steps) >= _MAX_STEPS:
                self.steps.clear()
            self.steps[address, is_exact] = known
        return known

    def bytes_before(self, address: int) -> bytes:
        """Give the bytes before an address, as many as a call instruction may have."""
        for size in (LONGEST_CALL_BYTES, 5, 2):
            before = self.image.read(address - size, size)
            if before is not None:
                return before
        return b""

    def call_flags(self, address: int) -> FrameFlag:
        """Judge whether an address may be a return address."""
        known = self._flags.get(address)
        if known is None:
            is_code = self.image.is_code(address - 1)
            known = call_flags(self.bytes_before(address)) if is_code else FrameFlag.NO_CALL
            if len(self._flags) >= _MAX_STEPS:
                self._flags.clear()
            self._flags[address] = known
        return known

    def is_local_call(self, address: int) -> bool:
        """Tell whether the call before a return address leads to a function of this very file."""
        known = self._local_calls.get(address)
        if known is None:
            if len(self._local_calls) >= _MAX_STEPS:
                self._local_calls.clear()
            known = self._local_calls[address] = self._leads_inside(address)
        return known

    def _leads_inside(self, address: int) -> bool:
        target = direct_target(self.bytes_before(address), address)
        if target is None:
            return False
        slot = stub_slot(self.image.read_upto(target, STUB_BYTES), target)
        if slot is None:
            return True
        filled = self.image.relocations.at(slot)
        symbol = self.image.dynamic_table.at(filled.symbol) if filled is not None else None
        return symbol is not None and symbol.is_defined

    def code_around(self, address: int) -> tuple[tuple[Epilogue, ...], bool]:
        """Give the epilogues that follow an address, and whether a prologue with a frame pointer stands before it."""
        known = self._around.get(address)
        if known is None:
            known = self._look_around(address)
            if len(self._around) >= _MAX_LOOKED_AROUND:
                self._around.clear()
            self._around[address] = known
        return known

    def _look_around(self, address: int) -> tuple[tuple[Epilogue, ...], bool]:
        segment = self.image.segment_of(address)
        if segment is None:
            return (), False
        start = max(segment.address, address - _CODE_BYTES)
        before = self.image.read(start, address - start) or b""
        after = self.image.read_upto(address, _CODE_BYTES)
        return tuple(find_epilogues(after)), any(prologue in before for prologue in _PROLOGUES)

    def is_entry(self, address: int) -> bool:
        """Tell whether the address lies at the file's entry point: nothing called it."""
        return self._entry != 0 and 0 <= address - self._entry < _ENTRY_CODE_BYTES

    def _learn(self, address: int, *, is_exact: bool) -> Step:
        row, error = None, None
        if self.learning_s > _MAX_LEARNING_S:
            return Step(None, "its tables take too long", FrameFlag(0), None)
        try:
            row = self.frames.row(address if is_exact else address - 1)
            if row is None and not is_exact:
                row = self._signal_row(address)
        except CfiError as damage:
            error = str(damage)
        is_unquestioned = is_exact or (row is not None and row.is_signal)
        flags = FrameFlag(0) if is_unquestioned else self.call_flags(address)
        return Step(row, error, flags, self.symbols.name_at(address if is_exact else address - 1))

    def _signal_row(self, address: int) -> Row | None:
        """Signal trampolines are returned to, but never called: their description may begin right there."""
        row = self.frames.row(address)
        return row if row is not None and row.is_signal else None
