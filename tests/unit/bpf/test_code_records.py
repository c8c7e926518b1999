"""Memory of code objects, as the probes send it: any content makes blocks within it."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from pyxhon import wire
from pyxhon.bpf.code_records import CodeMemory, decode_code_memory
from pyxhon.code_events import CodeMemoryEvent
from pyxhon.events import Event, EventFlag, EventKind


def _record(content, flags=0):
    head = wire.format_of(Event).pack(EventKind.CODE_MEMORY, flags, 0, 5, 42, 42, 7)
    start = head + struct.pack("<4Q2I", 0x1000, 0x400000, 9, 8, 3, len(content))
    assert len(start) == wire.offset_of(CodeMemoryEvent, "data")
    return start + content


def test_blocks_are_those_that_were_sent():
    content = struct.pack("<2Q", 0x10, 3) + b"abc".ljust(8, b"\0") + struct.pack("<2Q", 0x20, 0)
    content += struct.pack("<2Q", 0x30, 8) + b"12345678"

    memory = decode_code_memory(_record(content))

    assert (memory.image, memory.code, memory.base, memory.stack, memory.name) == (7, 0x1000, 0x400000, 9, 8)
    assert memory.is_last
    assert memory.blocks() == [(0x10, b"abc"), (0x30, b"12345678")]
    assert not decode_code_memory(_record(content, EventFlag.PARTIAL)).is_last


@given(content=st.binary(max_size=400))
def test_any_content_makes_blocks_within_it(content):
    blocks = CodeMemory(1, 1, 1, 1, 1, 1, 1, is_last=True, time_ns=1, content=content).blocks()

    assert sum(len(block) for _, block in blocks) <= len(content)
