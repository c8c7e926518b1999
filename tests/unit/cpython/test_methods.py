"""Method tables of files that nobody should trust."""

import os
import random
import struct
import time
from pathlib import Path

import pytest

from pyxhon.cpython.methods import find_methods
from pyxhon.errors import ElfError
from pyxhon.target.elf import ElfImage, open_image

_TEXT = 0x1000  # file offset and address of the code, as linked
_DATA = 0x2000


def _program(words: list[int], *, strings: bytes = b"\0name\0") -> bytes:
    """Build a program at a fixed address: a page of code, then data that begins with these words."""
    data = struct.pack(f"<{len(words)}Q", *words)
    text_at, data_at = 0x1000, 0x2000
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 2, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    code = struct.pack("<IIQQQQQQ", 1, 5, text_at, text_at, text_at, 0x1000, 0x1000, 0x1000)
    content = data.ljust(len(data) + -len(data) % 8, b"\0") + strings
    load = struct.pack("<IIQQQQQQ", 1, 6, data_at, data_at, data_at, len(content), len(content), 0x1000)
    return (header + code + load).ljust(text_at, b"\0") + b"\x90" * 0x1000 + content


def _image(content: bytes, tmp_path: Path) -> ElfImage:
    path = tmp_path / "file"
    path.write_bytes(content)
    return open_image(str(path))


def test_an_array_in_a_program_at_a_fixed_address_is_found(tmp_path):
    words = [_DATA + 65, _TEXT + 16, 8, 0, 0, 0, 0, 0]  # {name, function, METH_O, NULL} and the end

    with _image(_program(words), tmp_path) as image:
        found = find_methods(image, "module")

    assert [(each.full_names, each.function, each.convention) for each in found] == [
        (("module.name",), _TEXT + 16, "method_o")
    ]


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, _DATA),  # no name is there
        (1, _DATA + 8),  # no code
        (2, 8 | 4),  # no such convention
        (2, 1 << 32 | 8),  # the padding is not zero
        (3, 12345),  # no text
    ],
)
def test_what_is_no_entry_is_left_out(tmp_path, position, value):
    words = [_DATA + 65, _TEXT + 16, 8, 0, 0, 0, 0, 0]
    words[position] = value

    with _image(_program(words), tmp_path) as image:
        assert find_methods(image) == ()


def test_a_huge_array_is_cut(tmp_path):
    count = 70_000
    words = [_DATA + count * 32 + 1, _TEXT, 8, 0] * count

    with _image(_program(words), tmp_path) as image:
        assert len(find_methods(image)) == 1 << 16


def test_a_chain_of_slots_ends(tmp_path):
    words = [_DATA + 8 * 4096 + 1, _TEXT, 8, 0, 0, 0, 0, 0] + [64, _DATA] * 2044  # Py_tp_methods again and again

    with _image(_program(words), tmp_path) as image:
        start = time.monotonic()
        find_methods(image)

    assert time.monotonic() - start < 5


def test_a_maze_of_pointers_ends(tmp_path):
    """Each of 4000 arrays is pointed to by everything that follows, all of it like slots."""
    arrays = []
    for _ in range(4000):
        arrays += [_DATA + 1, _TEXT, 8, 0, 0, 0, 0, 0]
    name = len(arrays) * 8 + 60_000 * 16 + 1
    words = [_DATA + name if word == _DATA + 1 else word for word in arrays]
    words += [word for index in range(60_000) for word in (64, _DATA + index % 4000 * 64)]

    with _image(_program(words), tmp_path) as image:
        start = time.monotonic()
        found = find_methods(image)

    assert len(found) == 4000
    assert time.monotonic() - start < 10


def test_a_damaged_file_gives_methods_or_none(tmp_path):
    whole = _an_interpreter().read_bytes()
    shuffled = random.Random(9)
    for _ in range(12):
        content = bytearray(whole)
        for _ in range(400):
            at = shuffled.randrange(64, len(content) - 8)
            content[at : at + 8] = shuffled.choice((bytes(8), b"\xff" * 8, os.urandom(8)))
        try:
            with _image(bytes(content), tmp_path) as image:
                start = time.monotonic()
                found = find_methods(image)
                assert time.monotonic() - start < 30
        except ElfError:
            continue
        assert all(isinstance(each.name, str) for each in found)


def _an_interpreter() -> Path:
    """Give a file with many method tables."""
    for pattern in ("lib-dynload/_socket*.so", "lib-dynload/_ctypes.*so"):
        for path in sorted(Path("/usr/lib").glob(f"python3*/{pattern}")):
            return path
    return Path("/usr/bin/python3").resolve()
