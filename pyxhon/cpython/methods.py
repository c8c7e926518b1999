"""Finds C functions by their Python names, through the PyMethodDef arrays of a file: no symbols needed.

An array is {const char *ml_name; PyCFunction ml_meth; int ml_flags; const char *ml_doc} repeated, ended by zeros
(Include/methodobject.h). What it belongs to tells who points to it: a PyModuleDef, a PyTypeObject, or a PyType_Spec
through its slots. The distances between the members used are the same in CPython 3.8-3.15, with the GIL and without.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.cpython.pointers import Pointers
from pyxhon.target.elf import ElfImage

METH_VARARGS, METH_KEYWORDS, METH_NOARGS, METH_O = 0x1, 0x2, 0x4, 0x8
METH_CLASS, METH_STATIC, METH_COEXIST, METH_FASTCALL, METH_METHOD = 0x10, 0x20, 0x40, 0x80, 0x200
CONVENTIONS = {
    METH_NOARGS: "method_noargs",
    METH_O: "method_o",
    METH_VARARGS: "method_varargs",
    METH_VARARGS | METH_KEYWORDS: "method_keywords",
    METH_FASTCALL: "method_fastcall",
    METH_FASTCALL | METH_KEYWORDS: "method_fastcall_keywords",
    METH_METHOD | METH_FASTCALL | METH_KEYWORDS: "method_method",
}
"""The kind of site for each way to be called."""

_MODIFIERS = METH_CLASS | METH_STATIC | METH_COEXIST
_ENTRY_BYTES = 32
_MAX_ENTRIES = 1 << 16
_MAX_OWNERS = 16
_MAX_SLOTS = 128
_MAX_ALL_SLOTS = 1 << 17
_LONGEST_NAME = 128
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*\0")
_OWNER = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]*\0")
_TP_METHODS = 64  # Py_tp_methods, Include/typeslots.h
_LARGEST_SIZE = 1 << 24
# From the member that points to the methods back to the name, and to the size that stands beside.
_MODULE_NAME, _MODULE_SIZE = 24, 8  # PyModuleDef: m_methods - m_name, m_methods - m_size
_TYPE_NAME, _TYPE_SIZE = 208, 200  # PyTypeObject: tp_methods - tp_name, tp_methods - tp_basicsize
_SPEC_NAME = 24  # PyType_Spec: slots - name


@dataclass(frozen=True, slots=True)
class Method:
    """One entry of a PyMethodDef array, addresses as linked.

    `function` is None where it lies in another file, which exports it as `imported`. `owners` are the modules and
    types that have the array, by their dotted names; empty: nothing in the file says so.
    """

    name: str
    function: int | None
    imported: str | None
    flags: int
    array: int
    index: int
    owners: tuple[str, ...] = ()
    is_of_module: bool = False

    @property
    def full_names(self) -> tuple[str, ...]:
        """The name behind each owner's."""
        return tuple(f"{owner}.{self.name}" for owner in self.owners)

    @property
    def convention(self) -> str:
        """The kind of site that knows how its arguments lie."""
        return CONVENTIONS[self.flags & ~_MODIFIERS]


@dataclass(frozen=True, slots=True)
class _Owners:
    names: tuple[str, ...]
    is_module: bool


def find_methods(image: ElfImage, module: str | None = None) -> tuple[Method, ...]:
    """Give every entry of every array, at most 65536; `module` is taken for the owner of arrays without one."""
    pointers = Pointers(image)
    arrays = list(_find_arrays(pointers))
    owners = _find_owners(pointers, [entries[0].array for entries in arrays])
    guess = _Owners((module,) if module else (), is_module=bool(module))
    found = []
    for entries in arrays:
        known = owners.get(entries[0].array, guess)
        found += [
            Method(e.name, e.function, e.imported, e.flags, e.array, e.index, known.names, known.is_module)
            for e in entries
        ]
    return tuple(found)


def is_extension_module(image: ElfImage) -> bool:
    """Tell whether Python can import the file."""
    return b"\0PyInit_" in image.dynamic_table.names


