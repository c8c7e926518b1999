"""Puts probes into every interpreter and C library that the traced processes use, each file once."""

import contextlib
import dataclasses
import logging
import time
from dataclasses import dataclass

from pyxhon import controls
from pyxhon.bpf.attach import Probes
from pyxhon.bpf.compiled import has_may_goto
from pyxhon.bpf.layouts import kernel_layout
from pyxhon.cache import cache_directory
from pyxhon.categories import FFI_CALL
from pyxhon.cpython.jit import Jit, find_jit
from pyxhon.cpython.layout import Layout, apply_debug_offsets, load_layout
from pyxhon.cpython.runtime import Runtime, openable_path
from pyxhon.cpython.site import Site
from pyxhon.cpython.sites import Sites, find_sites, library_sites
from pyxhon.cpython.sites_cache import find_sites_cached, library_sites_cached
from pyxhon.entry_probing import Entered, EntryProbing, join_words
from pyxhon.errors import ElfError, InterpreterError, KernelError, PyxhonError, TargetError
from pyxhon.functions import Functions, Wanted
from pyxhon.instruction_probing import InstructionProbing
from pyxhon.target.elf import ElfImage, open_image
from pyxhon.target.libffi import LIBFFI, find_libffi
from pyxhon.target.process import read_mappings
from pyxhon.target.root import open_own_root, open_root

_logger = logging.getLogger(__name__)
_DEBUG_OFFSETS_BYTES = 8192
_LIBRARIES = (LIBFFI, "libc.so.6", "libdl.so.2", "libc.musl-", "ld-musl-", "libc-2.", "libdl-2.")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter file with its probes; `layout` is None where only its presence is known."""

    runtime: Runtime
    layout: Layout | None
    layout_index: int | None
    sites: Sites | None
    coverage: dict[str, str]
    functions: list[Site] = dataclasses.field(default_factory=list)
    entries: str = "off"  # what covers entries of Python functions
    jit: Jit | None = None  # one that may keep entries from being counted, where they are

    def describe(self) -> dict[str, object]:
        """Give the report's words on it."""
        return {
            "version": ".".join(str(part) for part in self.runtime.version)
            + ("t" if self.runtime.is_free_threaded else ""),
            "path": self.runtime.path,
            "build_id": self.runtime.build_id,
            "linkage": self.runtime.linkage,
            "stripped": self.runtime.is_stripped,
        }


