"""Decodes what the probes send of the life of processes and threads."""

import struct
from dataclasses import dataclass

from pyxhon import wire
from pyxhon.events import Event, EventKind, ExecEvent, ExitEvent, ForkEvent, Signal

_HEAD = wire.format_of(Event)


def body_format(declaration: type, until: str) -> struct.Struct:
    """Give the format of the integers between the head and the field `until`."""
    parts = ["<"]
    for field in wire.fields_of(declaration)[1:]:
        if field.name == until:
            break
        assert isinstance(field.kind, wire.Scalar)  # noqa: S101 - a fault in events.py
        parts.append(field.kind.format)
    return struct.Struct("".join(parts))


_FORK = body_format(ForkEvent, "")
_EXEC = body_format(ExecEvent, "file")
_EXIT = body_format(ExitEvent, "")


@dataclass(slots=True)
class Fork:
    """A process or, with `is_thread`, a thread began."""

    image: int
    pid: int
    tid: int
    time_ns: int
    parent_image: int
    parent_pid: int
    is_thread: bool
    creator: bytes | None  # the key of the system call that made it
    account: int  # what it counts its acts under; its image, unless the same was done many times before
    has_parents_memory: bool


@dataclass(slots=True)
class Exec:
    """A process runs another program."""

    image: int
    pid: int
    time_ns: int
    previous_image: int
    file: str
    arguments: list[str]
    creator: bytes | None
    account: int  # as that of Fork
    inode: int  # number of the program's file


@dataclass(slots=True)
class Exit:
    """A thread or, with `is_process`, a process ended; status is as wait(2) gives it."""

    image: int
    pid: int
    tid: int
    time_ns: int
    status: int
    is_process: bool


def decode_fork(record: bytes) -> Fork:
    """Decode the beginning of a process or thread."""
    kind, _, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    parent_image, parent_pid, _, account, *call, has_parents_memory, _ = _FORK.unpack_from(record, _HEAD.size)
    is_thread = kind == EventKind.THREAD_START
    return Fork(image, pid, tid, time_ns, parent_image, parent_pid, is_thread, _call_key(call), account,
                bool(has_parents_memory))  # fmt: skip


def _call_key(fields: list[int]) -> bytes | None:
    return struct.pack("<5QII", *fields, Signal.SYSCALL, 0) if any(fields) else None


def decode_exec(record: bytes) -> Exec:
    """Decode an exec."""
    _, _, _, time_ns, pid, _, image = _HEAD.unpack_from(record)
    previous, account, *call, inode, _, stored = _EXEC.unpack_from(record, _HEAD.size)
    file_at, data_at = wire.offset_of(ExecEvent, "file"), wire.offset_of(ExecEvent, "data")
    file = record[file_at:data_at].split(b"\0")[0].decode("utf-8", "surrogateescape")
    arguments = record[data_at : data_at + stored].decode("utf-8", "surrogateescape").split("\0")
    arguments = arguments[:-1] if arguments[-1:] == [""] else arguments
    return Exec(image, pid, time_ns, previous, file, arguments, _call_key(call), account, inode)


def decode_exit(record: bytes) -> Exit:
    """Decode the end of a process or thread."""
    kind, _, _, time_ns, pid, tid, image = _HEAD.unpack_from(record)
    status, _ = _EXIT.unpack_from(record, _HEAD.size)
    return Exit(image, pid, tid, time_ns, status, kind == EventKind.EXIT)
