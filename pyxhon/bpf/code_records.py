"""Memory of code objects, as the probes send it."""

import struct
from dataclasses import dataclass
from typing import Final

from pyxhon import wire
from pyxhon.bpf.life_records import body_format
from pyxhon.code_events import CodeMemoryEvent
from pyxhon.events import Event, EventFlag

_HEAD = wire.format_of(Event)
_BODY = body_format(CodeMemoryEvent, "data")
_HEADER: Final = struct.Struct("<QQ")


@dataclass(slots=True)
class CodeMemory:
    """Blocks of memory that a code object consists of.

    `stack` and `name` are those of the act that was given it. Where `name` is 0, the act that made it has that stack.
    """

    image: int
    pid: int
    code: int
    base: int
    stack: int
    name: int
    fingerprint: int
    is_last: bool
    time_ns: int
    content: bytes

    @property
    def is_note(self) -> bool:
        """It only tells which act was given a code object that came before."""
        return self.is_last and not self.content

    def blocks(self) -> list[tuple[int, bytes]]:
        """Give (address, bytes) of what could be read."""
        found, at = [], 0
        content, end = self.content, len(self.content)
        while at + _HEADER.size <= end:
            address, size = _HEADER.unpack_from(content, at)
            at += _HEADER.size
            if size and at + size <= end:
                found.append((address, content[at : at + size]))
            at += (size + 7) & ~7
        return found


def decode_code_memory(record: bytes) -> CodeMemory:
    """Decode a record of the kind CODE_MEMORY."""
    _, flags, _, time_ns, pid, _, image = _HEAD.unpack_from(record)
    code, base, stack, name, fingerprint, size = _BODY.unpack_from(record, _HEAD.size)
    at = wire.offset_of(CodeMemoryEvent, "data")
    is_last = not flags & EventFlag.PARTIAL
    return CodeMemory(image, pid, code, base, stack, name, fingerprint, is_last, time_ns, record[at : at + size])