class Interpreters:
    """All interpreters and C libraries probed in this run."""

    def __init__(self, probes: Probes, wanted: Wanted | None = None, entries: EntryProbing | None = None) -> None:
        self._probes = probes
        self.entries = entries or EntryProbing(probes, "off")
        self.instructions = InstructionProbing(probes, "off")
        self._by_file: dict[tuple[int, int], Interpreter] = {}
        self._probed_ns: dict[tuple[int, int], int] = {}
        self._without_process: set[tuple[int, int]] = set()  # probed before one was there
        self._libraries: set[tuple[object, int]] = set()
        self.by_layout: dict[int, Interpreter] = {}
        self.site_signals = self.entries.site_signals
        self.site_kinds: dict[int, str] = {}
        self.functions = Functions(probes, Wanted() if wanted is None else wanted, self.site_signals)

    @property
    def has_functions(self) -> bool:
        """Tell whether functions were asked for by name."""
        return bool(self.functions.wanted) or self.entries.has_functions

    def knows(self, runtime: Runtime, time_ns: int) -> bool:
        """Tell whether the probes of a runtime were in place at a moment."""
        key = (runtime.device, runtime.inode)
        is_complete = key not in self._without_process or not self._by_file[key].entries.startswith("unavailable")
        return key in self._by_file and is_complete and self._probed_ns[key] <= time_ns

    def install(self, runtime: Runtime, pid: int | None = None) -> Interpreter:
        """Give the interpreter of a runtime, probed; one that cannot be is given with the reason.

        `pid` is a process that runs it.
        """
        key = (runtime.device, runtime.inode)
        if key not in self._by_file:
            self._by_file[key] = self._install(runtime, pid)
            self._probed_ns[key] = time.monotonic_ns()
            if pid is None:
                self._without_process.add(key)
        elif pid is not None and key in self._without_process:
            self._without_process.remove(key)
            self._by_file[key] = self._complete(self._by_file[key], runtime, pid)
            self.cover_calls()
        return self._by_file[key]

    def _complete(self, known: Interpreter, runtime: Runtime, pid: int) -> Interpreter:
        """Probe entries of functions that could not be calibrated before there was a process with its own root."""
        sites, layout, index = known.sites, known.layout, known.layout_index
        if sites is None or layout is None or index is None or not known.entries.startswith("unavailable"):
            return known
        runtime = dataclasses.replace(runtime, file_path=known.runtime.file_path)
        with open_image(runtime.file_path) as image:
            words = self.entries.install(image, Entered(runtime, layout, index, sites.entries, sites.exits, pid))
        interpreter = dataclasses.replace(known, entries=words)
        self.by_layout[index] = interpreter
        return interpreter

    def _install(self, runtime: Runtime, pid: int | None) -> Interpreter:
        version = ".".join(str(part) for part in runtime.version)
        layout = load_layout(version, is_free_threaded=runtime.is_free_threaded)
        if layout is None:
            return _unavailable(runtime, _why_unknown(runtime, version))
        try:
            with open_image(runtime.file_path) as image:
                return self._attach(runtime, layout, image, pid)
        except (ElfError, KernelError, TargetError, InterpreterError) as error:
            return _unavailable(runtime, str(error))

    def _attach(self, runtime: Runtime, layout: Layout, image: ElfImage, pid: int | None) -> Interpreter:
        directory = cache_directory()
        if directory is None:
            sites = find_sites(image, runtime.version, layout)
        else:
            sites = find_sites_cached(image, runtime.version, layout, str(directory / "sites"))
        layout = _agree(layout, image, sites)
        index = self._probes.add_layout(kernel_layout(layout, sites))
        for site in sites.sites:
            if site.kind != "code_result" or has_may_goto():  # without it, probes do not copy code
                self._add_site(runtime.file_path, image, site, index)
        self._install_libffi(pid, runtime.path)
        entered = Entered(runtime, layout, index, sites.entries, sites.exits, pid)
        words = join_words(self.entries.install(image, entered), self.instructions.install(image, entered))
        jit = find_jit(image, runtime.version) if self.entries.takes_all or self.instructions.is_on else None
        coverage = _describe_coverage(sites, words)
        interpreter = Interpreter(runtime, layout, index, sites, coverage, entries=words, jit=jit)
        self.by_layout.setdefault(index, interpreter)
        self.functions.install(runtime.file_path, index)
        return interpreter

    def _add_site(self, path: str, image: ElfImage, site: Site, layout: int) -> None:
        offset = image.file_offset(site.address)
        if offset is None:
            message = f"the site {site.kind} at {site.address:#x} lies in no segment of {path}"
            raise InterpreterError(message)
        register = controls.Register[site.result_register.upper()] if site.result_register else 0
        kernel_site = controls.Site(
            address=site.address,
            layout=layout,
            kind=controls.SiteKind[site.kind.upper()],
            stack_adjust=site.stack_adjust,
            result_register=register,
            flags=0,
            opcode=0,
        )
        index = self._probes.add_site(path, offset, kernel_site)
        self.site_signals[index] = f"uprobe {_SIGNAL_NAMES[site.kind]}"
        self.site_kinds[index] = site.kind

    def disarm(self) -> None:
        """Take the probes on functions and instructions out of all processes."""
        self.entries.disarm()
        self.instructions.disarm()

    def install_libraries(self, pid: int) -> None:
        """Probe the C library and libffi of a process; one that cannot be is left out with a line in the log."""
        for mapping in read_mappings(pid):
            name = (mapping.path or "").rsplit("/", 1)[-1]
            if mapping.is_executable and name.startswith(_LIBRARIES):
                with contextlib.suppress(TargetError):
                    self.install_library(openable_path(pid, mapping), (mapping.device, mapping.inode))

    def runtimes(self) -> list[Runtime]:
        """Give the interpreters that were probed."""
        return [interpreter.runtime for interpreter in self._by_file.values() if interpreter.layout is not None]

    def install_methods(self, image_path: str, name: str = "") -> int:
        """Probe the C functions that were asked for in an extension module; gives how many were found just now.

        `name` is the module's own path where `image_path` is only a way to open it.
        """
        return self.functions.install(image_path, name=name)

    def install_extensions(self, pid: int) -> None:
        """Probe the C functions that were asked for in the extension modules that a process has loaded."""
        if not self.functions.wanted:
            return
        for mapping in read_mappings(pid):
            if mapping.is_executable and mapping.inode and ".so" in (mapping.path or "").rsplit("/", 1)[-1]:
                with contextlib.suppress(TargetError):
                    self.install_methods(openable_path(pid, mapping), mapping.path or "")

    def cover_calls(self) -> None:
        """Tell every interpreter which functions are probed: its coverage says so, and its own are looked after."""
        for interpreter in self._by_file.values():
            words = [text for text in (interpreter.entries, self.functions.describe()) if text != "off"]
            interpreter.coverage["calls"] = "; ".join(words) or "off"
            if interpreter.layout_index is not None:
                interpreter.functions[:] = self.functions.placed.get(interpreter.layout_index, [])

    def _install_libffi(self, pid: int | None, program: str) -> None:
        """Probe the libffi that a program will load: that of its own root; without a process, of ours."""
        with contextlib.suppress(TargetError, OSError), open_own_root() if pid is None else open_root(pid) as root:
            for path, key in find_libffi(root, program):
                self.install_library(path, key)

    def install_library(self, path: str, key: tuple[object, int]) -> None:
        """Probe dlopen and dlmopen in the file of a C library, ffi_call in one of libffi."""
        if key in self._libraries:
            return
        self._libraries.add(key)
        try:
            with open_image(path) as image:
                directory = cache_directory()
                known = library_sites_cached(image, str(directory / "sites")) if directory else library_sites(image)
                for site in known:
                    self._add_site(path, image, site, controls.ABSENT)
        except PyxhonError as error:
            _logger.warning("no probes in %s: %s", path, error)


