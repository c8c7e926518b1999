"""How numbers in arguments are shown; `sensitive.txt` names these for each argument."""

import struct
from collections.abc import Callable, Mapping

from pyxhon.target.system_calls.constants import load_constants, show_bits, show_mixed, show_one

_EXIT_SIGNAL = 0xFF  # the low byte of clone's flags
_PERSONA = 0xFF
_SOCKET_TYPE = 0xF
_MAP_TYPE = 0xF
_SIGN = 1 << 31
_FIRST_REAL_TIME_SIGNAL = 34  # SIGRTMIN of glibc, which keeps 32 and 33 for itself


def show_number(shown: str, value: int) -> object:
    """Show a number as a name of `sensitive.txt` says."""
    special = _SPECIAL.get(shown)
    if special:
        return special(value)
    return show_bits(shown, value) if load_constants()[shown].is_bits else show_one(shown, value)


def show_words(shown: str, data: bytes) -> object:
    """Show the beginning of a struct."""
    padded = data.ljust(32, b"\0")[:32]
    return _WORDS[shown](padded)


def is_known(shown: str) -> bool:
    """Tell whether there is a way to show a number or struct by this name."""
    return shown in _SPECIAL or shown in _WORDS or shown in load_constants()


def signed(value: int) -> int:
    """Give the low half of a register as the signed number that C makes of it."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value & _SIGN else value


def _show_clone(value: int) -> object:
    flags = show_bits("clone_bits", value & ~_EXIT_SIGNAL)
    number = value & _EXIT_SIGNAL
    if not number:
        return flags
    return f"{flags}|{_show_signal(number)}" if flags else _show_signal(number)


def _show_signal(value: int) -> object:
    number = signed(value)
    if number >= _FIRST_REAL_TIME_SIGNAL:
        return f"SIGRTMIN+{number - _FIRST_REAL_TIME_SIGNAL}" if number > _FIRST_REAL_TIME_SIGNAL else "SIGRTMIN"
    return show_one("signal", number)


def _show_protection(value: int) -> object:
    return show_bits("prot", value) if value else "PROT_NONE"


def _show_socket_call(value: int) -> object:
    name = show_one("socketcall", value)
    return name.removeprefix("SYS_").lower() if isinstance(name, str) else name


def _show_persona(value: int) -> object:
    bits = show_bits("persona_bits", value & ~_PERSONA)
    kind = value & _PERSONA
    return bits if not kind else f"{bits}|{kind:#x}" if bits else kind


def _show_words32(data: bytes) -> object:
    return list(struct.unpack("=8I", data))


def _show_capabilities(data: bytes) -> object:
    """Show both halves of struct __user_cap_data_struct, which is there twice (capset(2))."""
    low, high = struct.unpack_from("=3I", data), struct.unpack_from("=3I", data, 12)
    names = ("effective", "permitted", "inheritable")
    return {name: hex(first | second << 32) for name, first, second in zip(names, low, high, strict=True)}


def _show_perf_event(data: bytes) -> object:
    """Show type and config of struct perf_event_attr."""
    kind, _size, config = struct.unpack_from("=IIQ", data)
    return {"type": show_one("perf_type", kind), "config": config}


_SPECIAL: Mapping[str, Callable[[int], object]] = {
    "signed": signed,
    "address": hex,
    "signal": _show_signal,
    "clone_flags": _show_clone,
    "persona": _show_persona,
    "prot": _show_protection,
    "socketcall": _show_socket_call,
    "socket_type": lambda value: show_mixed(("socket_kind", _SOCKET_TYPE), "socket_flags", value),
    "map_flags": lambda value: show_mixed(("map_type", _MAP_TYPE), "map_bits", value),
    "prctl_argument": lambda value: value,
}
_WORDS: Mapping[str, Callable[[bytes], object]] = {
    "words32": _show_words32,
    "capabilities": _show_capabilities,
    "perf_event": _show_perf_event,
}
