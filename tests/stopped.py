"""Stops a process of ours and takes what the kernel's side would send of it: registers and stack."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyxhon.target.process import read_memory

STACK_BYTES = 32 << 10
_PTRACE_TRACEME, _PTRACE_SINGLESTEP, _PTRACE_SYSCALL = 0, 9, 24
_PTRACE_GETREGS, _PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT = 12, 17, 0x4206, 0x4207
# struct user_regs_struct, by the names that gdb and sys/user.h give
_USER_NAMES = """
r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs
"""
_DWARF_NAMES = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip"
_USER, _DWARF = _USER_NAMES.split(), _DWARF_NAMES.split()
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_LIBC.ptrace.restype = ctypes.c_long
_WALL = 0x40000000


@dataclass(frozen=True)
class Stopped:
    """A thread that stands still: 17 registers in DWARF's order and the stack from rsp upwards."""

    pid: int
    tid: int
    registers: tuple[int, ...]
    stack: bytes

    def word(self, address: int) -> int | None:
        """A word of memory outside of the stack's copy."""
        content = read_memory(self.pid, address, 8)
        return None if content is None else int.from_bytes(content, "little")


@contextmanager
def stopped(pid: int, tid: int | None = None) -> Iterator[Stopped]:
    """Keep a process stopped by SIGSTOP while the block runs; other tracers may attach in it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        registers = _read_registers(tid or pid)
        yield Stopped(pid, tid or pid, registers, read_stack(pid, registers[7]))
    finally:
        os.kill(pid, signal.SIGCONT)


def read_stack(pid: int, start: int, limit: int = STACK_BYTES) -> bytes:
    """Copy the stack page by page, as the probe does."""
    content = b""
    while len(content) < limit:
        at = start + len(content)
        piece = read_memory(pid, at, min(4096 - at % 4096, limit - len(content)))
        if piece is None:
            break
        content += piece
    return content


def _ptrace(request: int, tid: int, data: object = None) -> None:
    if _LIBC.ptrace(request, tid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


def _read_registers(tid: int) -> tuple[int, ...]:
    user = (ctypes.c_uint64 * len(_USER))()
    _ptrace(_PTRACE_SEIZE, tid)
    _ptrace(_PTRACE_INTERRUPT, tid)
    os.waitpid(tid, _WALL)
    _ptrace(_PTRACE_GETREGS, tid, ctypes.addressof(user))
    _ptrace(_PTRACE_DETACH, tid)
    values = dict(zip(_USER, user, strict=True))
    return tuple(values[name] for name in _DWARF)


_GDB = """
set pagination off
set debuginfod enabled off
set backtrace past-main on
set backtrace past-entry on
python
for thread in gdb.selected_inferior().threads():
    if thread.ptid[1] == %d:
        thread.switch()
frame = gdb.newest_frame()
while frame is not None:
    if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
        print("FRAME %%x" %% frame.pc())
    frame = frame.older()
end
"""


def gdb_addresses(pid: int, tid: int | None = None) -> list[int]:
    """The addresses of gdb's backtrace, innermost first, inlined functions and inferred tail calls left out."""
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as script:
        script.write(_GDB % (tid or pid))
        script.flush()
        command = ["gdb", "-nx", "-batch", "-p", str(pid), "-x", script.name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return [int(word, 16) for word in re.findall(r"^FRAME (\w+)", done.stdout, re.MULTILINE)]


def wait_until_blocked(pid: int, limit_s: float = 30.0) -> None:
    """Wait until a process sleeps in a system call."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        if said.rpartition(")")[2].split()[0] == "S":
            return
        time.sleep(0.005)


class Traced:
    """A program under ptrace from its first instruction: its system calls are seen as the tracepoint sees them."""

    def __init__(self, command: list[str]) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            _LIBC.ptrace(_PTRACE_TRACEME, 0, None, None)
            os.execv(command[0], command)
        os.waitpid(self.pid, 0)
        self._user = (ctypes.c_uint64 * len(_USER))()

    def __enter__(self) -> "Traced":
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, _WALL)

    def go_to_call(self, *numbers: int) -> Stopped:
        """Let it run until it enters one of these system calls."""
        while True:
            _ptrace(_PTRACE_SYSCALL, self.pid)
            os.waitpid(self.pid, _WALL)
            values = self._registers()
            if values["orig_rax"] in numbers and values["rax"] == (-38) & (1 << 64) - 1:
                return self._stopped(values)

    def step(self) -> Stopped:
        """Run one instruction."""
        _ptrace(_PTRACE_SINGLESTEP, self.pid)
        os.waitpid(self.pid, _WALL)
        return self._stopped(self._registers())

    def _registers(self) -> dict[str, int]:
        _ptrace(_PTRACE_GETREGS, self.pid, ctypes.addressof(self._user))
        return dict(zip(_USER, self._user, strict=True))

    def _stopped(self, values: dict[str, int]) -> Stopped:
        registers = tuple(values[name] for name in _DWARF)
        return Stopped(self.pid, self.pid, registers, read_stack(self.pid, values["rsp"]))