_SIGNAL_NAMES = {
    "audit_funnel": "sys_audit_tstate",
    "audit_clone": "_PySys_Audit",
    "audit_public": "PySys_Audit",
    "sys_audit": "sys.audit",
    "import": "PyImport_ImportModuleLevelObject",
    "import_result": "import_find_and_load",
    "code_dealloc": "code_dealloc",
    "code_result": "code_result",
    "dlopen": "dlopen",
    "dlmopen": "dlmopen",
    FFI_CALL: FFI_CALL,
}


def _agree(layout: Layout, image: ElfImage, sites: Sites) -> Layout:
    """Let the target's own _Py_DebugOffsets (3.13+) win over the layout's file."""
    address = sites.symbols.get("_PyRuntime")
    raw = image.read(address, _DEBUG_OFFSETS_BYTES) if address and layout.debug_offsets else None
    if raw is None:
        return layout
    agreed, disagreements = apply_debug_offsets(layout, raw)
    for text in disagreements:
        _logger.warning("%s", text)
    return dataclasses.replace(agreed)


def _why_unknown(runtime: Runtime, version: str) -> str:
    if runtime.is_free_threaded:
        return f"free-threaded builds such as this {version} are not supported: their objects lie otherwise in memory"
    return f"no layout for CPython {version}"


def _unavailable(runtime: Runtime, reason: str) -> Interpreter:
    return Interpreter(runtime, None, None, None, _coverage(*[f"unavailable: {reason}"] * 3))


def _coverage(audit: str, imports: str, calls: str = "off") -> dict[str, str]:
    return {
        "audit": audit,
        "imports": imports,
        "calls": calls,
        "syscalls": "off",
        "native": "uprobe dlopen (DLL loads only)",
    }


def no_python_coverage() -> dict[str, str]:
    """Give the coverage of a process that runs no Python."""
    return _coverage("unavailable: not a Python process", "unavailable: not a Python process")


def _describe_coverage(sites: Sites, calls: str) -> dict[str, str]:
    kinds = [site.kind for site in sites.sites]
    names = [f"{_SIGNAL_NAMES[kind]}{f' x{kinds.count(kind)}' if kinds.count(kind) > 1 else ''}"
             for kind in dict.fromkeys(kinds) if kind.startswith(("audit", "sys_audit"))]  # fmt: skip
    audit = f"uprobe {' + '.join(names)}" if names else "unavailable: no site found"
    if "import" not in kinds:
        imports = "audit events only: PyImport_ImportModuleLevelObject not found"
    elif "import_result" in kinds:
        imports = "uprobe PyImport_ImportModuleLevelObject + import_find_and_load"
    else:
        imports = "uprobe PyImport_ImportModuleLevelObject (outcome unknown: no site for the result)"
    return _coverage(audit, imports, calls)
