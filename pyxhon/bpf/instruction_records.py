"""What the probes tell of executed instructions."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyxhon.cpython.executed import Record

# kind, flags and cpu are left out, and the header of the next record; see InstructionEvent
_INSTRUCTIONS: Final = struct.Struct("<8xQIIQQQQIIII8x")
_RING_HEADER_BYTES: Final = 8


@dataclass(slots=True)
class InstructionRun:
    """InstructionEvents that came one after the other, as they lie in the ring buffer."""

    content: bytes

    @property
    def count(self) -> int:
        """How many there are."""
        return -(-len(self.content) // _INSTRUCTIONS.size)

    def rows(self) -> Iterator[Record]:
        """Give each as a tuple."""
        return _INSTRUCTIONS.iter_unpack(self.content + bytes(_RING_HEADER_BYTES))
