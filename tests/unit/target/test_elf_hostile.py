"""Damaged ELF files give an ElfError or a result: no other error, no endless work."""

import os
import random
import shutil
import struct
import sys
from pathlib import Path

import pytest

from pyxhon.cpython.runtime import holds_cpython, read_version
from pyxhon.cpython.sites import find_sites, library_sites
from pyxhon.errors import ElfError
from pyxhon.target.elf import ElfImage, image_of
from pyxhon.target.markers import read_markers

_SMALL = shutil.which("sleep")
_INTERPRETER = os.path.realpath(sys.executable)
_NASTY = (0, 1, 0x7F, 0x80, 0xFF)


def _open_bytes(content: bytes) -> ElfImage:
    descriptor = os.memfd_create("damaged")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return image_of(descriptor, "damaged")


def _use_all_of(content: bytes) -> None:
    try:
        with _open_bytes(content) as image:
            for name in ("build_id", "soname", "needed", "library_paths", "dynamic_symbols", "symbols"):
                getattr(image, name)
            for value in (0, 0x1000, 1 << 63, (1 << 64) - 1):
                image.pointer_sites(value)
                image.pointer_at(value)
                image.function_range(value)
                image.read_string(value)
                image.symbol_name_at(value)
            read_markers(image)
            library_sites(image)
            if holds_cpython(image):
                find_sites(image, read_version(image) or (3, 12, 0), None)
    except ElfError:
        pass


def _damage(content: bytes, chooser: random.Random) -> bytes:
    damaged = bytearray(content)
    (segments,) = struct.unpack_from("<Q", content, 32)
    (sections,) = struct.unpack_from("<Q", content, 40)
    low, high = chooser.choice(
        [(0, 64), (segments, segments + 700), (sections, sections + 2000), (0, 0x4000), (0, len(content))]
    )
    for _ in range(chooser.choice([1, 3, 40])):
        position = chooser.randrange(low, min(high, len(content)))
        if chooser.random() < 0.5:
            damaged[position] ^= 1 << chooser.randrange(8)
        else:
            damaged[position] = chooser.choice(_NASTY)
    return bytes(damaged)


@pytest.mark.parametrize("seed", range(10))
def test_flipped_bits_are_survived(seed):
    content = Path(_SMALL).read_bytes()
    chooser = random.Random(seed)

    for _ in range(40):
        _use_all_of(_damage(content, chooser))


def test_every_truncation_is_survived():
    content = Path(_SMALL).read_bytes()

    for size in [*range(200), *range(200, len(content), 211)]:
        _use_all_of(content[:size])


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_interpreter_is_survived(seed):
    _use_all_of(_damage(Path(_INTERPRETER).read_bytes(), random.Random(seed)))


def test_code_that_is_all_jumps_is_refused():
    content = bytearray(Path(_SMALL).read_bytes())
    (start,) = struct.unpack_from("<Q", content, 32)
    code = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 1 << 24, 1 << 24, 4096)
    content[start : start + len(code)] = code
    for position in range(start + 56, start + 56 * content[56], 56):
        content[position : position + 4] = bytes(4)
    content += bytes((0xE9,)) * ((1 << 24) - len(content))

    with _open_bytes(bytes(content)) as image, pytest.raises(ElfError, match="too much code"):
        find_sites(image, (3, 12, 0), None)
