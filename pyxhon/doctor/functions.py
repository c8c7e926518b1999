"""Can Python functions be seen and counted in this interpreter, and by which sites."""

from collections.abc import Iterable, Iterator
from typing import Final

from pyxhon.calibrating import is_calibrated
from pyxhon.cpython.calibration_run import require_interpreter
from pyxhon.cpython.entry_sites import EntrySite, EntrySites
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.runtime import Runtime
from pyxhon.doctor.finding import Finding
from pyxhon.entry_probing import is_free
from pyxhon.errors import CalibrationError
from pyxhon.target.elf import ElfImage

_REMEDY: Final = "all other signals are taken; please report this build with its build ID"


def examine_functions(image: ElfImage, runtime: Runtime, layout: Layout, sites: EntrySites) -> Iterator[Finding]:
    """Give whether functions can be told of once, and each entry of them."""
    if not sites.sites:
        reason = "; ".join(sites.notes) or "no entry site was found"
        yield Finding("functions", is_ok=False, detail=reason, remedy=_REMEDY, is_required=False)
        return
    yield _examine_seen(runtime, layout, sites)
    try:
        require_interpreter(runtime)
    except CalibrationError as error:
        yield Finding("functions counted", is_ok=False, detail=str(error.args[0]), remedy=_REMEDY, is_required=False)
        return
    state = "calibrated" if is_calibrated(image, sites) else "not calibrated yet: --calls count and --function do it"
    yield Finding("functions counted", is_ok=True, detail=f"{_list(sites.sites)}; {state}", is_required=False)


def _examine_seen(runtime: Runtime, layout: Layout, sites: EntrySites) -> Finding:
    name = "functions seen"
    first = [site for site in sites.sites if site.kind == "entry_resume"]
    if is_free(layout) and first:
        return Finding(name, is_ok=True, detail=f"{_list(first)}; first executions only", is_required=False)
    version = ".".join(map(str, runtime.version[:2]))
    reason = f"CPython {version} leaves no mark on functions that ran, so that each entry has its price"
    return Finding(name, is_ok=False, detail=reason, remedy="use --calls count", is_required=False)


def _list(sites: Iterable[EntrySite]) -> str:
    return ", ".join(
        f"{site.kind} {site.address:#x} ({'emulated' if site.is_emulated else 'single-stepped'})" for site in sites
    )
