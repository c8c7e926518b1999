"""Qualified names found in sources are those that CPython gives its code objects."""

import ast
import sysconfig
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.cpython.source_names import read_qualified_names

_LIBRARY = Path(sysconfig.get_path("stdlib"))
_MODULES = ["argparse", "dataclasses", "enum", "functools", "inspect", "socket", "subprocess", "typing", "_pydecimal"]


def names_by_parser(source):
    """What the parser says, by the rules of `compiler_set_qualname`, without `global`."""
    found = {}

    def visit(node, around):
        for child in ast.iter_child_nodes(node):
            name = around
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
                qualified = f"{around}.{child.name}" if around else child.name
                found[first, child.name] = qualified
                name = qualified if isinstance(child, ast.ClassDef) else f"{qualified}.<locals>"
            visit(child, name)

    visit(ast.parse(source), "")
    return found


@pytest.mark.parametrize("module", _MODULES)
def test_names_are_those_that_the_parser_finds(module):
    source = (_LIBRARY / f"{module}.py").read_text(encoding="utf-8")

    assert read_qualified_names(source) == names_by_parser(source)


TRICKS = '''
"""class Text:
def hidden(): pass
"""
class Outer(
    object
):
    x = """
def hidden(): pass
\\\\""" ; y = "\\\\\\""
    def method(self, a=(1,
# class Comment:
b"def no(): ", '#')): return {
    "def": 1}
    if True:
        def deep(self): pass
    @decorated(
        "x")
    @again
    async def late(self):
        class Local: pass
        def inner(): return f"{self!r:>{10}}" 'it''s'
        return inner
    s = "a\\
def continued(): pass"
def after(): x = \\
    1
class Tabs:
\tdef tabbed(self):
\t\tpass
@one
## "a" # 'b \\
# between
@two
class Last: z = 1
'''


def test_strings_brackets_comments_and_continued_lines_hide_nothing_and_show_nothing():
    assert read_qualified_names(TRICKS) == names_by_parser(TRICKS)
    assert set(read_qualified_names(TRICKS).values()) == {
        "Outer", "Outer.method", "Outer.deep", "Tabs", "Tabs.tabbed", "Outer.late", "Outer.late.<locals>.Local",
        "Outer.late.<locals>.inner", "after", "Last",
    }  # fmt: skip


def test_a_global_name_is_made_outside():
    source = "def f():\n    global g, H\n    def g():\n        def i(): pass\n    class H: pass\n    def j(): pass\n"

    assert list(read_qualified_names(source).values()) == ["f", "g", "g.<locals>.i", "H", "f.<locals>.j"]


def test_endless_names_are_left_out():
    deep = "".join(f"{' ' * depth}class {'x' * 400}:\n" for depth in range(4))

    found = read_qualified_names(deep + "    def f(): pass\n" * 3 + "def g(): pass\n")

    assert [len(name) for name in found.values()] == [400, 801, 1]


_SOURCE = st.text(alphabet=st.sampled_from("def class x:()[]{}'\"\\\n\t #@,"), max_size=300)


@given(_SOURCE)
def test_any_text_gives_names_or_none(source):
    for (line, name), qualified in read_qualified_names(source).items():
        assert 1 <= line <= source.count("\n") + 1
        assert qualified.rpartition(".")[2] == name


@pytest.mark.parametrize("piece", ['"""\\', "(", "'", "def f(", "\\", "class x:\n ", '"""', "#\n"])
def test_hostile_text_takes_time_by_its_length(piece):
    began = time.process_time()

    read_qualified_names(piece * (200_000 // len(piece)))

    assert time.process_time() - began < 2
