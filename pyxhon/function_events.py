"""What the probes send and count of entries of Python functions; see events.py."""

import enum
from dataclasses import dataclass
from typing import Annotated

from pyxhon.events import TEXT_BYTES, Event
from pyxhon.wire import U8, U16, U32, U64, Array, Bytes

MAX_FUNCTIONS = 131072  # code objects that are told of
MAX_CALLS = 262144  # of a thread, a function and a caller, counted
MAX_PARAMETERS = 12  # of a call that are told
PARAMETER_NAME_BYTES = 60
MAX_WANTED_NAMES = 1024
WANTED_NAME_BYTES = 64
CALIBRATION_SLOTS = 64  # words of the stack in which the frame is looked for


@dataclass(slots=True)
class FunctionEvent:
    """A function that ran, and the first caller seen; data holds file name and qualified name."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    caller: U64  # 0: no Python frame, or not known
    generation: U32  # how many code objects were at its address before
    caller_generation: U32
    first_line: U32
    layout: U32
    file_bytes: U32
    name_bytes: U32
    file_kind: U16
    name_kind: U16
    reserved: U32
    data: Annotated[bytes, Bytes(2 * TEXT_BYTES + 8)]


@dataclass(slots=True)
class ParameterName:
    """The name of a parameter: a str of `kind` bytes a code point."""

    kind: U8
    size: U8  # bytes
    text: Annotated[bytes, Bytes(62)]


@dataclass(slots=True)
class ParametersEvent:
    """The names of a function's parameters, and which of them are special."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    generation: U32
    positional: U32  # co_argcount
    keyword_only: U32  # co_kwonlyargcount
    flags: U32  # co_flags: CO_VARARGS, CO_VARKEYWORDS
    names: Annotated[bytes, Array(ParameterName, 16)]


@dataclass(slots=True)
class HitEvent:
    """An entry site was reached while it was calibrated."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    slots: U64  # bits: the words of the stack, from rsp on, that hold the frame
    registers: U32  # bits: those of struct pt_regs (see controls.Register) that do
    site: U16
    opcode: U8  # of the instruction at hand
    is_resumption: U8
    is_entry: U32  # 0: it would not be counted
    reserved: U32


class FlowKind(enum.IntEnum):
    """What a FlowEvent tells of a function."""

    START = 0
    RESUME = 1
    RETURN = 2
    YIELD = 3
    UNWIND = 4


@dataclass(slots=True)
class FlowEvent:
    """A function was entered or left."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    caller: U64  # of an entry; 0: no Python frame
    frame: U64  # that it runs in
    generation: U32
    caller_generation: U32
    what: U32  # a FlowKind
    reserved: U32


@dataclass(slots=True)
class ExitHitEvent:
    """An entry or exit site was reached while exits were calibrated; of an exit, all that may lead to its frame."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64  # of an entry, and where a frame is dropped
    frame: U64  # of an entry
    state_words: U64  # bits: the words of the thread state, the first argument, that are not 0
    site: U16
    opcode: U8  # of the instruction at hand, where the frame is the second argument
    is_resumption: U8
    is_entry: U32
    registers: Annotated[bytes, Bytes(120)]  # in the order of controls.Register
    slots: Annotated[bytes, Bytes(8 * CALIBRATION_SLOTS)]


@dataclass(slots=True)
class InstructionEvent:
    """An instruction is about to be executed."""

    head: Annotated[bytes, Array(Event, 1)]
    code: U64
    frame: U64
    words: U64  # of code, from the instruction on: opcodes, arguments, caches
    generation: U32
    instruction: U32  # offset in bytes; up to 3.10 of what extends it, where something does
    site: U32
    is_joined: U32  # the body of another opcode got here: it has given up


@dataclass(slots=True)
class FunctionDecision:
    """Whether calls of a function are told."""

    generation: U32
    is_unwanted: U32  # 0: wanted, or not decided yet


@dataclass(slots=True)
class WantedName:
    """The last part of a function's name as it is in ASCII, zeros behind it; all zeros: there are such names."""

    text: Annotated[bytes, Bytes(WANTED_NAME_BYTES)]


@dataclass(slots=True)
class CallKey:
    """What entries of functions are counted by."""

    image: U64
    callee: U64
    caller: U64  # 0: no Python frame
    tid: U32
    callee_generation: U32
    caller_generation: U32
    reserved: U32


@dataclass(slots=True)
class CallCount:
    """How often a function was entered, and what the last entry was; frame, version and is_outdated from 3.12 on."""

    starts: U64
    resumptions: U64
    frame: U64
    instruction: U64
    version: U64
    is_named: U16
    is_resumption: U16
    is_outdated: U32  # its code has another version than its caller's, or there is none: RESUME may come again
    first_ns: U64  # what is looked at each time is before it


ENUMERATIONS = (FlowKind,)
STRUCTS = (
    FunctionEvent, ParameterName, ParametersEvent, HitEvent, FlowEvent, ExitHitEvent, InstructionEvent,
    FunctionDecision, WantedName, CallKey, CallCount,
)  # fmt: skip
CONSTANTS = (
    "MAX_FUNCTIONS", "MAX_CALLS", "MAX_PARAMETERS", "PARAMETER_NAME_BYTES", "MAX_WANTED_NAMES", "CALIBRATION_SLOTS",
)  # fmt: skip
