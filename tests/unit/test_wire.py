"""The wire format: one declaration, the same bytes on both sides."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest

from pyxhon import controls, events, wire

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_header_is_what_the_declarations_give():
    done = subprocess.run([sys.executable, "scripts/generate_wire_header.py", "--check"], cwd=ROOT, check=False)

    assert done.returncode == 0, "run scripts/generate_wire_header.py"


@pytest.mark.parametrize("declaration", [*events.STRUCTS, *controls.STRUCTS], ids=lambda d: d.__name__)
def test_a_c_compiler_lays_structs_out_as_python_does(declaration, tmp_path):
    source = tmp_path / "struct.c"
    prelude = "typedef unsigned char u8; typedef unsigned short u16; typedef unsigned u32; typedef unsigned long u64;\n"
    header = (ROOT / "probes" / "wire.h").read_text()

    source.write_text(f"{prelude}{header}\nint size = sizeof(struct {wire.c_name(declaration)});\n")
    done = subprocess.run(["gcc", "-fsyntax-only", str(source)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert wire.size_of(declaration) == wire.format_of(declaration).size


@dataclasses.dataclass
class Gap:
    small: wire.U8
    large: wire.U64


@dataclasses.dataclass
class Tail:
    large: wire.U64
    small: wire.U32


@dataclasses.dataclass
class Untyped:
    number: int


@pytest.mark.parametrize("declaration", [Gap, Tail, Untyped])
def test_a_struct_that_needs_padding_or_a_type_is_refused(declaration):
    with pytest.raises(TypeError):
        wire.fields_of(declaration)


@dataclasses.dataclass
class Whole:
    number: wire.U32
    other: wire.U32
    text: Annotated[bytes, wire.Bytes(8)]


def test_encoding_puts_every_field_at_its_offset():
    encoded = wire.encode(Whole(number=1, other=2, text=b"abc"))

    assert encoded == bytes([1, 0, 0, 0, 2, 0, 0, 0]) + b"abc\0\0\0\0\0"
    assert wire.offset_of(Whole, "text") == 8
