"""The format of what crosses the kernel boundary: field types, their C text, encoding and decoding.

A wire struct is a dataclass whose fields are annotated with the types below. Integers are little-endian (the
only byte order of the machines supported) and every field is aligned to its size: a struct that would need
padding is refused, so that C and Python can never disagree about it.
"""

import dataclasses
import enum
import functools
import re
import struct
import typing
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True, slots=True)
class Scalar:
    """An integer: its struct format character and its C type."""

    format: str
    c_type: str

    @property
    def size_bytes(self) -> int:
        """The width of the integer."""
        return struct.calcsize(f"<{self.format}")


@dataclass(frozen=True, slots=True)
class Bytes:
    """Raw bytes of a fixed size."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class Array:
    """A fixed number of wire structs."""

    element: type
    length: int


U8 = Annotated[int, Scalar("B", "u8")]
U16 = Annotated[int, Scalar("H", "u16")]
U32 = Annotated[int, Scalar("I", "u32")]
U64 = Annotated[int, Scalar("Q", "u64")]
S64 = Annotated[int, Scalar("q", "s64")]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a wire struct with its place."""

    name: str
    kind: Scalar | Bytes | Array
    offset: int
    size_bytes: int


@functools.cache
def fields_of(declaration: type) -> tuple[Field, ...]:
    """Lay out a wire struct.

    Raises TypeError for a field that is no wire type or would need padding.
    """
    hints = typing.get_type_hints(declaration, include_extras=True)
    fields, offset = [], 0
    for declared in dataclasses.fields(declaration):
        kind = _kind_of(declaration, declared.name, hints[declared.name])
        size_bytes, alignment = _extent(kind)
        if offset % alignment:
            message = f"{declaration.__name__}.{declared.name} at {offset} needs padding to {alignment}"
            raise TypeError(message)
        fields.append(Field(declared.name, kind, offset, size_bytes))
        offset += size_bytes
    if offset % _alignment(declaration, fields):
        message = f"{declaration.__name__} needs {offset % 8} bytes of padding at its end"
        raise TypeError(message)
    return tuple(fields)


def _kind_of(declaration: type, name: str, hint: object) -> Scalar | Bytes | Array:
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Scalar | Bytes | Array):
            return extra
    message = f"{declaration.__name__}.{name} has no wire type"
    raise TypeError(message)


def _extent(kind: Scalar | Bytes | Array) -> tuple[int, int]:
    if isinstance(kind, Scalar):
        return kind.size_bytes, kind.size_bytes
    if isinstance(kind, Bytes):
        return kind.size_bytes, 1
    inner = fields_of(kind.element)
    return size_of(kind.element) * kind.length, _alignment(kind.element, list(inner))


def _alignment(declaration: type, fields: list[Field]) -> int:
    del declaration
    return max((_extent(field.kind)[1] for field in fields), default=1)


@functools.cache
def size_of(declaration: type) -> int:
    """Give the size of a wire struct in bytes."""
    return sum(field.size_bytes for field in fields_of(declaration))


@functools.cache
def offset_of(declaration: type, name: str) -> int:
    """Give the offset of a field in bytes."""
    return next(field.offset for field in fields_of(declaration) if field.name == name)


@functools.cache
def format_of(declaration: type) -> struct.Struct:
    """Give the `struct` format of a wire struct: nested structs are flat, arrays and bytes are one bytes item."""
    kinds = [(field.kind, field.size_bytes) for field in fields_of(declaration)]
    return struct.Struct("<" + "".join(k.format if isinstance(k, Scalar) else f"{size}s" for k, size in kinds))


def encode(value: Any) -> bytes:
    """Encode a wire struct whose array fields are already bytes."""
    declaration: type = type(value)
    return format_of(declaration).pack(*(getattr(value, field.name) for field in fields_of(declaration)))


def c_name(declaration: type) -> str:
    """Turn AuditEvent into audit_event."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", declaration.__name__).lower()


def c_struct(declaration: type) -> str:
    """Render a wire struct as C with an assertion for its size and for each offset."""
    name = c_name(declaration)
    lines = [f"// {(declaration.__doc__ or '').splitlines()[0]}", f"struct {name} {{"]
    lines.extend(f"\t{_c_field(field)};" for field in fields_of(declaration))
    lines.append("};")
    lines.append(f'_Static_assert(sizeof(struct {name}) == {size_of(declaration)}, "{name}");')
    lines.extend(
        f'_Static_assert(offsetof(struct {name}, {field.name}) == {field.offset}, "{name}.{field.name}");'
        for field in fields_of(declaration)
    )
    return "\n".join(lines) + "\n"


def _c_field(field: Field) -> str:
    if isinstance(field.kind, Scalar):
        return f"{field.kind.c_type} {field.name}"
    if isinstance(field.kind, Bytes):
        return f"u8 {field.name}[{field.kind.size_bytes}]"
    return f"struct {c_name(field.kind.element)} {field.name}[{field.kind.length}]"


def c_enum(declaration: type[enum.IntEnum]) -> str:
    """Render an enumeration as C: EventKind.ACT becomes EVENT_KIND_ACT."""
    name = c_name(declaration)
    lines = [f"// {(declaration.__doc__ or '').splitlines()[0]}", f"enum {name} {{"]
    lines.extend(f"\t{name.upper()}_{member.name} = {member.value}," for member in declaration)
    lines.append("};")
    return "\n".join(lines) + "\n"
