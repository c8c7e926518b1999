"""Arguments of acts as what they mean: numbers of descriptors, processes, local ports and addresses do not count."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from pyxhon.diff.names import is_ephemeral, show_plainly

_PROCESSES: Final = frozenset({"pid", "tid", "tgid", "ppid", "pgid", "pgrp"})
_ADDRESSES: Final = frozenset({"address", "addr", "ip_address", "host", "peer", "hostname", "sockaddr"})
_PORTS: Final = frozenset({"port", "service"})
_LOCAL_HOSTS: Final = ("127.", "localhost", "[::1]", "::1", "0.0.0.0", "[::]", "::")  # noqa: S104 - compared, not bound
_LARGE: Final = 1 << 40
_EPOCH: Final = 1e9
"""Seconds since 1970 that are a time of our days, not a quantity."""
_DEEPEST: Final = 8
_LAST_STANDARD_DESCRIPTOR: Final = 2
_INIT: Final = 1
_EXACT: Final = json.JSONEncoder(sort_keys=True, default=str, ensure_ascii=False)
_FOLDED: Final = json.JSONEncoder(sort_keys=True)

Fold = Callable[[str], str]


def show_exactly(arguments: Mapping[str, object]) -> str:
    """Give arguments as text that is the same for the same arguments, and no noise taken out."""
    return show_plainly(_EXACT.encode(arguments))


def fold_arguments(arguments: Mapping[str, object], fold: Fold) -> str:
    """Give arguments as text that is the same in every run."""
    is_local = any(
        isinstance(value, str) and value.startswith(_LOCAL_HOSTS)
        for name, value in arguments.items()
        if name in _ADDRESSES
    )
    folded = {
        fold(name): _fold_port(value) if name in _PORTS and is_local else _fold_named(name, value, fold)
        for name, value in arguments.items()
    }
    return _FOLDED.encode(folded)


def _fold_port(value: object) -> object:
    text = str(value)
    return "<port>" if text.isascii() and text.isdigit() and len(text) == 5 and is_ephemeral(int(text)) else text  # noqa: PLR2004


def _fold_named(name: str, value: object, fold: Fold) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        if _is_descriptor(name):
            return "<fd>" if value > _LAST_STANDARD_DESCRIPTOR else value
        if name in _PROCESSES:
            return "<pid>" if value > _INIT else value
    return _fold_value(value, fold, 0)


def _fold_value(value: object, fold: Fold, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _fold_number(value)
    if depth >= _DEEPEST:
        return "<deep>"
    if isinstance(value, list | tuple):
        return [_fold_value(each, fold, depth + 1) for each in value]
    if isinstance(value, dict):
        return {fold(str(key)): _fold_value(each, fold, depth + 1) for key, each in value.items()}
    return fold(str(value))


def _fold_number(value: float) -> object:
    if isinstance(value, int):
        return "<large>" if abs(value) >= _LARGE else value
    return "<time>" if abs(value) >= _EPOCH else str(value)


def _is_descriptor(name: str) -> bool:
    return name in {"fd", "descriptor", "path", "file"} or name.endswith(("fd", "_descriptor"))
