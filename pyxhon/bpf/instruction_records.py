"""What the probes tell of executed instructions."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# kind, flags and cpu are left out, and the header of the next record; see InstructionEvent
_INSTRUCTIONS: Final = struct.Struct("<8xQIIQQQQIIII8x")
_RING_HEADER_BYTES: Final = 8
Row = tuple[int, int, int, int, int, int, int, int, int, int, int]


@dataclass(slots=True)
class InstructionRun:
    """InstructionEvents that came one after the other, as they lie in the ring buffer."""

    content: bytes

    def rows(self) -> Iterator[Row]:
        """Give (time, pid, tid, image, code, frame, words, generation, instruction, site, is joined) of each."""
        return _INSTRUCTIONS.iter_unpack(self.content + bytes(_RING_HEADER_BYTES))  # type: ignore[arg-type, return-value]
