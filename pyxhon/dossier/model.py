"""The dossier as data: one shape for the trace, the report and `pyxhon inspect`."""

import dataclasses
import typing
from dataclasses import dataclass
from functools import cache

_MAX_ITEMS = 4096
_MAX_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Dossier:
    """What a DLL file says of itself; null where nobody has looked. docs/dossier.md explains each field."""

    needed: list[str] | None = None
    imports: dict[str, list[str]] | None = None
    raw_syscalls: int | None = None
    writable_code: bool | None = None
    init_functions: int | None = None
    stripped: bool | None = None
    unwind: bool | None = None
    raw_syscall_bytes: int | None = None
    raw_syscall_functions: list[str] | None = None
    init_names: list[str] | None = None
    init_functions_of_compiler: int | None = None
    fini_functions: int | None = None
    executable_stack: bool | None = None
    text_relocations: bool | None = None
    library_paths: list[str] | None = None
    rpath: bool | None = None
    soname: str | None = None
    loader: str | None = None
    python_modules: list[str] | None = None
    imported: int | None = None
    exported: int | None = None
    relro: str | None = None
    bind_now: bool | None = None
    position_independent: bool | None = None
    stack_protector: bool | None = None
    fortified: bool | None = None
    entropy: dict[str, float] | None = None
    packed: bool | None = None
    size: int | None = None
    record: str | None = None
    partial: list[str] | None = None

    def to_json(self) -> dict[str, object]:
        """Give it as plain JSON data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that was looked at; the hash is None where there was too much of it."""

    sha256: str | None
    build_id: str | None
    dossier: Dossier


def dossier_from_json(value: object) -> Dossier:
    """Read a dossier back; what is missing or of another type is null, for the trace may come from anybody."""
    if not isinstance(value, dict):
        return Dossier()
    kinds = _field_kinds()
    known = {name: value[name] for name, kind in kinds.items() if _is_of_kind(value.get(name), kind)}
    return Dossier(**known)


@cache
def _field_kinds() -> dict[str, object]:
    """Give the type of each field, without its None."""
    hints = typing.get_type_hints(Dossier)
    return {field.name: typing.get_args(hints[field.name])[0] for field in dataclasses.fields(Dossier)}


def _is_of_kind(value: object, kind: object) -> bool:
    if typing.get_origin(kind) is list:
        return isinstance(value, list) and len(value) <= _MAX_ITEMS and all(_is_plain(item, str) for item in value)
    if typing.get_origin(kind) is dict:
        inner = typing.get_args(kind)[1]
        is_small = isinstance(value, dict) and len(value) <= _MAX_ITEMS
        return is_small and all(_is_of_kind(item, inner) for item in typing.cast("dict[str, object]", value).values())
    return _is_plain(value, kind)


def _is_plain(value: object, kind: object) -> bool:
    if kind is float:
        return type(value) in (float, int)
    return type(value) is kind and (not isinstance(value, str) or len(value) <= _MAX_CHARACTERS)
