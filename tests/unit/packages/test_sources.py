"""Which functions sources define: as code objects have them, also where the source is hostile."""

import io
import struct
import types
from pathlib import Path

import pytest

from pyxhon.packages import definitions
from pyxhon.packages.definitions import MAX_FUNCTIONS, list_functions, serve
from pyxhon.packages.sources import Sources
from pyxhon.target.root import open_own_root

SOURCE = b"""
import functools

def plain(): pass

@functools.wraps(
    plain)
async def decorated():
    def inner(): pass
    class Local:
        def method(self): pass

class Outer:
    class Inner:
        @property
        def value(self): return [lambda: 1 for _ in ()]

if True:
    def conditional(): pass
else:
    def other(): pass
try:
    def tried(): pass
except ValueError:
    def handled(): pass
finally:
    def ended(): pass
match 1:
    case 1:
        def matched(): pass
for _ in ():
    with open("/") as _:
        def looped(): pass
"""


def codes_of(code):
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            if inner.co_flags & 0x2:  # CO_NEWLOCALS: no class body
                yield inner.co_firstlineno, getattr(inner, "co_qualname", inner.co_name)
            yield from codes_of(inner)


@pytest.fixture
def root():
    with open_own_root() as opened:
        yield opened


@pytest.fixture
def sources():
    with Sources() as opened:
        yield opened


def test_functions_have_the_lines_and_names_of_code_objects():
    expected = [each for each in codes_of(compile(SOURCE, "x", "exec")) if not each[1].endswith(">")]

    found = list_functions(SOURCE)

    assert [(line, name.rpartition(".")[2]) for line, name in found] == sorted(
        (line, name.rpartition(".")[2]) for line, name in expected
    )
    assert (8, "decorated") not in found
    assert {(6, "decorated"), (9, "decorated.<locals>.inner"), (15, "Outer.Inner.value")} <= set(found)


@pytest.mark.parametrize(
    "source", [b"def", b"\0", b"x = '\xff'", b"# coding: none-such\n", b"(" * 5000, b"-" * 100_000 + b"1"]
)
def test_what_cannot_be_parsed_says_so(source):
    assert "cannot be parsed" in list_functions(source)


def test_more_functions_than_anybody_writes_are_not_listed():
    assert "more than 20000" in list_functions(b"def f():0\n" * (MAX_FUNCTIONS + 1))


def test_sources_are_answered_one_by_one():
    answers = io.BytesIO()

    serve(io.BytesIO(b"".join(struct.pack("=I", len(each)) + each for each in (b"def f(): 0", b"def"))), answers)

    assert answers.getvalue().splitlines() == [b'[[1, "f"]]', b'"its source cannot be parsed: SyntaxError"']


def test_a_file_is_parsed_by_a_process_of_its_own(root, sources, tmp_path):
    (tmp_path / "a.py").write_bytes(SOURCE)
    (tmp_path / "b.py").write_text("def f(): pass")

    assert sources.list_functions(root, str(tmp_path / "a.py")) == list_functions(SOURCE)
    assert sources.list_functions(root, str(tmp_path / "b.py")) == [(1, "f")]
    assert "no such file" in sources.list_functions(root, str(tmp_path / "c.py"))


def test_a_parser_that_dies_is_started_again_but_not_for_ever(root, tmp_path, monkeypatch):
    monkeypatch.setattr("pyxhon.packages.sources._PROGRAM", tmp_path / "dies.py")
    (tmp_path / "dies.py").write_text("import os, sys; sys.stdin.buffer.read(4); os.abort()")
    (tmp_path / "a.py").write_text("def f(): pass")

    with Sources() as sources:
        said = [sources.list_functions(root, str(tmp_path / "a.py")) for _ in range(6)]

    assert said == ["its source is too much for the parser"] * 4 + ["no time left"] * 2


def test_a_parser_that_never_answers_is_given_up(root, tmp_path, monkeypatch):
    monkeypatch.setattr("pyxhon.packages.sources._PROGRAM", tmp_path / "waits.py")
    monkeypatch.setattr("pyxhon.dossier.budget.FILE_SECONDS", 0.2)
    (tmp_path / "waits.py").write_text("import time; time.sleep(60)")
    (tmp_path / "a.py").write_text("def f(): pass")

    with Sources() as sources:
        assert sources.list_functions(root, str(tmp_path / "a.py")) == "its source is too much for the parser"


def test_a_source_of_many_values_is_parsed(root, sources, tmp_path):
    (tmp_path / "a.py").write_bytes(b"x = [" + b"0," * (1 << 16) + b"]\n")

    assert sources.list_functions(root, str(tmp_path / "a.py")) == []


def test_the_parser_is_a_program_without_anything_of_ours():
    text = Path(definitions.__file__).read_text()

    assert "pyxhon" not in text
