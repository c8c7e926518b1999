"""Dossiers of DLLs that real processes mapped, whatever became of the files and the processes."""

import json
import sys
from pathlib import Path

import pytest

from tests.interpreters import Interpreter
from tests.kernel.traced import tracing_program
from tests.unit.dossier.builds import SIX, build

pytestmark = pytest.mark.usefixtures("needs_bpf")
OWN = Interpreter(sys.executable, sys.version_info[:3])


def has_loaded(reader, start):
    return any(row.kind == "dll-load" and str(row.arguments["path"]).startswith(start) for row in reader.events())


@pytest.fixture(scope="module")
def dlls(tmp_path_factory):
    """Give the DLLs of a program that loads three, each its own, by file name."""
    folder = tmp_path_factory.mktemp("dossiers")
    kept = build(folder, "kept", SIX)
    gone = build(folder, "gone", '__attribute__((constructor)) static void run(void) { __asm__ volatile("nop"); }')
    hidden = build(folder, "hidden", '#include <unistd.h>\nvoid f(void) { unlink("x"); }', "-s")
    report, trace = folder / "report.json", folder / "t.pyxhon"
    options = ("--format", "json", "--report", str(report))
    with tracing_program(trace, OWN, ["native_dlls.py", kept, gone, hidden], *options) as traced:
        traced.wait_until(lambda reader: has_loaded(reader, gone))
        traced.tell()
        traced.hear()
        traced.wait_until(lambda reader: has_loaded(reader, "/proc/self/fd/"))
        traced.tell()
        assert traced.finish()[0] == 0
    return {Path(row["path"]).name: row for row in json.loads(report.read_text())["dlls"]}


def test_a_dll_loaded_by_ctypes_has_its_dossier(dlls):
    dossier = dlls["kept.so"]["dossier"]

    assert (dossier["raw_syscalls"], dossier["partial"]) == (6, [])
    assert dossier["record"] is None


def test_a_dll_that_was_unlinked_has_its_dossier(dlls):
    row = dlls["gone.so"]

    assert len(row["sha256"]) == 64
    assert row["dossier"]["init_functions"] - row["dossier"]["init_functions_of_compiler"] == 1


def test_a_dll_in_memory_has_its_dossier(dlls):
    row = dlls["memfd:hidden"]

    assert len(row["sha256"]) == 64
    assert row["dossier"]["imports"] == {"file": ["unlink"]}


def test_the_c_library_that_was_never_loaded_by_name_has_its_dossier(dlls):
    dossier = dlls["libc.so.6"]["dossier"]

    assert (dossier["soname"], dossier["unwind"]) == ("libc.so.6", True)
    assert dossier["raw_syscalls"] > 400
