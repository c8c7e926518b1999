"""What the probes send of the memory that a code object consists of; see events.py."""

from dataclasses import dataclass
from typing import Annotated

from pyxhon.events import Event
from pyxhon.wire import U32, U64, Array, Bytes

MEMORY_BYTES = 8192  # of blocks before they are sent; a power of two
MEMORY_BLOCK_BYTES = 8192  # of one block; a power of two
MAX_BYTECODE = 65536  # bytes copied of one object of a code object
MAX_OBJECTS = 256  # names, constants or variables copied of a code object
MAX_GIVEN_OBJECTS = 1024  # of one that was given or made, or lies within it
OBJECT_BYTES = 112  # of each
MAX_INNER_CODES = 512  # code objects within one that was given or made
MAX_INNER_OBJECTS = 16  # copied of a tuple among the constants

NEW_CODE = "code.__new__"
MAKERS = frozenset({"compile", "marshal.loads", "marshal.load", NEW_CODE})
"""Audit events of what makes code objects (docs.python.org, library/audit_events)."""


@dataclass(slots=True)
class CodeMemoryEvent:
    """Memory that a code object consists of: data holds blocks, each after its address and size."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    base: U64  # load bias of the interpreter
    stack: U64  # these two are of the act that was given the code object, or made it; 0: it was met in a frame
    name: U64  # 0: made
    fingerprint: U32
    size_bytes: U32
    data: Annotated[bytes, Bytes(MEMORY_BYTES + MEMORY_BLOCK_BYTES + 16)]


ENUMERATIONS = ()
STRUCTS = (CodeMemoryEvent,)
CONSTANTS = (
    "MEMORY_BYTES",
    "MEMORY_BLOCK_BYTES",
    "MAX_BYTECODE",
    "MAX_OBJECTS",
    "MAX_GIVEN_OBJECTS",
    "OBJECT_BYTES",
    "MAX_INNER_CODES",
    "MAX_INNER_OBJECTS",
)
