"""Tells the kernel which acts a signal answers at once, by the names that acts are counted under there."""

from collections.abc import Iterable
from typing import Final

from pyxhon.bpf.attach import Probes
from pyxhon.controls import I386_SYSCALLS
from pyxhon.events import NAME_BYTES, EventFlag, Signal
from pyxhon.target.system_calls.numbers import indices_of

_MULTIPLIER: Final = 0x9E3779B97F4A7C15  # mix() of probes/common.bpf.h
_WORD: Final = 1 << 64
_MAP: Final = "denials"
_SENT_SHIFT: Final = 32


class Denials:
    """The names of audit events and system calls that are answered in the kernel."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self._keys: dict[bytes, str] = {}

    def deny(self, events: Iterable[str], calls: Iterable[str], number: int) -> None:
        """Answer each of these with a signal to the process that acts, once its record is in the ring buffer."""
        keys = {key: name for name in events if (key := event_key(self._probes.seed, name))}
        keys |= {key: name for name in calls for key in call_keys(name)}
        for key, name in keys.items():
            self._probes.set_entry(_MAP, key, number.to_bytes(8, "little"))
            self._keys[key] = name

    def sent(self) -> frozenset[str]:
        """Give the names that the kernel has answered."""
        if not self._keys:
            return frozenset()
        keys, values = self._probes.entries_of(_MAP)
        counts = (int.from_bytes(values[at : at + 8], "little") >> _SENT_SHIFT for at in range(0, len(values), 8))
        names = (self._keys.get(keys[at : at + 8]) for at in range(0, len(keys), 8))
        return frozenset(name for name, count in zip(names, counts, strict=True) if name and count)


def event_key(seed: int, name: str) -> bytes | None:
    """Give the hash that a probe makes of an event's name (`hash_name` of audit.bpf.c); None: it is too long."""
    text = name.encode()
    if len(text) >= NAME_BYTES - 4:
        return None
    value = seed
    for at in range(0, len(text), 8):
        value = _mix(value, int.from_bytes(text[at : at + 8], "little"))
    return value.to_bytes(8, "little")


def call_keys(name: str) -> Iterable[bytes]:
    """Give the keys of a system call, for each table that has it (`begin_call` of syscalls.bpf.c)."""
    for index in indices_of(name):
        tables = (EventFlag.IS_I386,) if index >= I386_SYSCALLS else (0, EventFlag.IS_X32)
        for flags in tables:
            yield (int(Signal.SYSCALL) << 32 | int(flags) << 12 | index).to_bytes(8, "little")


def _mix(value: int, word: int) -> int:
    value = (value ^ word) * _MULTIPLIER % _WORD
    return value ^ value >> 29
