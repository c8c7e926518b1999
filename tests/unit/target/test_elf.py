"""The ELF reader, against binutils on files of this machine."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.errors import ElfError
from pyxhon.target.elf import open_image

_FILES = [
    os.path.realpath(sys.executable),
    shutil.which("sleep"),
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libm.so.6",
]
every_file = pytest.mark.parametrize("path", _FILES, ids=os.path.basename)


def _readelf(*arguments: str) -> str:
    return subprocess.run(["readelf", "-W", *arguments], capture_output=True, text=True, check=False).stdout


@every_file
def test_build_id_is_that_of_readelf(path):
    expected = re.search(r"Build ID: (\w+)", _readelf("-n", path))[1]

    with open_image(path) as image:
        assert image.build_id == expected


@every_file
def test_exported_symbols_are_those_of_readelf(path):
    lines = [line.split() for line in _readelf("--dyn-syms", path).splitlines()]
    expected = {
        (fields[7].split("@")[0], int(fields[1], 16))
        for fields in lines
        if len(fields) > 7 and fields[0].rstrip(":").isdigit() and fields[6] != "UND"
    }

    with open_image(path) as image:
        found = {(entry.name, entry.symbol.value) for entry in image.dynamic_table if entry.is_defined}

    assert found == expected


@every_file
def test_relative_relocations_are_those_of_readelf(path):
    output = _readelf("-r", path)
    expected = {
        int(site, 16): int(value, 16)
        for site, value in re.findall(r"^(\w{16})  \w{16} R_X86_64_RELATIVE +(\w+)", output, re.MULTILINE)
    }

    with open_image(path) as image:
        found = {site: image.pointer_at(site) for site in expected}
        back = all(site in image.pointer_sites(value) for site, value in list(expected.items())[:200])

    assert found == expected
    assert back


@every_file
def test_needed_libraries_are_those_of_readelf(path):
    expected = re.findall(r"\(NEEDED\) +Shared library: \[(.+)\]", _readelf("-d", path))

    with open_image(path) as image:
        assert list(image.needed) == expected


@every_file
def test_function_starts_are_those_of_the_frame_descriptions(path):
    frames = _readelf("--debug-dump=frames", path)
    expected = {int(start, 16) for start in re.findall(r" FDE cie=\w+ pc=(\w+)\.\.", frames)}

    with open_image(path) as image:
        assert set(image.function_starts) == expected


def test_packed_relocations_are_pointers():
    with open_image("/lib/x86_64-linux-gnu/libc.so.6") as image:
        packed = image.relocations.relr
        values = [image.pointer_at(site) for site in packed]

        assert all(image.segment_of(value) or value for value in values)
        assert all(site in image.pointer_sites(value) for site, value in list(zip(packed, values, strict=True))[:50])


def test_reads_end_at_the_end_of_a_segment():
    with open_image(_FILES[1]) as image:
        last = image.loads[0].address + image.loads[0].file_size

        assert image.read(last - 4, 4) is not None
        assert image.read(last - 4, 5) is None
        assert len(image.read_upto(last - 4, 100)) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an ELF file"),
        (b"#!/bin/sh\n" + bytes(100), "is not an ELF file"),
        (b"\x7fELF\x01\x01" + bytes(100), "not for x86-64"),
        (b"\x7fELF\x02\x02" + bytes(100), "not for x86-64"),
    ],
    ids=["empty", "script", "32-bit", "big-endian"],
)
def test_another_kind_of_file_is_refused(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(ElfError, match=message):
        open_image(str(path))


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ElfError, match="is not a regular file"):
        open_image(str(tmp_path / "pipe"))


def test_overlapping_segments_are_refused(tmp_path):
    content = bytearray(Path(_FILES[1]).read_bytes())
    start = int.from_bytes(content[32:40], "little")
    for number in range(content[56]):
        content[start + 56 * number : start + 56 * number + 4] = (1).to_bytes(4, "little")
        content[start + 56 * number + 8 : start + 56 * number + 16] = bytes(8)
        content[start + 56 * number + 32 : start + 56 * number + 40] = len(content).to_bytes(8, "little")
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(ElfError, match="overlap"):
        open_image(str(tmp_path / "file"))


def test_imports_of_a_dll_without_exports_are_read(tmp_path):
    code = tmp_path / "quiet.c"
    code.write_text('#include <unistd.h>\n__attribute__((constructor)) static void run(void) { unlink("x"); }')
    path = tmp_path / "quiet.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,--hash-style=gnu", "-o", path, code], check=True)

    with open_image(str(path)) as image:
        assert "unlink" in {entry.name for entry in image.dynamic_table if not entry.is_defined}
