"""The nearest function symbol, against nm."""

import random
import re
import shutil
import subprocess

import pytest

from pyxhon.target import symbols
from pyxhon.target.elf import open_image
from pyxhon.target.images import copy_vdso
from pyxhon.target.symbols import SymbolIndex

_PROGRAM = """
static __attribute__((noinline)) int hidden(int number) { return number * 3; }
int main(int count) { return hidden(count); }
"""
_LIBC = "/lib/x86_64-linux-gnu/libc.so.6"


def _functions(path, *options):
    said = subprocess.run(["nm", "-S", "--defined-only", *options, path], capture_output=True, text=True, check=False)
    lines = re.findall(r"^(\w{16}) (\w{16}) [tTwWi] ([^@\n]+)", said.stdout, re.MULTILINE)
    return [(int(start, 16), int(size, 16), name) for start, size, name in lines if int(size, 16)]


def test_exported_functions_are_named_from_their_first_to_their_last_byte():
    functions = _functions(_LIBC, "-D")
    names = {}
    for start, size, name in functions:
        names.setdefault((start, size), set()).add(name)
    with open_image(_LIBC) as image:
        index = SymbolIndex(image)

        for (start, size), known in random.Random(1).sample(sorted(names.items()), 500):
            assert index.name_at(start) in known
            assert index.name_at(start + size - 1) is not None
        assert len(functions) > 1000


def test_static_functions_are_named(tmp_path):
    source = tmp_path / "program.c"
    source.write_text(
        "static __attribute__((noinline)) int hidden(int a) { return a * 3; } int main(int c) { return hidden(c); }"
    )
    subprocess.run(["gcc", "-O1", str(source), "-o", str(tmp_path / "program")], check=True)
    ((start, size, _),) = [one for one in _functions(str(tmp_path / "program")) if one[2] == "hidden"]
    with open_image(str(tmp_path / "program")) as image:
        index = SymbolIndex(image)

        assert index.name_at(start + size - 1) == "hidden"
        assert index.name_at(start + size) != "hidden"


def test_of_several_names_the_plainest_is_given():
    with open_image(_LIBC) as image:
        index = SymbolIndex(image)

        assert index.name_at(image.exported_address("__write")) == "write"


def test_an_address_before_all_functions_has_no_name():
    with open_image(_LIBC) as image:
        assert SymbolIndex(image).name_at(0x10) is None


def test_a_stripped_program_has_no_names():
    with open_image(shutil.which("sleep")) as image:
        assert SymbolIndex(image).name_at(image.function_starts[40]) is None


def test_the_vdso_has_names():
    with copy_vdso() as image:
        assert "gettime" in SymbolIndex(image).name_at(image.exported_address("clock_gettime"))


def test_symbols_without_end_are_cut(monkeypatch):
    monkeypatch.setattr(symbols, "_MAX_SYMBOLS", 50)
    with open_image(_LIBC) as image:
        index = SymbolIndex(image)

        assert index.is_cut
        assert 0 < len(index) <= 50


@pytest.mark.parametrize("limit", [0, -1.0])
def test_a_table_that_takes_too_long_is_cut(monkeypatch, limit):
    monkeypatch.setattr(symbols, "_MAX_SECONDS", limit)
    with open_image(_LIBC) as image:
        index = SymbolIndex(image)

        assert (len(index), index.is_cut) == (0, True)
