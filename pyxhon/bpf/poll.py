"""Turns the bytes that the probes send into records of plain values."""

import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pyxhon import wire
from pyxhon.bpf.call_values import NO_PARENT, nest_call_values
from pyxhon.bpf.call_values import Slot as _Slot
from pyxhon.bpf.code_records import CodeMemory, decode_code_memory
from pyxhon.bpf.function_records import (
    ExitHit,
    FlowRun,
    Function,
    Hit,
    Parameters,
    decode_exit_hit,
    decode_function,
    decode_hit,
    decode_parameters,
)
from pyxhon.bpf.instruction_records import InstructionRun
from pyxhon.bpf.life_records import Exec, Exit, Fork, body_format, decode_exec, decode_exit, decode_fork
from pyxhon.bpf.native_records import (
    NativeStack,
    SignalDelivery,
    SyscallResult,
    SystemCall,
    decode_call,
    decode_native_stack,
    decode_result,
    decode_signal,
)
from pyxhon.bpf.text import ENCODINGS, decode_text
from pyxhon.events import (
    MAX_ARGUMENTS,
    MAX_FRAMES,
    ActEvent,
    Argument,
    ArgumentKind,
    CodeEvent,
    Event,
    EventFlag,
    EventKind,
    FrameRef,
    LineTableEvent,
    Signal,
    StackEvent,
)

_HEAD = wire.format_of(Event)
_FRAME = wire.format_of(FrameRef)
_ARGUMENT = wire.format_of(Argument)
_TOO_WIDE: Final = 2  # Argument.length of an int: bit 0 negative, bit 1 more than 64 bits


_ACT = body_format(ActEvent, "format")
_STACK = body_format(StackEvent, "frames")
_CODE = body_format(CodeEvent, "data")
_LINE_TABLE = body_format(LineTableEvent, "data")


@dataclass(slots=True)
class Act:
    """The first occurrence of an act; `name` and `format` are None where they could not be read."""

    image: int
    pid: int
    tid: int
    time_ns: int
    flags: int
    signal: int
    site: int
    key: bytes
    stack: int
    base: int
    name: str | None
    name_address: int
    format: str | None
    format_address: int
    arguments: list[Any]


@dataclass(slots=True)
class Stack:
    """A Python stack: (code address, instruction, fingerprint), innermost first."""

    image: int
    flags: int
    stack: int
    layout: int
    frames: list[tuple[int, int, int]]


@dataclass(slots=True)
class Code:
    """A code object."""

    image: int
    pid: int
    flags: int
    code: int
    fingerprint: int
    first_line: int
    first_traceable: int
    file: str | None
    name: str | None
    line_table: bytes
    line_table_bytes: int
    line_table_address: int


@dataclass(slots=True)
class LineTablePart:
    """A further part of a code object's line table."""

    image: int
    code: int
    fingerprint: int
    offset: int
    content: bytes


Record = (
    Act | Stack | Code | LineTablePart | CodeMemory | Function | Parameters | FlowRun | Hit | ExitHit
    | Fork | Exec | Exit | InstructionRun | SystemCall | NativeStack | SyscallResult | SignalDelivery
)  # fmt: skip


def decode(record: bytes) -> Record:
    """Decode one record. Raises ValueError for one that is not of this version."""
    try:
        return _DECODERS[int.from_bytes(record[:2], "little")](record)
    except (KeyError, struct.error, IndexError) as error:
        message = f"not a record of this version: {error}"
        raise ValueError(message) from None


def _decode_act(record: bytes) -> Act | SystemCall:
    body = _ACT.unpack_from(record, _HEAD.size)
    if body[7] in (Signal.SYSCALL, Signal.IO_URING):
        return decode_call(record, body)
    _, flags, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    (stack, arguments_hash, name_id, name_address, format_address, base, site, signal, count, name_bytes,
     data_bytes, _, native, account) = body  # fmt: skip
    data_at = wire.offset_of(ActEvent, "data")
    data = record[data_at : data_at + data_bytes]
    format_at = wire.offset_of(ActEvent, "format")
    first = record[format_at]
    if first in ENCODINGS:  # sys.audit(): the name is a str object's content
        name: str | None = decode_text(data[:name_bytes], first)
        written: str | None = ""
    else:
        name = data[:name_bytes].decode("utf-8", "surrogateescape")
        written = record[format_at : format_at + 32].split(b"\0")[0].decode("latin-1")
    slots = _slots(record, min(count, MAX_ARGUMENTS))
    values = [_VALUES.get(slot[0], _unreadable)(slot, data) for slot in slots]
    arguments = nest_call_values(slots, values) if signal == Signal.CALL else _nest(slots, values)
    if _has_cut_text(slots, data):
        flags |= EventFlag.TRUNCATED
    if first not in ENCODINGS and not format_address:
        written = ""  # what lies there is the format of the event before
    if flags & EventFlag.FORMAT_UNREAD:
        written = None
    elif written:
        arguments = _by_format(written, arguments)
    if flags & EventFlag.NAME_UNREAD:
        name = None
    key = struct.pack("<5QII", account, stack, arguments_hash, name_id, native, signal, 0)
    return Act(image, pid, tid, time_ns, flags, signal, site, key, stack, base, name, name_address, written,
               format_address, arguments)  # fmt: skip


