"""Where a needed library is found, against what the program loader says."""

import os
import re
import struct
import subprocess
import sys

import pytest

from pyxhon.target.elf import open_image
from pyxhon.target.libraries import find_library
from pyxhon.target.root import TargetRoot

_PROGRAM = os.path.realpath(sys.executable)


@pytest.fixture
def image():
    with open_image(_PROGRAM) as image:
        yield image


def test_libraries_are_those_of_the_loader(image):
    listed = subprocess.run(["ldd", _PROGRAM], capture_output=True, text=True, check=True).stdout
    expected = dict(re.findall(r"^\s*(\S+) => (\S+)", listed, re.MULTILINE))

    found = {name: find_library(image, name, {}) for name in image.needed}

    assert {name: os.path.realpath(path) for name, path in found.items()} == {
        name: os.path.realpath(expected[name]) for name in found
    }


def test_the_environment_comes_before_the_defaults(image, tmp_path):
    (tmp_path / "libc.so.6").touch()

    assert find_library(image, "libc.so.6", {"LD_LIBRARY_PATH": f"/nothing:{tmp_path}"}) == str(tmp_path / "libc.so.6")


def test_in_another_tree_the_files_of_that_tree_count(image, tmp_path):
    (tmp_path / "inner/bin").mkdir(parents=True)
    (tmp_path / "inner/lib").mkdir()
    (tmp_path / "inner/lib/libc.so.6").touch()
    (tmp_path / "link").symlink_to("/inner")

    with TargetRoot(os.open(tmp_path, os.O_PATH | os.O_DIRECTORY), None) as root:
        tree = root, "/inner/bin/program"
        assert find_library(image, "libc.so.6", {}, tree) is None
        assert find_library(image, "libc.so.6", {"LD_LIBRARY_PATH": "$ORIGIN/../lib"}, tree) == (
            "/inner/bin/../lib/libc.so.6"
        )
        assert find_library(image, "/link/lib/libc.so.6", {}, tree) == "/link/lib/libc.so.6"
        assert find_library(image, os.path.realpath(sys.executable), {}, tree) is None


def cache_of(names):
    """Make a loader's cache that names a file that is not there for each of these libraries."""
    strings, entries = b"", b""
    for name in names:
        at = 48 + 24 * len(names) + len(strings)
        strings += name.encode() + b"\0/nowhere/" + name.encode() + b"\0"
        entries += struct.pack("<iIIIQ", 0, at, at + len(name) + 1, 0, 0)
    return b"glibc-ld.so.cache1.1" + struct.pack("<II", len(names), len(strings)) + bytes(20) + entries + strings


@pytest.mark.parametrize("count", [1, 20000, 60000])
def test_a_cache_that_names_a_library_time_and_again_finds_none(count, image, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/libx.so").touch()
    (tmp_path / "etc/ld.so.cache").write_bytes(cache_of(["libx.so"] * count))

    with TargetRoot(os.open(tmp_path, os.O_PATH | os.O_DIRECTORY), None) as root:
        assert find_library(image, "libx.so", {}, (root, "/program")) == "/lib/libx.so"
        assert find_library(image, "liby.so", {}, (root, "/program")) is None


def test_a_library_that_is_nowhere_is_none(image):
    assert find_library(image, "libnothing.so.1", {}) is None
    assert find_library(image, "/nothing/libnothing.so.1", {}) is None
