"""What bytecode could do, where no source can be parsed: the same as its source, as far as names in a row tell."""

import json
import os
import py_compile
import subprocess

import pytest

from pyxhon.abilities.compiled_program import read_bytecode
from pyxhon.abilities.model import abilities_from_json
from pyxhon.abilities.resolving import Wanted
from pyxhon.abilities.source_program import read_source
from pyxhon.abilities.wanted import describe_wanted
from pyxhon.policy.parse import load_categories
from tests.interpreters import every_python

SOURCE = """import os as o, subprocess
from subprocess import run
from . import sib
from ..far import away

def f(x):
    o.system("x")
    run(["a"])
    import json, xml.dom
    with open("f") as h:
        exec("1")

    def g():
        return o.path.join("a"), o.environ.get("a")

    __import__("zlib").decompress(b"")
    import ctypes
    ctypes.CDLL("libm.so.6")
    getattr(o, "popen")("x")

class C:
    def m(self, open):
        open("x")
        return eval("1")
"""
COMPILE = "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2], doraise=True)"


@pytest.fixture(scope="module")
def wanted():
    return Wanted(json.loads(describe_wanted(load_categories())))


def places(answer):
    found = abilities_from_json(answer)
    assert found.reason is None
    return {(site.kind, site.name, site.line, site.function.rpartition(".")[2]) for site in found.sites}


@every_python(max=(3, 14))
def test_bytecode_tells_what_its_source_tells(python, tmp_path, wanted):
    source, compiled = tmp_path / "m.py", tmp_path / "m.pyc"
    source.write_text(SOURCE)
    subprocess.run(python.command("-c", COMPILE, source, compiled), check=True)

    of_source, of_bytecode = read_source(SOURCE.encode(), wanted), read_bytecode(compiled.read_bytes(), wanted)
    # Only functions that surely act are told of bytecode: a name that is loaded need be no call.
    missing = places(of_source) - places(of_bytecode)

    assert {name for _, name, _, _ in missing} == {"os.environ.get", "zlib.decompress"}
    assert places(of_bytecode) - places(of_source) == set()
    assert sorted(of_bytecode["functions"]) == sorted(of_source["functions"])


def test_cpython_unmarshals_nothing_of_a_target(tmp_path, wanted, monkeypatch):
    def refuse(*_):
        raise AssertionError("unmarshalled")

    (tmp_path / "m.py").write_text(SOURCE)
    content = (tmp_path / py_compile.compile(tmp_path / "m.py", cfile=tmp_path / "m.pyc")).read_bytes()
    monkeypatch.setattr("marshal.loads", refuse)
    monkeypatch.setattr("marshal.load", refuse)

    assert places(read_bytecode(content, wanted))


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\x42\x0d\x0d\x0a" + b"\xff" * 64, b"import os\n"])
def test_what_is_no_bytecode_says_so(content, wanted):
    assert "its bytecode cannot be read" in read_bytecode(content, wanted)


def test_damaged_bytecode_is_read_or_says_why_not(tmp_path, wanted):
    (tmp_path / "m.py").write_text(SOURCE)
    content = bytearray((tmp_path / py_compile.compile(tmp_path / "m.py", cfile=tmp_path / "m.pyc")).read_bytes())
    for place in range(16, len(content), 7):
        damaged = content[:]
        damaged[place] ^= 0x55
        answer = read_bytecode(bytes(damaged), wanted)
        assert isinstance(answer, str | dict)
    for length in range(0, len(content), 31):
        assert isinstance(read_bytecode(bytes(content[:length]), wanted), str | dict)


def test_bytecode_beside_a_source_that_cannot_be_parsed_is_read(tmp_path, monkeypatch):
    from tests.unit.abilities.test_read import read, summary
    from tests.unit.packages.installs import write_distribution

    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))
    site = tmp_path / "site-packages"
    write_distribution(site, "evil", ["evil/__init__.py", "evil/new.py", "evil/bare.pyc"])
    (tmp_path / "m.py").write_text("import os\nos.system('x')\n")
    (site / "evil/__pycache__").mkdir()
    py_compile.compile(tmp_path / "m.py", cfile=site / "evil/__pycache__/new.cpython-311.pyc")
    py_compile.compile(tmp_path / "m.py", cfile=site / "evil/bare.pyc")
    (site / "evil/new.py").write_text("type X = int; import not-yet-invented\n")
    os.utime(site / "evil/new.py")

    assert summary(site, read(site, "evil/__init__.py")) == {
        "evil/__init__.py": [],
        "evil/new.py": ["os", "os.system"],
        "evil/bare.pyc": ["os", "os.system"],
    }
