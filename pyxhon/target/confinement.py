"""What a program that we start for ourselves may ask of the kernel: to read, to have memory, to end; nothing else.

A seccomp filter (Linux 3.5) as data: classic BPF over struct seccomp_data. What is not allowed is told to be unknown
to the kernel, which libraries are prepared for.
"""

import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

from pyxhon.errors import KernelError
from pyxhon.target.system_calls.numbers import load_numbers

_ALLOWED: Final = """
    read readv pread64 write writev close close_range lseek dup fstat stat lstat newfstatat statx access faccessat
    faccessat2 readlink readlinkat getcwd getdents64 statfs fstatfs fadvise64
    mmap munmap mprotect mremap madvise brk
    arch_prctl set_tid_address set_robust_list rseq futex membarrier sched_yield sched_getaffinity
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    getpid gettid getppid getpgrp getuid geteuid getgid getegid getresuid getresgid getgroups getrlimit getrusage
    uname sysinfo getrandom times time gettimeofday clock_gettime clock_getres nanosleep clock_nanosleep poll ppoll
    select pselect6 execveat exit exit_group
"""
_TO_WRITE: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)
_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_DUPFD_CLOEXEC = 0, 1, 2, 3, 1030
_TCGETS, _FIOCLEX = 0x5401, 0x5451

# struct sock_filter, linux/bpf_common.h: load a word, jump if equal, jump if any bit is set, return.
_LOAD, _IF_EQUAL, _IF_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_AUDIT_ARCH_X86_64 = 0xC000003E
_Instruction = tuple[int, int, int, int]  # code, jump where true, jump where false, value
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16


@dataclass(frozen=True, slots=True)
class _Condition:
    """A call that is allowed with some values of one argument; only the argument's low half is looked at."""

    call: str
    argument: int
    values: tuple[int, ...]
    error: int


_CONDITIONS: Final = (
    _Condition("ioctl", 1, (_TCGETS, _FIOCLEX), errno.ENOTTY),
    _Condition("fcntl", 1, (_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_DUPFD_CLOEXEC), errno.EINVAL),
    _Condition("prlimit64", 0, (0,), errno.EPERM),
)
_OPENS: Final = (("open", 1), ("openat", 2))


def confinement() -> bytes:
    """Give the filter as an array of struct sock_filter. Raises KernelError where it would not be understood."""
    if platform.machine() != "x86_64":
        raise KernelError("programs of this machine cannot be confined", "PyXhon traces x86-64 only")
    program = [
        *_check(_ARCHITECTURE_AT, _IF_EQUAL, (_AUDIT_ARCH_X86_64,), [], _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for name in _ALLOWED.split():
        program += [(_IF_EQUAL, 0, 1, _number_of(name)), (_RETURN, 0, 0, _ALLOW)]
    for condition in _CONDITIONS:
        at = _ARGUMENTS_AT + 8 * condition.argument
        answer = [(_RETURN, 0, 0, _ALLOW)]
        body = _check(at, _IF_EQUAL, condition.values, answer, _REFUSE | condition.error)
        program += [(_IF_EQUAL, 0, len(body), _number_of(condition.call)), *body]
    for name, argument in _OPENS:
        refusal = [(_RETURN, 0, 0, _REFUSE | errno.EROFS)]
        body = _check(_ARGUMENTS_AT + 8 * argument, _IF_ANY, (_TO_WRITE,), refusal, _ALLOW)
        program += [(_IF_EQUAL, 0, len(body), _number_of(name)), *body]
    program.append((_RETURN, 0, 0, _REFUSE | errno.ENOSYS))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


def _check(
    at: int, test: int, values: tuple[int, ...], answer: list[_Instruction], otherwise: int
) -> list[_Instruction]:
    """Load the word at `at`; where a value passes the test go to the answer, which may be to go on, else return."""
    tests = [(test, len(values) - index, 0, value) for index, value in enumerate(values)]
    return [(_LOAD, 0, 0, at), *tests, (_RETURN, 0, 0, otherwise), *answer]


def _number_of(name: str) -> int:
    number = load_numbers()[name][0]
    if number is None:
        raise KeyError(name)
    return number
