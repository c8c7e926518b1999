"""Entry sites that are not where functions are entered: refused, with the reason, before anything is counted."""

import dataclasses
import functools
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pyxhon.bpf.attach import ProbeOptions, Probes
from pyxhon.bpf.layouts import kernel_layout
from pyxhon.calibrating import calibrate_entries
from pyxhon.cpython.dispatch_table import find_dispatch_tables
from pyxhon.cpython.entry_sites import EntrySite, EntrySites
from pyxhon.cpython.layout import Layout, load_layout
from pyxhon.cpython.machine_code import index_code
from pyxhon.cpython.placement import place_in_block
from pyxhon.cpython.runtime import Runtime, find_runtime_in_file
from pyxhon.cpython.sites import Sites, find_sites
from pyxhon.entry_probing import Entered
from pyxhon.errors import CalibrationError
from pyxhon.target.elf import open_image
from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT, Interpreter, every_python

pytestmark = pytest.mark.usefixtures("needs_bpf")

# Runs pyxhon where the derived entry sites of these kinds are at other addresses.
_WITH_OTHER_SITES = """
import dataclasses, sys
from pyxhon import interpreters
from pyxhon.cli import main
from pyxhon.cpython.entry_sites import EntrySites
find, others = interpreters.find_sites_cached, {others!r}
def find_others(*arguments):
    found = find(*arguments)
    sites = [dataclasses.replace(site, address=others.get(site.kind, site.address)) for site in found.entries.sites]
    return dataclasses.replace(found, entries=EntrySites(tuple(sites), ()))
interpreters.find_sites_cached = find_others
sys.argv = {arguments!r}
sys.exit(main())
"""


@dataclasses.dataclass(frozen=True)
class _Known:
    """What is known of an interpreter's file."""

    runtime: Runtime
    layout: Layout
    sites: Sites


@functools.cache
def _known(python: Interpreter) -> _Known:
    runtime = find_runtime_in_file(python.path)
    layout = load_layout(runtime.minor_version)
    with open_image(runtime.file_path) as image:
        return _Known(runtime, layout, find_sites(image, runtime.version, layout))


def _elsewhere(python: Interpreter) -> int:
    """Give where no function is entered: another opcode's code or, up to 3.10, another function."""
    known = _known(python)
    with open_image(known.runtime.file_path) as image:
        if python.version < (3, 11):
            return image.address_of("PyObject_GetIter")
        [table, *_] = find_dispatch_tables(image, known.layout.opcodes)[0]
        body = table.body_of(known.layout.opcodes.number_of("RETURN_VALUE"))
        return place_in_block(index_code(image), body).address


def _calibrate(python: Interpreter, sites: tuple[EntrySite, ...]) -> None:
    known = _known(python)
    with Probes(ProbeOptions(16 << 20, 16 << 20, is_aggregating=True, is_following=True)) as probes:
        index = probes.add_layout(kernel_layout(known.layout, known.sites))
        none = EntrySites((), ())
        entered = Entered(known.runtime, known.layout, index, EntrySites(sites, ()), none, None)
        calibrate_entries(probes, entered)


def _wrong(sites: tuple[EntrySite, ...], address: int) -> Iterator[tuple[EntrySite, ...]]:
    """Give the sites with each of them left out, and with each of them elsewhere."""
    for number, site in enumerate(sites):
        if len(sites) > 1:
            yield (*sites[:number], *sites[number + 1 :])
        moved = dataclasses.replace(site, address=address, is_joined=False)
        yield (*sites[:number], moved, *sites[number + 1 :])


@every_python(is_own_root=True)
def test_sites_that_are_elsewhere_or_not_all_there_are_refused_with_the_reason(python):
    sites = _known(python).sites.entries.sites

    reasons = []
    for wrong in _wrong(sites, _elsewhere(python)):
        with pytest.raises(CalibrationError) as refused:
            _calibrate(python, wrong)
        reasons.append(str(refused.value))

    assert all(
        "where the workload made" in reason or "was never hit" in reason or "alone" in reason or "no entry" in reason
        for reason in reasons
    ), reasons
    _calibrate(python, sites)  # as they are they are right


@every_python(is_own_root=True)
def test_where_sites_are_refused_coverage_says_so_and_nothing_is_counted(python, tmp_path):
    trace = tmp_path / "t.pyxhon"
    site = _known(python).sites.entries.sites[0]
    program = "def called(): return 1\nfor _ in range(100): called()\n"
    arguments = ["pyxhon", "record", "-q", "--calls", "count", "--function", "*:called", "-o", str(trace), "--"]
    arguments += python.command("-c", program)

    script = _WITH_OTHER_SITES.format(others={site.kind: _elsewhere(python)}, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    with open_trace(trace) as reader:
        [coverage] = [row.coverage for row in reader.processes() if row.interpreter]
        assert coverage["calls"].startswith("unavailable: ")
        assert list(reader.calls()) == []
        assert not [row for row in reader.events() if row.kind == "call"]
        assert coverage["audit"].startswith("uprobe")  # the rest is traced all the same
