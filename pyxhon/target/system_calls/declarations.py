"""The sensitive system calls and what their arguments are, from `sensitive.txt`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pyxhon.controls import MAX_SYSCALLS, SyscallArgument, SyscallFlag, SyscallRule
from pyxhon.target.system_calls.numbers import bare_name, indices_of

_DATA = Path(__file__).with_name("sensitive.txt")
_MOST_ARGUMENTS = 6
_FLAGS: Mapping[str, int] = {
    "executable": SyscallFlag.ONLY_EXECUTABLE,
    "socket": SyscallFlag.ONLY_SOCKET,
    "maker": SyscallFlag.IS_MAKER,
    "no_return": SyscallFlag.HAS_NO_RETURN,
    "accepting": SyscallFlag.IS_ACCEPTING,
}
_PLAIN = ("-", "handler")

Mode = Literal["sensitive", "all", "off"]
EventKind = Literal["syscall", "memory", "tamper"]


@dataclass(frozen=True, slots=True)
class CallArgument:
    """One argument: its name in the man page, what it is, and how it is shown."""

    name: str
    kind: SyscallArgument
    shown: str | None  # a name of decode.py; None: as it is
    is_optional: bool  # a null pointer is left out


@dataclass(frozen=True, slots=True)
class SystemCall:
    """A system call that is an event of its own, or installs a signal handler."""

    name: str
    kind: EventKind
    flags: int  # SyscallFlag
    is_handler: bool  # installs the handler of a signal: no event
    arguments: tuple[CallArgument, ...]


@lru_cache(maxsize=1)
def load_calls() -> Mapping[str, SystemCall]:
    """Give all declared calls by name."""
    lines = _DATA.read_text(encoding="ascii").splitlines()
    calls = [_parse(line) for line in lines if line and not line.startswith("#")]
    return {call.name: call for call in calls}


def find_call(name: str) -> SystemCall | None:
    """Give what is declared of a call; its name may have a table, as in `i386:unlink`."""
    calls = load_calls()
    return calls.get(name) or calls.get(bare_name(name))


def rules(mode: Mode) -> dict[int, SyscallRule]:
    """Give the rule of each call that is wanted, by index; `all` counts the others by number, unknown ones, too."""
    found: dict[int, SyscallRule] = {}
    if mode == "off":
        return found
    if mode == "all":
        found = dict.fromkeys(range(MAX_SYSCALLS), _make_rule(SyscallFlag.IS_COUNTED, ()))
    # What is declared for one table goes over what is declared for all.
    for call in sorted(load_calls().values(), key=lambda call: ":" in call.name):
        if not call.is_handler:
            rule = _make_rule(call.flags, tuple(argument.kind for argument in call.arguments))
            found.update(dict.fromkeys(indices_of(call.name), rule))
    return found


@lru_cache(maxsize=1)
def sensitive_names() -> tuple[str, ...]:
    """Give the names of all calls that are events, each once and without table."""
    return tuple(dict.fromkeys(bare_name(call.name) for call in load_calls().values() if not call.is_handler))


def argument_names(name: str, *, with_hidden: bool = False) -> tuple[str, ...]:
    """Give the names by which the arguments of a call are shown, on request of those that never are, too."""
    call = find_call(name)
    return tuple(dict.fromkeys(_shown_names(call, with_hidden=with_hidden))) if call else ()


def _shown_names(call: SystemCall, *, with_hidden: bool) -> Iterator[str]:
    for argument in call.arguments:
        if argument.kind is SyscallArgument.OPEN_HOW:
            yield from ("flags", "mode", "resolve")
        elif argument.kind is SyscallArgument.SOCKET:
            yield from (argument.name, "addr")
        elif with_hidden or argument.kind not in (SyscallArgument.HIDDEN, SyscallArgument.LENGTH):
            yield argument.name


def _make_rule(flags: int, kinds: tuple[SyscallArgument, ...]) -> SyscallRule:
    padded = [int(kind) for kind in kinds] + [int(SyscallArgument.ABSENT)] * (_MOST_ARGUMENTS - len(kinds))
    return SyscallRule(flags, *padded)


def _parse(line: str) -> SystemCall:
    name, kind, flags, *arguments = line.split()
    words = flags.split(",")
    bits = 0 if "handler" in words else int(SyscallFlag.WANTED)
    for word in words:
        if word not in _PLAIN:
            bits |= _FLAGS[word]
    return SystemCall(
        name, _read_kind(kind), bits, "handler" in words, tuple(_parse_argument(one) for one in arguments)
    )


def _read_kind(text: str) -> EventKind:
    kinds: Mapping[str, EventKind] = {"syscall": "syscall", "memory": "memory", "tamper": "tamper"}
    return kinds[text]


def _parse_argument(text: str) -> CallArgument:
    name, _, rest = text.partition(":")
    kind, _, shown = rest.partition("=")
    return CallArgument(name.rstrip("?"), SyscallArgument[kind.upper()], shown or None, name.endswith("?"))