def _slots(record: bytes, count: int) -> list[_Slot]:
    start = wire.offset_of(ActEvent, "arguments")
    return [_ARGUMENT.unpack_from(record, start + index * _ARGUMENT.size) for index in range(count)]


def _nest(slots: list[_Slot], values: list[Any]) -> list[Any]:
    for index, slot in enumerate(slots):
        if slot[1] != NO_PARENT and slot[1] < index and isinstance(values[slot[1]], list):
            values[slot[1]].append(values[index])
    return [
        tuple(value) if slot[0] == ArgumentKind.TUPLE else value
        for value, slot in zip(values, slots, strict=True)
        if slot[1] == NO_PARENT
    ]


def _has_cut_text(slots: list[_Slot], data: bytes) -> bool:
    """Tell whether a wchar_t text was copied without its end: the probe copies a fixed size."""
    return any(slot[0] == ArgumentKind.WIDE_STRING and "\0" not in _wide_text(slot, data) for slot in slots)


def _text1(slot: _Slot, data: bytes) -> str:
    return decode_text(data[slot[2] : slot[2] + slot[4]], 1)


def _text2(slot: _Slot, data: bytes) -> str:
    return decode_text(data[slot[2] : slot[2] + slot[4]], 2)


def _text4(slot: _Slot, data: bytes) -> str:
    return decode_text(data[slot[2] : slot[2] + slot[4]], 4)


def _bytes(slot: _Slot, data: bytes) -> dict[str, str | int]:
    kept: dict[str, str | int] = {**escape_bytes(data[slot[2] : slot[2] + slot[4]])}
    return kept | {"length": slot[3]} if slot[3] > slot[4] else kept


_ESCAPES: Final = {c: f"\\x{c:02x}" for c in range(256) if not 32 <= c < 127 or c == 92}  # noqa: PLR2004


def escape_bytes(content: bytes) -> dict[str, str]:
    r"""Give bytes as JSON: {"bytes": text}, other than printable ASCII as \xNN."""
    return {"bytes": content.decode("latin-1").translate(_ESCAPES)}


def _int(slot: _Slot, data: bytes) -> int | dict[str, object]:
    del data
    if slot[3] & _TOO_WIDE:
        return {"type": "int"}
    return -slot[4] if slot[3] & 1 else slot[4]


def _code(slot: _Slot, data: bytes) -> dict[str, str]:
    content = data[slot[2] : slot[2] + slot[4]]
    width = {ArgumentKind.TEXT1: 1, ArgumentKind.TEXT2: 2, ArgumentKind.TEXT4: 4}.get(ArgumentKind(slot[3]), 1)
    return {"code": decode_text(content, width)}


def _unreadable(slot: _Slot, data: bytes) -> dict[str, bool]:
    del slot, data
    return {"unreadable": True}


def _c_string(slot: _Slot, data: bytes) -> str:
    return data[slot[2] : slot[2] + slot[4]].decode("utf-8", "surrogateescape")


def _wide(slot: _Slot, data: bytes) -> str:
    return _wide_text(slot, data).split("\0")[0]


def _wide_text(slot: _Slot, data: bytes) -> str:
    return data[slot[2] : slot[2] + slot[4]].decode("utf-32-le", "replace")


_VALUES: Final[dict[int, Callable[[_Slot, bytes], Any]]] = {
    ArgumentKind.TEXT1: _text1,
    ArgumentKind.TEXT2: _text2,
    ArgumentKind.TEXT4: _text4,
    ArgumentKind.BYTES: _bytes,
    ArgumentKind.INT: _int,
    ArgumentKind.BIG_INT: lambda _slot, _data: {"type": "int"},
    ArgumentKind.NONE: lambda _slot, _data: None,
    ArgumentKind.NULL: lambda _slot, _data: None,
    ArgumentKind.TUPLE: lambda _slot, _data: [],
    ArgumentKind.LIST: lambda _slot, _data: [],
    ArgumentKind.DICTIONARY: lambda _slot, _data: {},
    ArgumentKind.OTHER: lambda slot, data: {"type": _c_string(slot, data)},
    ArgumentKind.CODE: _code,
    ArgumentKind.FLOAT: lambda slot, _data: _finite(struct.unpack("<d", struct.pack("<Q", slot[4]))[0]),
    ArgumentKind.BOOL: lambda slot, _data: bool(slot[4]),
    ArgumentKind.C_STRING: _c_string,
    ArgumentKind.C_BYTES: _bytes,
    ArgumentKind.RAW: lambda slot, _data: slot[4],
    ArgumentKind.WIDE_STRING: _wide,
}


