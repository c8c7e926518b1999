"""What sources could do: names followed as far as text tells; what cannot be parsed says so."""

import io
import json
import struct

import pytest

from pyxhon.abilities.model import abilities_from_json
from pyxhon.abilities.resolving import Wanted
from pyxhon.abilities.source_program import MAX_SITES, read_source, serve
from pyxhon.abilities.wanted import describe_wanted
from pyxhon.policy.parse import load_categories

GREETING = describe_wanted(load_categories())


@pytest.fixture(scope="module")
def wanted():
    return Wanted(json.loads(GREETING))


def sites_of(source, wanted):
    return abilities_from_json(read_source(source.encode(), wanted)).sites


def told(source, wanted):
    return [f"{site.kind} {site.name}" for site in sites_of(source, wanted) if site.kind != "import"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os as o; o.system('x')", ["call os.system"]),
        ("from os import system as s\ns('x')", ["call os.system"]),
        ("from os import *\nsystem('x')", ["call os.system"]),
        ("import os\nrun = os.system\nrun('x')", ["call os.system"]),
        ("import os.path\nos.system('x')", ["call os.system"]),
        ("import os.path as p\np.join('x')", []),
        ("import os\ngetattr(os, 'sys' + 'tem')('x')", ["call os.system"]),
        ("import os\nos.__dict__['system']('x')", ["call os.system"]),
        ("import os\nvars(os)['system']('x')", ["call os.system", "call vars"]),
        ("import sys\nsys.modules['os'].system('x')", ["call os.system"]),
        ("from os import system\nglobals()['system']('x')", ["call globals", "call os.system"]),
        ("__import__('os').system('x')", ["call os.system"]),
        ("__import__('os.path').system('x')", ["call os.system"]),
        ("import importlib\nimportlib.import_module('subprocess').run('x')", ["call subprocess.run"]),
        ("__builtins__.exec('x')", ["call exec"]),
        ("__builtins__['exec']('x')", ["call exec"]),
        ("import builtins as b\nb.eval('x')", ["call eval"]),
        ("import functools, os\nfunctools.partial(os.system, 'x')()", ["call os.system"]),
        ("import os\nclass A:\n run = os.system\n def f(self): self.run('x')", ["call os.system"]),
        ("import os\nclass A:\n def f(self): self.run = os.system\n def g(me): me.run('x')", ["call os.system"]),
        ("import socket\nwith socket.socket() as s: s.connect(1)",
         ["call socket.socket", "call socket.socket.connect"]),
        ("import os\nf = os.system if 1 else os.popen\nf('x')", ["call os.popen", "call os.system"]),
        ("import os\n(g := os.system)('x')", ["call os.system"]),
        ("import os\n@os.system\ndef f(): pass", ["call os.system"]),
        ("@exec\n@input\nclass A: pass", ["call exec", "call input"]),
        ("import os, threading\nthreading.Thread(target=os.system)", ["call os.system"]),
        ("isinstance(1, open)", []),
        ("import ctypes\nctypes.CDLL('libm.so.6')", ["dll-import libm.so.6"]),
        ("import ctypes\nctypes.CDLL(name='libm.so.6')", ["dll-import libm.so.6"]),
        ("import ctypes\nctypes.CDLL(None)", ["call ctypes.CDLL"]),
        ("from ctypes import cdll\ncdll.LoadLibrary('a.so')", ["dll-import a.so"]),
        ("from ctypes import CDLL\nfrom ctypes.util import find_library as f\nCDLL(f('c'))",
         ["call ctypes.util.find_library", "dll-import c"]),
        ("from cffi import FFI\nffi = FFI()\nffi.dlopen('z.so')", ["dll-import z.so"]),
        ("import types, marshal\ntypes.CodeType(marshal.loads(b''))", ["call marshal.loads", "call types.CodeType"]),
        ("lambda: open('x')", ["call open"]),
        ("[open(x) for x in ()]", ["call open"]),
        ("def f(x=open('x')) -> eval('1'): pass", ["call eval", "call open"]),
        # a name of its own is no builtin
        ("def open(x): pass\nopen('x')", []),
        ("def f(open): open('x')", []),
        ("def f():\n def g(): open('x')\n open = print", []),
        ("class A:\n open = print\n def f(self): open('x')", ["call open"]),
        ("self.system('x'); x().eval('y'); unknown.exec(1)", []),
    ],
)  # fmt: skip
def test_a_call_is_told_by_what_is_called(source, expected, wanted):
    assert sorted(set(told(source, wanted))) == expected


