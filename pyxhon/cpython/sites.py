"""Where to probe an interpreter or a C library, derived from its file: no symbols or markers needed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.cpython.audit_sites import find_audit_sites
from pyxhon.cpython.entry_sites import EntrySites, find_entry_sites, find_exit_sites
from pyxhon.cpython.import_sites import find_import_results, find_inner_imports
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.machine_code import Code, disassemble, index_code
from pyxhon.cpython.made_code import find_code_results
from pyxhon.cpython.placement import place_at_entry
from pyxhon.cpython.site import Site
from pyxhon.target.elf import ElfImage

_SYMBOLS = (
    "_PyRuntime",
    "_Py_NoneStruct",
    "PyBool_Type",
    "PyCode_Type",
    "PyFloat_Type",
    "PyUnicode_Type",
    "PyLong_Type",
    "PyBytes_Type",
    "PyTuple_Type",
    "PyComplex_Type",
    "PyFrozenSet_Type",
    "PyEllipsis_Type",
    "PySlice_Type",
)
_IMPORT_ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8")
_LIBRARY_ARGUMENTS = {"dlopen": ("rdi", "rsi"), "dlmopen": ("rdi", "rsi", "rdx"), "ffi_call": ("rdi", "rsi")}
_THREAD_LOCAL = re.compile(r"fs:\[(0x[0-9a-f]+)\]")
_UNSIGNED = 1 << 64
_NO_ENTRIES = EntrySites((), ())
_TYPE_DEALLOC = 48


@dataclass(frozen=True, slots=True)
class Sites:
    """What can be probed in one interpreter file, all addresses as linked.

    `tls_thread_state` is the thread state's offset from the thread pointer, where a build keeps it so
    (3.15); `read_only_range` covers the segments whose memory equals the file; `notes` say what was
    cross-checked and what could not be had. A hit of "import" that returns to one of `inner_import_returns`
    is the import function's own call for the top-level package of a dotted name. `entries` are where Python functions
    are entered, `exits` where they are left.
    """

    sites: tuple[Site, ...]
    tls_thread_state: int | None
    symbols: dict[str, int]
    read_only_range: tuple[int, int]
    notes: tuple[str, ...]
    inner_import_returns: tuple[int, ...] = ()
    entries: EntrySites = _NO_ENTRIES
    exits: EntrySites = _NO_ENTRIES

    def of_kind(self, *kinds: str) -> tuple[Site, ...]:
        """Give the sites of these kinds."""
        return tuple(site for site in self.sites if site.kind in kinds)


def find_sites(image: ElfImage, version: tuple[int, ...], layout: Layout | None) -> Sites:
    """Derive the sites of an interpreter's file."""
    code = index_code(image)
    sites, notes = find_audit_sites(code, (version[0], version[1]))
    entry = image.address_of("PyImport_ImportModuleLevelObject")
    if entry is None:
        notes.append("imports: PyImport_ImportModuleLevelObject is not in the symbol table")
    else:
        place = place_at_entry(code, entry, _IMPORT_ARGUMENTS)
        sites.append(Site("import", entry, place.address, place.stack_adjust, place.is_emulated))
    results, more = find_import_results(code)
    sites += _code_dealloc_sites(code)
    made, notes_on_made = find_code_results(code)
    addresses = {name: image.address_of(name) for name in _SYMBOLS}
    missing = [name for name, address in addresses.items() if address is None]
    if missing:
        notes.append(f"symbols not found: {', '.join(missing)}")
    thread_state = None
    if layout is None or layout.runtime_tss_key is None:
        thread_state = find_tls_thread_state(image)
        if thread_state is None:
            notes.append("thread state: no thread-local variable at a fixed offset")
    return Sites(
        sites=(*sites, *results, *made),
        tls_thread_state=thread_state,
        symbols={name: address for name, address in addresses.items() if address is not None},
        read_only_range=_read_only_range(image),
        notes=(*notes, *more, *notes_on_made),
        inner_import_returns=find_inner_imports(image, [*sites, *results]),
        entries=find_entry_sites(code, version, layout.opcodes if layout else None),
        exits=find_exit_sites(code, version, layout.opcodes if layout else None),
    )


def _code_dealloc_sites(code: Code) -> Iterator[Site]:
    """Find the function in PyCode_Type.tp_dealloc (Include/cpython/object.h, all versions with the GIL)."""
    kind = code.image.address_of("PyCode_Type")
    function = None if kind is None else code.image.pointer_at(kind + _TYPE_DEALLOC)
    if function is not None and code.image.is_code(function):
        place = place_at_entry(code, function, ("rdi",))
        yield Site("code_dealloc", function, place.address, place.stack_adjust, place.is_emulated)


def find_tls_thread_state(image: ElfImage) -> int | None:
    """Read the thread state's offset from the thread pointer off PyGILState_GetThisThreadState."""
    start = image.address_of("PyGILState_GetThisThreadState")
    if start is None:
        return None
    for instruction in disassemble(image, start, 64):
        found = _THREAD_LOCAL.search(instruction.operands)
        if found:
            offset = int(found[1], 16)
            return offset - _UNSIGNED if offset >= _UNSIGNED >> 1 else offset
        if instruction.mnemonic == "ret":
            break
    return None


def library_sites(image: ElfImage) -> tuple[Site, ...]:
    """Find `dlopen` and `dlmopen` in a C library or its libdl, `ffi_call` in libffi; old versions included."""
    return tuple(sorted(_library_sites(index_code(image)), key=lambda site: site.function))


def _library_sites(code: Code) -> Iterator[Site]:
    functions = {
        (name, entry.symbol.value) for name in _LIBRARY_ARGUMENTS for entry in code.image.dynamic_table.named(name)
    }
    for name, function in functions:
        place = place_at_entry(code, function, _LIBRARY_ARGUMENTS[name])
        yield Site(name, function, place.address, place.stack_adjust, place.is_emulated)


def _read_only_range(image: ElfImage) -> tuple[int, int]:
    segments = image.read_only
    if not segments:
        return 0, 0
    return segments[0].address, max(s.address + s.file_size for s in segments)
