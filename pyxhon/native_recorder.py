"""Records system calls, what they made, and the native stacks they came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pyxhon.act_counts import account_of
from pyxhon.bpf.life_records import Exec, Fork
from pyxhon.bpf.native_records import SignalDelivery, SyscallResult, SystemCall
from pyxhon.bpf.operations import find_operation
from pyxhon.events import EventFlag, Signal
from pyxhon.losses import Losses
from pyxhon.native_stacks import NativeStacks
from pyxhon.pending_events import PendingEvents
from pyxhon.process_images import Image
from pyxhon.target.system_calls.addresses import show_address
from pyxhon.target.system_calls.classify import event_kind
from pyxhon.target.system_calls.decode import decode_arguments, decode_result
from pyxhon.target.system_calls.numbers import describe
from pyxhon.target.system_calls.paths import absolute_path
from pyxhon.trace.rows import EventRow
from pyxhon.trace.store import Store

_MAX_CALLS: Final = 1 << 14  # of one account
_MAX_SHARED: Final = 1 << 10
_MOST_HANDLERS: Final = 1 << 16
_EXECUTIONS: Final = frozenset({"execve", "execveat"})
_PROTECTIONS: Final = frozenset({"mprotect", "pkey_mprotect"})
_MADE_BY_RESULT: Final = {"memfd_create": "memfd", "io_uring_setup": "ring", "mmap": "anonymous"}
_SOURCES: Final = {Signal.SYSCALL: "raw tracepoint sys_enter", Signal.IO_URING: "raw tracepoint io_uring_submit_req"}


@dataclass(slots=True)
class _Call:
    """A system call in the trace; its slots as long as some of them may still come."""

    key: bytes
    event: int
    name: str
    arguments: dict[str, Any]
    first: Any = None  # its first slot
    slots: list[Any] = field(default_factory=list)


class NativeRecorder:
    """Writes what the probes send of system calls."""

    def __init__(self, store: Store, stacks: NativeStacks, pending: PendingEvents, coverage: dict[str, str]) -> None:
        self.coverage = coverage
        self._store = store
        self.stacks = stacks
        self._pending = pending
        self._calls: dict[int, dict[bytes, _Call]] = {}  # by account; the last of each key
        self._shared: dict[int, None] = {}  # accounts of several images, the eldest first
        self._last: dict[tuple[int, int], _Call] = {}  # by image and thread
        self._handlers: set[tuple[int, int, int]] = set()  # of signals: process, number, address

    def take_call(self, call: SystemCall, image: Image) -> EventRow:
        """Give the event of a system call or operation."""
        name, slots = _name(call), list(call.slots)
        arguments = _arguments(call, name, slots)
        row = EventRow(
            id=self._store.next_event_id(),
            process=image.process,
            tid=call.tid,
            kind="io_uring" if call.signal == Signal.IO_URING else event_kind(name, arguments),
            name=name,
            arguments=arguments,
            result=None,
            python_stack=image.code.stacks.get(call.stack),
            native_stack=self.stacks.find(image, call.stack, call.native) if call.native else None,
            count=1,
            failed=0,
            first_ns=call.time_ns,
            last_ns=call.time_ns,
            signal=_SOURCES[Signal(call.signal)],
            is_truncated=bool(call.flags & (EventFlag.TRUNCATED | EventFlag.MERGED)),
        )
        known = _Call(call.key, row.id, name, arguments, slots[0] if slots else None, slots if call.unreadable else [])
        self._keep(call, known)
        self._pending.add(row)
        return row

    def _keep(self, call: SystemCall, known: _Call) -> None:
        """Keep a call for what it makes later; a flood pushes out the eldest."""
        account = account_of(call.key)
        if account != call.image:
            self._shared[account] = None
            if len(self._shared) > _MAX_SHARED:
                eldest = next(iter(self._shared))
                del self._shared[eldest], self._calls[eldest]
        calls = self._calls.setdefault(account, {})
        calls[call.key] = known
        if len(calls) > _MAX_CALLS:
            del calls[next(iter(calls))]
        if call.signal == Signal.SYSCALL:
            self._last[call.image, call.tid] = known

    def take_result(self, record: SyscallResult, image: Image) -> None:
        """Set how a call ended, and note what it made."""
        last = self._last.get((record.image, record.tid))
        if last is not None and last.key == record.key:
            del self._last[record.image, record.tid]
        else:  # the result of an earlier call was lost
            last = None
        call = last or self._find(record.key)
        if call is None:
            return
        result = decode_result(record.result)
        arguments = None
        if record.slots and call.slots:
            for slot, value in record.slots.items():
                if slot < len(call.slots):
                    call.slots[slot] = value
            arguments = decode_arguments(call.name, call.slots)
        if last is not None:
            address = call.first if call.name in _PROTECTIONS else result if call.name == "mmap" else None
            if isinstance(address, int) and isinstance(result, int):
                arguments = self._name_file(call, address, record, image)
            self._pending.amend(call.event, result, arguments)
        if isinstance(result, int):
            self._note_made(record, call, result, image)

    def _find(self, key: bytes) -> _Call | None:
        return self._calls.get(account_of(key), {}).get(key)

    def _name_file(self, call: _Call, address: int, record: SyscallResult, image: Image) -> dict[str, Any] | None:
        """Give the arguments of an mmap or mprotect with the file whose code it is, as the mapping itself tells."""
        path = self.stacks.path_at(address, record.time_ns, image)
        return None if path is None else call.arguments | {"path": path}

    def _note_made(self, record: SyscallResult, call: _Call, result: int, image: Image) -> None:
        name = call.name.rpartition(":")[2]
        kind = _MADE_BY_RESULT.get(name)
        if name in _PROTECTIONS:
            kind, result = "anonymous", call.first if isinstance(call.first, int) else 0
        if kind is not None:
            subject = f"{record.made:x}" if kind == "ring" else f"{result:x}" if kind == "anonymous" else str(result)
            self._store.add_provenance(image.process, (kind, subject), call.event, record.time_ns)

    def take_creation(self, fork: Fork, process: int, tid: int) -> None:
        """Note which call made a thread or a process."""
        call = self._find(fork.creator) if fork.creator else None
        if call is None:
            return
        self._store.set_creator(process, tid, call.event)
        kind = "thread" if fork.is_thread else "process"
        self._store.add_provenance(process, (kind, str(tid)), call.event, fork.time_ns)

    def take_execution(self, record: Exec, process: int) -> None:
        """Note which call began a program; to be called before the image that called has ended."""
        call = self._find(record.creator) if record.creator else None
        if call is not None and call.name.rpartition(":")[2] in _EXECUTIONS:  # not what the first thread was in
            self._store.add_provenance(process, ("program", str(record.pid)), call.event, record.time_ns)

    def take_signal(self, record: SignalDelivery, image: Image) -> None:
        """Note where a signal handler lies that ran; the probes may tell one again."""
        key = (image.process, record.number, record.handler)
        if key in self._handlers:
            return
        if len(self._handlers) < _MOST_HANDLERS:
            self._handlers.add(key)
        found = self.stacks.find_object(record.handler, record.time_ns, image)
        self._store.add_signal_handler(
            (image.process, record.tid, record.number, record.handler), found, record.time_ns
        )

    def write_counts(self, counts: Iterable[tuple[int, int, int]], processes: Mapping[int, int]) -> None:
        """Write (image, index, count) of calls that are no events; index 0 to MAX_SYSCALLS."""
        rows = []
        for number, index, count in counts:
            process = processes.get(number)
            if process:
                rows.append((process, describe(index), count))
        self._store.set_syscall_counts(rows)

    def losses(self) -> Losses:
        """Give what is missing."""
        return self.stacks.losses()

    def end(self, image: Image, time_ns: int, *, has_successor: bool) -> None:
        """Forget the calls of an image that ended."""
        self._calls.pop(image.number, None)
        for key in [key for key, _ in self._last.items() if key[0] == image.number]:
            del self._last[key]
        self.stacks.end(image, time_ns, has_successor=has_successor)


def _name(call: SystemCall) -> str:
    if call.signal == Signal.IO_URING:
        operation = find_operation(call.index)
        return operation.name if operation else f"operation_{call.index}"
    return describe(call.index, call.flags)


def _arguments(call: SystemCall, name: str, slots: list[Any]) -> dict[str, Any]:
    if call.signal != Signal.IO_URING:
        return decode_arguments(name, slots)
    ring, descriptor, *rest = [*slots, None, None][: max(len(slots), 2)]
    operation = find_operation(call.index)
    found: dict[str, Any] = {"ring": f"{ring or 0:x}", "fd": descriptor}
    if operation and operation.has_peer:
        found["addr"] = show_address(rest[0]) if isinstance(rest[0], bytes) else None
        rest = rest[1:]
    for label, at in zip(operation.path_names if operation else (), (0, 2), strict=False):
        if len(rest) > at + 1 and isinstance(rest[at], str):
            folder = rest[at + 1] if isinstance(rest[at + 1], list) else None
            found[label] = rest[at] if label == "target" else absolute_path(rest[at], folder)
    if operation and operation.has_address:
        found["addr"] = show_address(rest[4]) if len(rest) > 4 and isinstance(rest[4], bytes) else None  # noqa: PLR2004
    return {label: value for label, value in found.items() if value is not None}