def _finite(value: float) -> float | str:
    return value if abs(value) != float("inf") and value == value else str(value)  # noqa: PLR0124 - NaN in JSON


_SIGNED: Final = {"i": 32, "b": 8, "h": 16, "l": 64, "L": 64, "n": 64, "p": 32}
_UNSIGNED: Final = {"I": 32, "B": 8, "H": 16, "k": 64, "K": 64}


def _by_format(written: str, values: list[Any]) -> list[Any]:
    """Give C values their types (Py_BuildValue, Doc/c-api/arg.rst); a single tuple is the argument list itself."""
    letters = [match[0] for match in re.finditer(r"[A-Za-z]#?", written)]
    typed: list[Any] = []
    for code, value in zip(letters, values, strict=False):
        if isinstance(value, int) and not isinstance(value, bool):
            typed.append(_c_value(code[0], value))
        elif code[0] == "y" and isinstance(value, str):
            typed.append(escape_bytes(value.encode("utf-8", "surrogateescape")))
        elif code[0] in "sz" and isinstance(value, dict) and "bytes" in value:
            typed.append(value["bytes"])
        else:
            typed.append(value)
    typed += values[len(typed) :]
    is_single = len(typed) == 1 and isinstance(typed[0], tuple)
    return list(typed[0]) if is_single and written in {"O", "N"} else typed


def _c_value(code: str, value: int) -> int | str | dict[str, str]:
    if code == "C":
        return chr(min(value & 0xFFFFFFFF, sys.maxunicode))
    if code == "c":
        return escape_bytes(bytes([value & 0xFF]))
    if code in _SIGNED:
        bits = _SIGNED[code]
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    return value & ((1 << _UNSIGNED[code]) - 1) if code in _UNSIGNED else value


def _decode_stack(record: bytes) -> Stack:
    _, flags, _, _, _, _, image = _HEAD.unpack_from(record)
    stack, count, layout = _STACK.unpack_from(record, _HEAD.size)
    start = wire.offset_of(StackEvent, "frames")
    frames = list(_FRAME.iter_unpack(record[start : start + min(count, MAX_FRAMES) * _FRAME.size]))
    return Stack(image, flags, stack, layout, frames)


def _decode_code(record: bytes) -> Code:
    _, flags, _, _, pid, _, image = _HEAD.unpack_from(record)
    (code, fingerprint, first_line, first_traceable, file_bytes, file_kind, name_kind, name_bytes, table_bytes,
     stored, table_address) = _CODE.unpack_from(record, _HEAD.size)  # fmt: skip
    at = wire.offset_of(CodeEvent, "data")
    file = decode_text(record[at : at + file_bytes], file_kind) if file_kind in ENCODINGS else None
    at += file_bytes
    name = decode_text(record[at : at + name_bytes], name_kind) if name_kind in ENCODINGS else None
    at += name_bytes
    first_line -= (first_line & 0x80000000) << 1
    return Code(image, pid, flags, code, fingerprint, first_line, first_traceable, file, name,
                record[at : at + stored], table_bytes, table_address)  # fmt: skip


def _decode_line_table(record: bytes) -> LineTablePart:
    image = _HEAD.unpack_from(record)[6]
    code, fingerprint, offset, stored, _ = _LINE_TABLE.unpack_from(record, _HEAD.size)
    at = wire.offset_of(LineTableEvent, "data")
    return LineTablePart(image, code, fingerprint, offset, record[at : at + stored])


_DECODERS: Final[dict[int, Callable[[bytes], Record]]] = {
    EventKind.ACT: _decode_act,
    EventKind.STACK: _decode_stack,
    EventKind.CODE: _decode_code,
    EventKind.LINE_TABLE: _decode_line_table,
    EventKind.FORK: decode_fork,
    EventKind.EXEC: decode_exec,
    EventKind.EXIT: decode_exit,
    EventKind.THREAD_START: decode_fork,
    EventKind.THREAD_EXIT: decode_exit,
    EventKind.NATIVE_STACK: decode_native_stack,
    EventKind.SYSCALL_RESULT: decode_result,
    EventKind.SIGNAL_DELIVERY: decode_signal,
    EventKind.FUNCTION: decode_function,
    EventKind.HIT: decode_hit,
    EventKind.PARAMETERS: decode_parameters,
    EventKind.FLOW: FlowRun,
    EventKind.EXIT_HIT: decode_exit_hit,
    EventKind.INSTRUCTION: InstructionRun,
    EventKind.CODE_MEMORY: decode_code_memory,
}