def _find_arrays(pointers: Pointers) -> Iterator[list[Method]]:
    """Give the arrays in the order of their addresses."""
    used: set[int] = set()
    left = _MAX_ENTRIES
    candidates = [site - 8 for site, value in pointers.values.items() if pointers.is_code(value)]
    candidates += [site - 8 for site in pointers.imports]
    for start in sorted(candidates):
        if start in used:
            continue
        entries: list[Method] = []
        while len(entries) < left and (entry := _read_entry(pointers, start, len(entries))):
            used.add(start + len(entries) * _ENTRY_BYTES)
            entries.append(entry)
        left -= len(entries)
        if entries:
            yield entries


def _read_entry(pointers: Pointers, array: int, index: int) -> Method | None:
    at = array + index * _ENTRY_BYTES
    function, imported = pointers.values.get(at + 8), pointers.imports.get(at + 8)
    name = pointers.values.get(at)
    if name is None or (imported is None and (function is None or not pointers.is_code(function))):
        return None
    rest = pointers.image.read(at + 16, 16)
    if rest is None or pointers.is_pointer(at + 16):
        return None
    flags = int.from_bytes(rest[:8], "little")
    has_doc = pointers.is_pointer(at + 24)
    if flags & ~_MODIFIERS not in CONVENTIONS or not (has_doc or rest[8:] == bytes(8)):
        return None
    text = _read_name(pointers, name, _NAME)
    return None if text is None else Method(text, function, imported, flags, array, index)


def _read_name(pointers: Pointers, address: int | None, form: re.Pattern[bytes]) -> str | None:
    found = form.match(pointers.image.read_upto(address, _LONGEST_NAME)) if address is not None else None
    return found[0][:-1].decode("ascii") if found else None


def _find_owners(pointers: Pointers, arrays: list[int]) -> dict[int, _Owners]:
    sites = pointers.sites_of(arrays)
    slots: dict[int, list[int]] = {}
    left = _MAX_ALL_SLOTS
    for site in (site for array in arrays for site in sites[array]):
        slots[site] = list(_slot_array_starts(pointers, site)) if left > 0 else []
        left -= len(slots[site]) + 1
    specs = pointers.sites_of({start for starts in slots.values() for start in starts})
    found: dict[int, _Owners] = {}
    for array in arrays:
        modules = [name for site in sites[array] if (name := _module_name(pointers, site))]
        types = [name for site in sites[array] if (name := _type_name(pointers, site))]
        for site in sites[array]:
            users = [spec for start in slots[site] for spec in specs[start]]
            types += [
                name for spec in users if (name := _read_name(pointers, _pointer(pointers, spec - _SPEC_NAME), _OWNER))
            ]
        names = tuple(dict.fromkeys(modules or types))[:_MAX_OWNERS]
        if names:
            found[array] = _Owners(names, is_module=bool(modules))
    return found


def _pointer(pointers: Pointers, site: int) -> int | None:
    return pointers.values.get(site)


def _size(pointers: Pointers, site: int) -> int | None:
    """Give a Py_ssize_t that counts bytes; None for anything else."""
    value = None if pointers.is_pointer(site) else pointers.image.read_word(site)
    if value is None:
        return None
    return value if value < _LARGEST_SIZE else -1 if value == (1 << 64) - 1 else None


def _module_name(pointers: Pointers, site: int) -> str | None:
    if _size(pointers, site - _MODULE_SIZE) is None:
        return None
    return _read_name(pointers, _pointer(pointers, site - _MODULE_NAME), _OWNER)


def _type_name(pointers: Pointers, site: int) -> str | None:
    size = _size(pointers, site - _TYPE_SIZE)  # 0: as large as its base
    if size is None or size < 0:
        return None
    return _read_name(pointers, _pointer(pointers, site - _TYPE_NAME), _OWNER)


def _slot_array_starts(pointers: Pointers, site: int) -> Iterator[int]:
    """Give where a PyType_Slot array may start that has this pointer to methods: {int slot; void *pfunc}."""
    start = site - 8
    if pointers.image.read_word(start) != _TP_METHODS or pointers.is_pointer(start):
        return
    for _ in range(_MAX_SLOTS):
        yield start
        start -= 16
        slot = None if pointers.is_pointer(start) else pointers.image.read_word(start)
        if slot is None or not 0 < slot < _MAX_SLOTS:
            return
