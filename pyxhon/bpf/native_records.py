"""Decodes what the probes send of system calls and of native stacks."""

import struct
from dataclasses import dataclass
from typing import Final

from pyxhon import wire
from pyxhon.events import (
    MAX_ARGUMENTS,
    ActEvent,
    Argument,
    ArgumentKind,
    Event,
    NativeStackEvent,
    SignalDeliveryEvent,
    SyscallResultEvent,
)

Slot = int | str | bytes | list[str] | None
"""One told argument of a system call, as it was read; None: a null pointer, or unreadable."""

_HEAD = wire.format_of(Event)
_ARGUMENT = wire.format_of(Argument)
_REGISTERS: Final = 17
_STACK: Final = struct.Struct(f"<3Q{_REGISTERS}QII")
_RESULT: Final = struct.Struct("<5QIIqQII")
_SIGNAL: Final = struct.Struct("<QII")
_TEXT: Final = (ArgumentKind.C_STRING,)
_BYTES: Final = (ArgumentKind.C_BYTES, ArgumentKind.ADDRESS)


@dataclass(slots=True)
class SystemCall:
    """The first occurrence of a system call or an io_uring operation.

    `index` is that of its rule, or the operation; `unreadable` are the slots that are missing.
    """

    image: int
    pid: int
    tid: int
    time_ns: int
    flags: int
    index: int
    key: bytes
    signal: int
    stack: int
    native: int
    slots: list[Slot]
    unreadable: list[int]


@dataclass(slots=True)
class NativeStack:
    """Registers in DWARF's order, and the user stack from the stack pointer upwards."""

    image: int
    pid: int
    tid: int
    time_ns: int
    native: int
    stack: int
    registers: tuple[int, ...]
    content: bytes


@dataclass(slots=True)
class SyscallResult:
    """How a system call ended; `slots` are those that could be read only then, by their place."""

    image: int
    pid: int
    tid: int
    time_ns: int
    key: bytes
    result: int
    made: int
    slots: dict[int, Slot]


@dataclass(slots=True)
class SignalDelivery:
    """A signal handler is about to run."""

    image: int
    tid: int
    time_ns: int
    handler: int
    number: int


def decode_call(record: bytes, body: tuple[int, ...]) -> SystemCall:
    """Decode the act of a system call; `body` are the integers between its head and its format."""
    _, flags, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    stack, arguments_hash, name, _, _, _, index, signal, count, _, data_bytes, _, native, account = body
    data_at, start = wire.offset_of(ActEvent, "data"), wire.offset_of(ActEvent, "arguments")
    data = record[data_at : data_at + data_bytes]
    kept = [_ARGUMENT.unpack_from(record, start + at * _ARGUMENT.size) for at in range(min(count, MAX_ARGUMENTS))]
    key = struct.pack("<5QII", account, stack, arguments_hash, name, native, signal, 0)
    slots = [_slot(each, data) for each in kept]
    for slot, each in zip(slots, kept, strict=True):
        parent = slots[each[1]] if each[1] < len(slots) else None
        if isinstance(parent, list) and isinstance(slot, str):
            parent.append(slot)
    own = [at for at, each in enumerate(kept) if each[1] >= len(slots)]
    return SystemCall(
        image, pid, tid, time_ns, flags, index, key, signal, stack, native,
        [slots[at] for at in own],
        [place for place, at in enumerate(own) if kept[at][0] == ArgumentKind.UNREADABLE],
    )  # fmt: skip


def _slot(argument: tuple[int, ...], data: bytes) -> Slot:
    kind, _, offset, _, value = argument
    content = data[offset : offset + value]
    if kind in _TEXT:
        return content.decode("utf-8", "surrogateescape")
    if kind in _BYTES:
        return content
    if kind == ArgumentKind.LIST:
        return []
    if kind == ArgumentKind.FOLDER:
        return [name.decode("utf-8", "surrogateescape") for name in content.split(b"\0")[:-1]]
    return value if kind in (ArgumentKind.RAW, ArgumentKind.LATE) else None


def decode_native_stack(record: bytes) -> NativeStack:
    """Decode a native stack."""
    _, _, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    native, stack, _, *registers, size, _ = _STACK.unpack_from(record, _HEAD.size)
    at = wire.offset_of(NativeStackEvent, "data")
    return NativeStack(image, pid, tid, time_ns, native, stack, tuple(registers), record[at : at + size])


def decode_result(record: bytes) -> SyscallResult:
    """Decode how a system call ended."""
    _, _, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    *key, signal, count, result, made, data_bytes, _ = _RESULT.unpack_from(record, _HEAD.size)
    start, data_at = wire.offset_of(SyscallResultEvent, "arguments"), wire.offset_of(SyscallResultEvent, "data")
    data = record[data_at : data_at + data_bytes]
    slots = {}
    for index in range(min(count, 2)):
        argument = _ARGUMENT.unpack_from(record, start + index * _ARGUMENT.size)
        slots[argument[1]] = _slot(argument, data)
    packed = struct.pack("<5QII", *key, signal, 0)
    return SyscallResult(image, pid, tid, time_ns, packed, result, made, slots)


def decode_signal(record: bytes) -> SignalDelivery:
    """Decode the delivery of a signal."""
    _, _, _, time_ns, _, tid, image = _HEAD.unpack_from(record)
    handler, number, _ = _SIGNAL.unpack_from(record, wire.offset_of(SignalDeliveryEvent, "handler"))
    return SignalDelivery(image, tid, time_ns, handler, number)
