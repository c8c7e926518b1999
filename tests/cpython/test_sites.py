"""The derived sites, against the symbol table where there is one and against what the interpreter really runs."""

import collections
import functools
from pathlib import Path

import pytest

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.machine_code import disassemble
from pyxhon.cpython.runtime import Runtime, find_runtime_in_file
from pyxhon.cpython.sites import Sites, find_sites, library_sites
from pyxhon.target.elf import ElfImage, open_image
from pyxhon.target.libffi import find_libffi
from pyxhon.target.markers import read_markers
from pyxhon.target.root import open_own_root
from tests.instruction_counts import Counted, count_hits
from tests.interpreters import Interpreter, every_python

_AUDIT = ("audit_funnel", "audit_clone", "audit_public")

# Says how many events the hook saw while the workload ran `times` times.
_AUDITED = """
import sys
events = 0
def count(event, arguments):
    global events
    events += 1
sys.addaudithook(count)
before = events
for _ in range({times}):
    id(0)
    compile("1", "x", "eval")
    try:
        import not_there
    except ImportError:
        pass
    with open("/dev/null"):
        pass
    exec("pass")
print(events - before)
"""
_ONLY_SYS_AUDIT = "import sys\nfor _ in range({times}): sys.audit('x.y', 1)"
_CACHED_IMPORTS = "import sys\nfor _ in range({times}): import sys"
_DOTTED = "import xml.dom\nfor _ in range({times}): import xml.dom"
_FAILING_IMPORTS = """
for _ in range({times}):
    try:
        import not_there
    except ImportError:
        pass
"""


def _file_of(python: Interpreter) -> Runtime:
    root = "" if python.root == "/" else python.root
    return find_runtime_in_file(root + python.path)


@functools.cache
def _sites_of(python: Interpreter) -> Sites:
    runtime = _file_of(python)
    with open_image(runtime.file_path) as image:
        return find_sites(image, runtime.version, load_layout(runtime.minor_version))


def _count(python: Interpreter, kinds: tuple[str, ...], *arguments: object) -> tuple[int, Counted]:
    runtime = _file_of(python)
    with open_image(runtime.file_path) as image:
        offsets = [image.file_offset(site.address) for site in _sites_of(python).of_kind(*kinds)]
    counted = count_hits(runtime.file_path, offsets, python.command("-I", "-S", *arguments))
    return sum(counted.counts.values()), counted


def _hits_per_round(python: Interpreter, kinds: tuple[str, ...], program: str, times: int) -> int:
    """How many more hits `times` rounds give than none: start and end of the interpreter cancel out."""
    some, _ = _count(python, kinds, "-c", program.format(times=times))
    none, _ = _count(python, kinds, "-c", program.format(times=0))
    return some - none


@every_python()
def test_every_signal_has_a_site(python):
    kinds = collections.Counter(site.kind for site in _sites_of(python).sites)

    assert kinds["audit_funnel"] + kinds["audit_public"] >= 1
    assert kinds["sys_audit"] == 1
    assert kinds["import"] == 1
    assert kinds["import_result"] >= 1


@every_python()
def test_frequent_sites_are_emulated(python):
    sites = _sites_of(python).of_kind(*_AUDIT, "sys_audit", "import")

    assert all(site.is_emulated for site in sites)


@every_python()
def test_a_site_is_the_start_of_an_instruction(python):
    with open_image(_file_of(python).file_path) as image:
        for site in _sites_of(python).sites:
            start, end = image.function_range(site.address)
            addresses = {instruction.address for instruction in disassemble(image, start, end - start)}
            assert site.address in addresses


@every_python()
def test_derived_functions_are_those_of_the_symbol_table(python):
    with open_image(_file_of(python).file_path) as image:
        symbols = image.symbols
    wanted = {"audit_funnel": "sys_audit_tstate", "sys_audit": "sys_audit"}

    for kind, name in wanted.items():
        if name in symbols:
            assert symbols[name].value in {site.function for site in _sites_of(python).of_kind(kind)}


@every_python()
def test_the_symbol_table_is_not_needed(python, monkeypatch):
    runtime = _file_of(python)
    with open_image(runtime.file_path) as image:
        monkeypatch.setattr(ElfImage, "sections", ())

        stripped = find_sites(image, runtime.version, load_layout(runtime.minor_version))

    assert image.static_table.entries == b""
    assert stripped.sites == _sites_of(python).sites


@every_python()
def test_there_are_as_many_audit_functions_as_markers(python):
    with open_image(_file_of(python).file_path) as image:
        markers = [marker for marker in read_markers(image) if (marker.provider, marker.name) == ("python", "audit")]

    if markers:
        assert len(markers) == len(_sites_of(python).of_kind(*_AUDIT))
    assert not [note for note in _sites_of(python).notes if "missed" in note]


@every_python()
def test_audit_sites_fire_once_for_each_event(python, needs_bpf):
    times = 200
    program = _AUDITED.format(times=times)
    some, counted = _count(python, _AUDIT, "-c", program)
    none, _ = _count(python, _AUDIT, "-c", _AUDITED.format(times=0))

    events = int(counted.stdout)

    assert events >= 5 * times
    assert some - none == events


@every_python()
def test_sys_audit_site_fires_without_a_hook(python, needs_bpf):
    assert _hits_per_round(python, ("sys_audit",), _ONLY_SYS_AUDIT, 500) == 500


@every_python()
def test_import_site_fires_for_each_import_statement(python, needs_bpf):
    assert _hits_per_round(python, ("import",), _CACHED_IMPORTS, 500) == 500


@every_python()
def test_inner_imports_are_told_by_their_return(python, needs_bpf):
    times = 100
    runtime = _file_of(python)
    sites = _sites_of(python)
    addresses = [*(site.address for site in sites.of_kind("import")), *sites.inner_import_returns]
    with open_image(runtime.file_path) as image:
        entry, *returns = map(image.file_offset, addresses)

    some, none = (
        count_hits(
            runtime.file_path, [entry, *returns], python.command("-I", "-S", "-c", _DOTTED.format(times=n))
        ).counts
        for n in (times, 0)
    )

    inner = sum(some[offset] - none[offset] for offset in returns)
    assert some[entry] - none[entry] - inner == times
    assert inner in (0, times)


@every_python()
def test_import_result_fires_for_each_failing_import(python, needs_bpf):
    assert _hits_per_round(python, ("import_result",), _FAILING_IMPORTS, 100) == 100


@every_python()
@pytest.mark.parametrize("options", [[], ["-X", "importtime"]], ids=["plain", "importtime"])
def test_import_result_fires_for_each_line_of_importtime(python, options, needs_bpf):
    program = ("-c", "import asyncio, xml.dom.minidom")

    hits, _ = _count(python, ("import_result",), *options, *program)
    _, timed = _count(python, (), "-X", "importtime", *program)

    lines = [line for line in timed.stderr.splitlines() if line.startswith("import time:")]
    assert hits == len(lines) - 1  # the first one is the heading


def test_dlopen_is_found_in_the_c_library():
    with open_image(_mapped_c_library()) as image:
        kinds = {site.kind for site in library_sites(image)}

    assert kinds == {"dlopen", "dlmopen"}


def _mapped_c_library() -> str:
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next(line.split()[-1] for line in lines if Path(line).name.startswith("libc.so"))


def test_ffi_call_is_found_in_libffi():
    with open_own_root() as root:
        kinds = set()
        for path, _ in find_libffi(root):
            with open_image(path) as image:
                kinds |= {site.kind for site in library_sites(image)}

    assert kinds == {"ffi_call"}
