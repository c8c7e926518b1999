"""Can this interpreter, or the one inside this process, be traced, and by which sites."""

import contextlib
from collections.abc import Iterator
from typing import Final

from pyxhon.cpython.layout import load_layout
from pyxhon.cpython.runtime import Runtime, find_runtime, find_runtime_in_file
from pyxhon.cpython.sites import Sites, find_sites
from pyxhon.doctor.finding import Finding
from pyxhon.doctor.functions import examine_functions
from pyxhon.doctor.instructions import examine_instructions, examine_libffi
from pyxhon.errors import PyxhonError
from pyxhon.target.elf import open_image
from pyxhon.target.process import find_process, read_arguments, read_mappings, read_status
from pyxhon.target.root import open_own_root, open_root

# What each signal needs: any of these kinds of site.
_SIGNALS: Final = {
    "audit events": ("audit_funnel", "audit_clone", "audit_public"),
    "sys.audit": ("sys_audit",),
    "imports": ("import",),
    "results of imports": ("import_result",),
}
_REQUIRED: Final = frozenset({"audit events"})


def examine_process(number: int) -> Iterator[Finding]:
    """Examine a running process, by its number on the host or inside a container."""
    try:
        pid = find_process(number)
        command = " ".join(read_arguments(pid)[:6])
        status = read_status(pid)
    except PyxhonError as error:
        yield refuse("process", error)
        return
    inner = "" if len(status.namespace_pids) < 2 else f", {status.namespace_pids[-1]} in its container"  # noqa: PLR2004  # one number per pid namespace
    yield Finding("process", is_ok=True, detail=f"pid {pid}{inner}: {command}")
    try:
        read_mappings(pid)
        runtime = find_runtime(pid)
    except PyxhonError as error:
        yield refuse("interpreter", error)
        return
    yield from _examine_runtime(runtime)
    with contextlib.suppress(PyxhonError, OSError), open_root(pid) as root:  # it may just have ended
        yield examine_libffi(root)


def examine_file(path: str) -> Iterator[Finding]:
    """Examine an interpreter's file."""
    try:
        runtime = find_runtime_in_file(path)
    except PyxhonError as error:
        yield refuse("interpreter", error)
        return
    yield from _examine_runtime(runtime)
    with open_own_root() as root:
        yield examine_libffi(root)


def refuse(name: str, error: PyxhonError) -> Finding:
    """Turn an error into the finding that it is."""
    return Finding(name, is_ok=False, detail=str(error.args[0]), remedy=error.remedy)


def _examine_runtime(runtime: Runtime) -> Iterator[Finding]:
    version = ".".join(map(str, runtime.version))
    build = f"{runtime.linkage}, {'stripped' if runtime.is_stripped else 'with symbols'}"
    threads = ", free-threaded" if runtime.is_free_threaded else ""
    detail = f"CPython {version} {runtime.path} ({build}{threads}), build ID {runtime.build_id or 'none'}"
    yield Finding("interpreter", is_ok=True, detail=detail)
    if runtime.is_replaced:
        remedy = "none needed: it is read from the process as long as that runs"
        yield Finding("interpreter file", is_ok=False, detail="deleted or replaced", remedy=remedy, is_required=False)
    layout = load_layout(version, is_free_threaded=runtime.is_free_threaded)
    known = "known" if layout else f"none for {version}{threads}"
    remedy = "use a PyXhon that knows this version; scripts/extract_layout.py makes a layout"
    if runtime.is_free_threaded:
        remedy = "free-threaded builds are not supported: run the target on a build with the GIL"
    yield Finding("layout", layout is not None, known, remedy)
    try:
        with open_image(runtime.file_path) as image:
            sites = find_sites(image, runtime.version, layout)
            yield from _examine_sites(sites)
            if layout is not None:
                yield from examine_functions(image, runtime, layout, sites.entries)
                yield examine_instructions(image, layout)
    except PyxhonError as error:
        yield refuse("sites", error)


def _examine_sites(sites: Sites) -> Iterator[Finding]:
    for signal, kinds in _SIGNALS.items():
        found = sites.of_kind(*kinds)
        places = ", ".join(
            f"{site.kind} {site.address:#x} ({'emulated' if site.is_emulated else 'single-stepped'})"
            for site in found[:8]
        )
        remedy = "this build keeps the place from being found: please report it with its build ID"
        yield Finding(signal, bool(found), places or "no site found", remedy, signal in _REQUIRED)
    for note in sites.notes:
        yield Finding("note", is_ok=True, detail=note, is_required=False)
