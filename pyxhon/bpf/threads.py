"""The registers of a process's threads while they run on: read by a BPF iterator over tasks, nothing is stopped."""

import dataclasses
import errno
import os
import struct
from dataclasses import dataclass
from typing import Final

from pyxhon import wire
from pyxhon.bpf import btf, syscalls
from pyxhon.bpf.compiled import compiled_dump
from pyxhon.controls import ThreadOffsets
from pyxhon.errors import KernelError
from pyxhon.events import ThreadRegisters

_TRACING: Final = 26  # BPF_PROG_TYPE_TRACING
_PROGRAM: Final = "on_task"
_MAP: Final = "thread_offsets"
_RECORD = wire.format_of(ThreadRegisters)
_SAVED: Final = struct.Struct("<21Q")  # struct pt_regs (asm/ptrace.h)
_SAVED_NAMES: Final = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx",
    "rsi", "rdi", "orig_rax", "rip", "cs", "flags", "rsp", "ss",
)  # fmt: skip
_DWARF_NAMES: Final = (
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
)  # fmt: skip
_DWARF_ORDER: Final = tuple(_SAVED_NAMES.index(name) for name in _DWARF_NAMES)
_CODE_SEGMENT: Final = _SAVED_NAMES.index("cs")
_SYSTEM_CALL: Final = _SAVED_NAMES.index("orig_rax")
_USER_MODE: Final = 3
_NO_SYSTEM_CALL: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class ThreadState:
    """A thread at one moment; equal states mean that it has not run in between.

    `own_tid` is its number inside its own PID namespace. `registers` are in DWARF's order, `system_call` the number of
    the call that it is in; both are what was true when it last left user code, and None while it is on a processor.
    """

    tid: int
    own_tid: int
    switch_count: int
    thread_pointer: int
    registers: tuple[int, ...] | None
    system_call: int | None


class ThreadReader:
    """Reads the states of threads. Raises KernelError where the kernel refuses the iterator."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []
        try:
            self._program = self._load()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "ThreadReader":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the program back."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def read(self, pid: int) -> dict[int, ThreadState]:
        """Give the threads of a process by thread id."""
        try:
            content = syscalls.read_iterator(self._program, pid)
        except OSError as error:
            if error.errno == errno.ESRCH:
                return {}
            raise _refusal(error) from None
        size = len(content) // _RECORD.size * _RECORD.size
        states = (_state_of(fields) for fields in _RECORD.iter_unpack(content[:size]) if fields[0] == pid)
        return {state.tid: state for state in states}

    def _load(self) -> int:
        iterator, found = btf.thread_iterator()
        offsets = ThreadOffsets(**{field.name: found[field.name] for field in dataclasses.fields(ThreadOffsets)})
        compiled = compiled_dump()
        shape = compiled.maps[_MAP]
        try:
            chosen = syscalls.create_map(
                shape.kind, (shape.key_bytes, shape.value_bytes, shape.entries), shape.flags, _MAP
            )
            self._descriptors.append(chosen)
            syscalls.update(chosen, bytes(4), wire.encode(offsets))
        except OSError as error:
            raise _refusal(error) from None
        instructions = compiled.programs[_PROGRAM].link({_MAP: chosen})
        program = syscalls.load_program(_TRACING, _PROGRAM, instructions, 0, syscalls.iterator_over(iterator))
        self._descriptors.append(program)
        return program


def _refusal(error: OSError) -> KernelError:
    return KernelError(
        f"the kernel refuses to iterate over threads: {error.strerror}",
        "run as root with CAP_BPF and CAP_PERFMON, on Linux 5.15 or later",
    )


def _state_of(fields: tuple[int, int, int, int, int, int, int, bytes]) -> ThreadState:
    _, tid, own_tid, is_on_processor, voluntary, involuntary, thread_pointer, raw = fields
    saved = _SAVED.unpack(raw)
    is_readable = not is_on_processor and saved[_CODE_SEGMENT] & _USER_MODE == _USER_MODE
    number = saved[_SYSTEM_CALL]
    return ThreadState(
        tid=tid,
        own_tid=own_tid,
        switch_count=voluntary + involuntary,
        thread_pointer=thread_pointer,
        registers=tuple(saved[index] for index in _DWARF_ORDER) if is_readable else None,
        system_call=number if is_readable and number != _NO_SYSTEM_CALL else None,
    )
