"""What the probes tell of Python functions that are entered."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyxhon import wire
from pyxhon.bpf.life_records import body_format
from pyxhon.bpf.text import ENCODINGS, decode_text
from pyxhon.events import Event
from pyxhon.function_events import (
    CALIBRATION_SLOTS,
    MAX_PARAMETERS,
    ExitHitEvent,
    FlowEvent,
    FunctionEvent,
    HitEvent,
    ParameterName,
    ParametersEvent,
)

_HEAD: Final = wire.format_of(Event)
_FUNCTION: Final = body_format(FunctionEvent, "data")
_DATA_AT: Final = wire.offset_of(FunctionEvent, "data")
_PARAMETERS: Final = body_format(ParametersEvent, "names")
_NAME: Final = wire.format_of(ParameterName)
_VARIABLE_ARGUMENTS, _VARIABLE_KEYWORDS = 4, 8  # Include/cpython/code.h, CO_VARARGS and CO_VARKEYWORDS
_HIT: Final = body_format(HitEvent, "")
_EXIT_HIT: Final = body_format(ExitHitEvent, "registers")
_REGISTERS_AT: Final = wire.offset_of(ExitHitEvent, "registers")
_SLOTS_AT: Final = wire.offset_of(ExitHitEvent, "slots")
_REGISTERS: Final = struct.Struct("<15Q")
_SLOTS: Final = struct.Struct(f"<{CALIBRATION_SLOTS}Q")
_RING_HEADER_BYTES: Final = 8
# kind, flags and cpu are left out, reserved and the header of the next record, too
_FLOWS: Final = struct.Struct("<8xQIIQQQQIII4x8x")
FLOW_BYTES: Final = wire.size_of(FlowEvent)
_SIGN: Final = 1 << 31


@dataclass(slots=True)
class Function:
    """A code object that was entered, or one that entered another.

    `caller` is the first that was seen to enter it, with its generation; None: no Python frame, or not known.
    """

    image: int
    pid: int
    tid: int
    time_ns: int
    layout: int
    code: int
    generation: int
    caller: tuple[int, int] | None
    file: str | None
    name: str | None
    first_line: int

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others of its image."""
        return self.code, self.generation


@dataclass(slots=True)
class Hit:
    """An entry site reached while it is calibrated; `registers` and `slots` are bits, see HitEvent."""

    image: int
    site: int
    code: int
    is_resumption: bool
    is_entry: bool
    opcode: int
    registers: int
    slots: int


@dataclass(slots=True)
class Parameters:
    """The first parameters of a function, in the order of its frame's locals."""

    image: int
    code: int
    generation: int
    names: tuple[str, ...]
    keywords_name: str | None  # of `**`

    @property
    def key(self) -> tuple[int, int]:
        """What tells the function from all others of its image."""
        return self.code, self.generation


@dataclass(slots=True)
class ExitHit:
    """An entry or exit site reached while exits are calibrated; see ExitHitEvent."""

    image: int
    site: int
    code: int
    frame: int
    is_entry: bool
    is_resumption: bool
    opcode: int
    state_words: int
    registers: tuple[int, ...]
    slots: tuple[int, ...]


def decode_exit_hit(record: bytes) -> ExitHit:
    """Decode an ExitHitEvent."""
    image = _HEAD.unpack_from(record)[6]
    code, frame, words, site, opcode, is_resumption, is_entry = _EXIT_HIT.unpack_from(record, _HEAD.size)
    return ExitHit(image, site, code, frame, bool(is_entry), bool(is_resumption), opcode, words,
                   _REGISTERS.unpack_from(record, _REGISTERS_AT), _SLOTS.unpack_from(record, _SLOTS_AT))  # fmt: skip


@dataclass(slots=True)
class FlowRun:
    """FlowEvents that came one after the other, as they lie in the ring buffer."""

    content: bytes

    def rows(self) -> Iterator[tuple[int, ...]]:
        """Give (time, pid, tid, image, code, caller, frame, generation, caller's generation, what) of each."""
        return _FLOWS.iter_unpack(self.content + bytes(_RING_HEADER_BYTES))


def decode_function(record: bytes) -> Function:
    """Decode a FunctionEvent."""
    _, _, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    (code, caller, generation, caller_generation, first_line, layout, file_bytes, name_bytes, file_kind, name_kind,
     _) = _FUNCTION.unpack_from(record, _HEAD.size)  # fmt: skip
    middle = _DATA_AT + file_bytes
    file = decode_text(record[_DATA_AT:middle], file_kind) if file_kind in ENCODINGS else None
    name = decode_text(record[middle : middle + name_bytes], name_kind) if name_kind in ENCODINGS else None
    first_line -= (first_line & _SIGN) << 1
    return Function(image, pid, tid, time_ns, layout, code, generation,
                    (caller, caller_generation) if caller else None, file, name, first_line)  # fmt: skip


def decode_parameters(record: bytes) -> Parameters:
    """Decode a ParametersEvent."""
    image = _HEAD.unpack_from(record)[6]
    code, generation, positional, keyword_only, flags = _PARAMETERS.unpack_from(record, _HEAD.size)
    named = positional + keyword_only + bool(flags & _VARIABLE_ARGUMENTS)
    count = named + bool(flags & _VARIABLE_KEYWORDS)
    start = wire.offset_of(ParametersEvent, "names")
    names = []
    for index in range(min(count, MAX_PARAMETERS)):
        kind, size, text = _NAME.unpack_from(record, start + index * _NAME.size)
        names.append(decode_text(text[:size], kind) if kind in ENCODINGS and size else str(index))
    has_keywords = flags & _VARIABLE_KEYWORDS and named < len(names)
    return Parameters(image, code, generation, tuple(names), names[named] if has_keywords else None)


def decode_hit(record: bytes) -> Hit:
    """Decode a HitEvent."""
    image = _HEAD.unpack_from(record)[6]
    code, slots, registers, site, opcode, is_resumption, is_entry, _ = _HIT.unpack_from(record, _HEAD.size)
    return Hit(image, site, code, bool(is_resumption), bool(is_entry), opcode, registers, slots)