def test_imports_have_absolute_names_or_their_dots(wanted):
    source = "import a.b, c as d\nfrom e.f import g, h\nfrom . import i, j\nfrom ..k import l\n"
    rows = [(site.name, site.written, site.level, site.line) for site in sites_of(source, wanted)]

    assert rows == [
        ("a.b", "a.b", 0, 1),
        ("c", "c", 0, 1),
        ("e.f", "e.f", 0, 2),
        (".i", "", 1, 3),
        (".j", "", 1, 3),
        ("..k", "k", 2, 4),
    ]


def test_a_place_has_its_function_as_code_objects_have_it(wanted):
    source = """
class A:
    eval("1")
    @property
    def f(self):
        def g():
            return [eval(x) for x in (lambda: exec("1"))()]
"""
    rows = [(site.name, site.line, site.function, site.first_line) for site in sites_of(source, wanted)]

    assert sorted(rows) == [
        ("eval", 3, "A", 2),
        ("eval", 7, "A.f.<locals>.g", 6),
        ("exec", 7, "A.f.<locals>.g.<locals>.<lambda>", 7),
    ]


def test_a_call_of_several_lines_has_both_ends(wanted):
    (site,) = [each for each in sites_of("import os\nos.system(\n'x'\n)\n", wanted) if each.kind == "call"]

    assert (site.line, site.end_line) == (2, 4)


@pytest.mark.parametrize(
    "source",
    [
        b"def", b"\0", b"x = '\xff'", b"# coding: none-such\n", b"(" * 100_000, b"-" * 100_000 + b"1",
        b"x" + b".a" * 50_000, b"1" + b"+1" * 100_000, b"[" * 150 + b"]" * 149, b"f(" * 90 + b"a" * 9,
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_says_so(source, wanted):
    assert "cannot be parsed" in read_source(source, wanted)


@pytest.mark.parametrize(
    "source",
    [
        "import os\n" + "".join(f"a{n} = a{n + 1}\n" for n in range(3000)) + "a0('x')\n",
        "a = a\na()\n",
        "a = b\nb = a\na()\n",
        "import os\nx = os\n" + "x = x.y\n" * 200 + "x()\n",
        "import os\n" + "if 1: pass\n" + "elif 2: pass\n" * 1500,
        "".join(" " * n + f"class A{n}:\n" for n in range(90)) + " " * 90 + "pass\n",
        "import os\n" + "".join(f"f{n} = f{n - 1} if x else f{n - 2}\n" for n in range(2, 60)) + "f59()\n",
        "open(" * 80 + ")" * 80,
    ],
)
def test_tangled_sources_are_read_in_bounded_time(source, wanted):
    assert isinstance(read_source(source.encode(), wanted), dict)


def test_more_places_than_anybody_writes_are_not_listed(wanted):
    assert "more than 20000" in read_source(b"import a\n" * (MAX_SITES + 1), wanted)


def test_sources_are_answered_one_by_one():
    answers = io.BytesIO()
    told = (GREETING, b"eval('1')", b"def")

    serve(io.BytesIO(b"".join(struct.pack("=I", len(each)) + each for each in told)), answers)
    first, second = map(json.loads, answers.getvalue().splitlines())

    assert [site.name for site in abilities_from_json(first).sites] == ["eval"]
    assert second == "its source cannot be parsed: SyntaxError"


@pytest.mark.parametrize(
    "answer",
    [
        None, [], {}, {"functions": [], "sites": {}}, {"functions": [], "sites": [["call", "x"]]},
        {"functions": [], "sites": [["odd", "x", "", 0, 1, 1, "f", 1, False]]},
        {"functions": [], "sites": [["call", "x", "", 0, -1, 1, "f", 1, False]]},
        {"functions": [], "sites": [["call", 5, "", 0, 1, 1, "f", 1, False]]},
        {"functions": [["a", "b"]], "sites": []},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(answer):
    with pytest.raises((TypeError, ValueError, KeyError)):
        abilities_from_json(answer)
