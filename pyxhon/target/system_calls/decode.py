"""What the recorder is given of a system call → its arguments by name, and its result. Pure."""

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyxhon.controls import SyscallArgument
from pyxhon.target.system_calls.addresses import show_address
from pyxhon.target.system_calls.constants import show_bits
from pyxhon.target.system_calls.declarations import CallArgument, SystemCall, find_call
from pyxhon.target.system_calls.numbers import bare_name
from pyxhon.target.system_calls.paths import absolute_path
from pyxhon.target.system_calls.shown import show_number, show_words, signed

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_MOST_ERRNO = 4095
_BITS = 1 << 64
_HIGHEST = 1 << 63
_OPEN_HOW = struct.Struct("=QQQ")
_TEMPORARY_FILE = 0o20000000  # __O_TMPFILE, without O_DIRECTORY (asm-generic/fcntl.h)
# Error numbers that never reach a program: the call is begun again or interrupted (include/linux/errno.h).
_KERNEL_ERRORS = {512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 516: "ERESTART_RESTARTBLOCK"}
# Options of prctl whose second argument is a number; of others it is an address, or nothing.
_NUMBER_OPTIONS = (
    "PR_SET_PDEATHSIG", "PR_SET_DUMPABLE", "PR_SET_KEEPCAPS", "PR_SET_SECCOMP", "PR_CAPBSET_READ", "PR_CAPBSET_DROP",
    "PR_SET_TSC", "PR_SET_SECUREBITS", "PR_SET_PTRACER", "PR_SET_CHILD_SUBREAPER", "PR_SET_NO_NEW_PRIVS",
    "PR_SET_THP_DISABLE", "PR_CAP_AMBIENT", "PR_SET_SPECULATION_CTRL", "PR_SET_SYSCALL_USER_DISPATCH", "PR_SET_MM",
    "PR_SET_VMA", "PR_SET_MDWE", "PR_SCHED_CORE",
)  # fmt: skip
_NUMBERS = (SyscallArgument.NUMBER, SyscallArgument.NUMBER32, SyscallArgument.CLONE_ARGUMENTS)
_UNTOLD = (SyscallArgument.HIDDEN, SyscallArgument.LENGTH, SyscallArgument.ABSENT)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the recorder was given of one argument; of a path and of a socket two values, else one."""

    argument: CallArgument
    value: object
    second: object = None  # the names of a path's folder; the peer of a socket
    folder: tuple[str, int] | None = None  # name and value of the descriptor that a path starts from


def decode_arguments(name: str, values: Sequence[object]) -> dict[str, object]:
    """Name and show the arguments of a call from what its `SyscallRule` lets the kernel tell, in its order.

    A path is made absolute where its folder is known, and the descriptor that it started from is then left out. What
    could not be read is `{"unreadable": true}`, as in the arguments of audit events.
    """
    call = find_call(name)
    if call is None:
        return {}
    told = list(_take(call, list(values)))
    may_be_empty = any(
        one.argument.shown == "at_flags" and isinstance(one.value, int) and one.value & _AT_EMPTY_PATH for one in told
    )
    found: dict[str, object] = {}
    for one in told:
        found.update(_show_path(one, may_be_empty=may_be_empty) if _is_path(one) else _show(one))
    if bare_name(name) == "prctl" and found.get("option") not in _NUMBER_OPTIONS:
        found.pop("arg2", None)
    if bare_name(name) in ("open", "openat", "openat2") and not _makes_file(found.get("flags")):
        found.pop("mode", None)  # not looked at
    return found


def decode_result(value: int) -> int | str:
    """Give the result of a call: a number, or the name of the error; `value` is the register, signed or not."""
    if value >= _HIGHEST:
        value -= _BITS
    if not -_MOST_ERRNO <= value < 0:
        return value if value >= 0 else value + _BITS
    return errno.errorcode.get(-value) or _KERNEL_ERRORS.get(-value) or f"E{-value}"


def _take(call: SystemCall, values: list[object]) -> Iterator[_Told]:
    """Give each argument what is told of it; values that are missing are None."""
    folder: tuple[str, int] | None = None

    def take() -> object:
        return values.pop(0) if values else None

    for argument in call.arguments:
        if argument.kind is SyscallArgument.FOLDER:
            folder = (argument.name, _descriptor(take()))
        elif argument.kind is SyscallArgument.PATH:
            yield _Told(argument, take(), take(), folder)
            folder = None
        elif argument.kind is SyscallArgument.SOCKET:
            yield _Told(argument, take(), take())
        elif argument.kind is SyscallArgument.ARGUMENT_LIST:
            if values and (values[0] is None or isinstance(values[0], list)):  # else nothing was given of it
                yield _Told(argument, take())
        elif argument.kind not in _UNTOLD:
            yield _Told(argument, take())


def _is_path(told: _Told) -> bool:
    return told.argument.kind is SyscallArgument.PATH


def _show_path(told: _Told, *, may_be_empty: bool) -> Iterator[tuple[str, object]]:
    name, folders = told.argument.name, told.second
    if not isinstance(told.value, str):
        if told.folder and (told.argument.is_optional or told.folder[1] != _AT_FDCWD):
            yield _show_folder(told.folder)
        if not told.argument.is_optional:
            yield name, {"unreadable": True}
        return
    known = [str(folder) for folder in folders] if isinstance(folders, list) else None
    path = absolute_path(told.value, known) if told.value or may_be_empty else ""  # "" is no file: ENOENT
    if told.folder and not path.startswith("/"):
        yield _show_folder(told.folder)
    yield name, path


def _show_folder(folder: tuple[str, int]) -> tuple[str, object]:
    name, descriptor = folder
    return name, "AT_FDCWD" if descriptor == _AT_FDCWD else descriptor


def _show(told: _Told) -> Iterator[tuple[str, object]]:
    argument, value = told.argument, told.value
    if argument.kind is SyscallArgument.SOCKET:
        yield argument.name, _descriptor(value)
        if isinstance(told.second, bytes):
            yield "addr", show_address(told.second)
    elif value is None or (argument.is_optional and value == b""):
        if not argument.is_optional:
            yield argument.name, {"unreadable": True}
    elif argument.kind is SyscallArgument.OPEN_HOW and isinstance(value, bytes):
        yield from _show_open_how(value)
    else:
        yield argument.name, _show_value(argument, value)


def _show_open_how(data: bytes) -> Iterator[tuple[str, object]]:
    flags, mode, resolve = _OPEN_HOW.unpack(data.ljust(_OPEN_HOW.size, b"\0")[: _OPEN_HOW.size])
    yield "flags", flags
    yield "mode", mode
    yield "resolve", show_bits("resolve", resolve)


def _show_value(argument: CallArgument, value: object) -> object:
    if isinstance(value, bytes):
        return _show_bytes(argument, value)
    return _show_integer(argument, value) if isinstance(value, int) else value


def _show_bytes(argument: CallArgument, value: bytes) -> object:
    if argument.kind in (SyscallArgument.ADDRESS, SyscallArgument.MESSAGE):
        return show_address(value)
    if argument.kind is SyscallArgument.WORDS and argument.shown:
        return show_words(argument.shown, value)
    return value.decode("utf-8", "backslashreplace")


def _show_integer(argument: CallArgument, value: int) -> object:
    if argument.kind is SyscallArgument.DESCRIPTOR:
        return _descriptor(value)
    if argument.kind is SyscallArgument.POINTER:
        return bool(value)
    if argument.kind is SyscallArgument.NUMBER32:
        value &= 0xFFFFFFFF
    return show_number(argument.shown, value) if argument.shown and argument.kind in _NUMBERS else value


def _descriptor(value: object) -> int:
    return signed(value) if isinstance(value, int) else -1


def _makes_file(flags: object) -> bool:
    return not isinstance(flags, int) or bool(flags & (os.O_CREAT | _TEMPORARY_FILE))
