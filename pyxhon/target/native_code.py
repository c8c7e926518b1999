"""What is known of the code of one file, however many processes run it: steps to callers, calls, names."""

import struct
from dataclasses import dataclass

from pyxhon.target.call_sites import LONGEST_CALL_BYTES, FrameFlag, call_flags
from pyxhon.target.cfi import CallFrameInformation, Row
from pyxhon.target.cfi_entries import CfiError
from pyxhon.target.elf import ElfImage
from pyxhon.target.symbols import SymbolIndex

_MAX_STEPS = 1 << 16
_PAGE_MASK = 4095
_ENTRY_CODE_BYTES = 64


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


class NativeCode:
    """One ELF file's code. Addresses are as linked; `steps` maps (address, whether it is exact) to what is known."""

    def __init__(self, image: ElfImage) -> None:
        self.image = image
        self.steps: dict[tuple[int, bool], Step] = {}
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
        return self._frames

    @property
    def symbols(self) -> SymbolIndex:
        """The function symbols, read when first asked for."""
        if self._symbols is None:
            self._symbols = SymbolIndex(self.image)
        return self._symbols

    def address_of(self, file_offset: int) -> int | None:
        """Give the address as linked of a file offset, executable segments first."""
        for start, end, difference in self._ranges:
            if start <= file_offset < end:
                return file_offset + difference
        return None

    def step(self, address: int, *, is_exact: bool) -> Step:
        """Give what is known of an address: of a return address, unless it `is_exact`."""
        known = self.steps.get((address, is_exact))
        if known is None:
            known = self._learn(address, is_exact=is_exact)
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
        return call_flags(self.bytes_before(address)) if self.image.is_code(address - 1) else FrameFlag.NO_CALL

    def is_entry(self, address: int) -> bool:
        """Tell whether the address lies at the file's entry point: nothing called it."""
        return self._entry != 0 and 0 <= address - self._entry < _ENTRY_CODE_BYTES

    def _learn(self, address: int, *, is_exact: bool) -> Step:
        row, error = None, None
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
