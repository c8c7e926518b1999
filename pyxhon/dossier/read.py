"""Reads the dossier of one ELF file, within a budget of time; what was not looked at is said in `partial`."""

from collections.abc import Iterable
from dataclasses import replace

from pyxhon.dossier.budget import Budget
from pyxhon.dossier.constructors import constructors, destructors
from pyxhon.dossier.entropy import read_entropy
from pyxhon.dossier.model import Dossier
from pyxhon.dossier.names import FunctionNames, Linked, dynamic_table, read_linked
from pyxhon.dossier.symbols import CATEGORY_OF_SYMBOL
from pyxhon.dossier.system_call_code import find_system_calls
from pyxhon.target import elf_tables as tables
from pyxhon.target.elf import ElfImage

_MAX_LISTED = 32
_MAX_LIBRARIES = 256
_MAX_CHARACTERS = 512
_MAX_PATH_BYTES = 4096
_SMALLEST_FRAME_BYTES = 8  # an .eh_frame with nothing in it is its four-byte end mark
_DF_TEXTREL, _DF_BIND_NOW, _DF_1_NOW = 4, 8, 1
_GUARDS = frozenset({"__stack_chk_fail", "__stack_chk_guard"})


def read_dossier(image: ElfImage, budget: Budget) -> Dossier:
    """Give what an ELF file says of itself."""
    dossier = Dossier(
        size=image.size_bytes,
        stripped=image.is_stripped,
        unwind=_has_unwind_tables(image),
        # Without the header glibc and the kernel take the old default for x86-64 (DEFAULT_STACK_PERMS in glibc).
        executable_stack=all(s.is_executable for s in image.segments if s.kind == tables.PT_GNU_STACK),
        writable_code=any(segment.is_writable for segment in image.code),
        partial=[],
    )
    table = dynamic_table(image)
    names = FunctionNames(image, table, budget)
    dossier = _add_libraries(dossier, image)
    dossier = _add_linkage(dossier, image, read_linked(table, budget))
    dossier = _add_constructors(dossier, image, names, budget)
    dossier = _add_system_calls(dossier, image, names, budget)
    return _add_entropy(dossier, image, budget)


def group_imports(imports: Iterable[str]) -> dict[str, list[str]]:
    """Sort imported symbols into the categories, those without one left out."""
    groups: dict[str, list[str]] = {}
    for name in sorted(imports):
        category = CATEGORY_OF_SYMBOL.get(name)
        if category is not None:
            groups.setdefault(category, []).append(name)
    return dict(sorted(groups.items()))


def _add_libraries(dossier: Dossier, image: ElfImage) -> Dossier:
    loader = next((s for s in image.segments if s.kind == tables.PT_INTERP), None)
    path = None if loader is None else image.read_file(loader.offset, min(loader.file_size, _MAX_PATH_BYTES))
    is_cut = len(image.needed) > _MAX_LIBRARIES
    return replace(
        dossier,
        needed=[name[:_MAX_CHARACTERS] for name in image.needed[:_MAX_LIBRARIES]],
        library_paths=[path[:_MAX_CHARACTERS] for path in image.library_paths[:_MAX_LISTED]],
        rpath=image.has_rpath,
        soname=image.soname and image.soname[:_MAX_CHARACTERS],
        loader=None if path is None else path.split(b"\0")[0].decode("utf-8", "replace"),
        partial=_with(dossier, "not all needed libraries are listed: too many" if is_cut else None),
    )


def _add_linkage(dossier: Dossier, image: ElfImage, linked: Linked) -> Dossier:
    flags, more = (image.dynamic_value(tag) or 0 for tag in (tables.DT_FLAGS, tables.DT_FLAGS_1))
    is_bound = bool(flags & _DF_BIND_NOW or more & _DF_1_NOW) or image.dynamic_value(tables.DT_BIND_NOW) is not None
    has_relro = any(segment.kind == tables.PT_GNU_RELRO for segment in image.segments)
    return replace(
        dossier,
        imports=group_imports(linked.imports),
        imported=len(linked.imports),
        exported=linked.exported,
        python_modules=[name[:_MAX_CHARACTERS] for name in linked.python_modules[:_MAX_LISTED]],
        stack_protector=not _GUARDS.isdisjoint(linked.imports),
        fortified=any(name.startswith("__") and name.endswith("_chk") for name in linked.imports),
        position_independent=image.is_position_independent,
        bind_now=is_bound,
        relro=("full" if is_bound else "partial") if has_relro else "none",
        text_relocations=bool(flags & _DF_TEXTREL) or image.dynamic_value(tables.DT_TEXTREL) is not None,
        partial=_with(dossier, None if linked.is_whole else "not all symbols were read: time"),
    )


def _add_constructors(dossier: Dossier, image: ElfImage, names: FunctionNames, budget: Budget) -> Dossier:
    if not budget.begin():
        return replace(dossier, partial=_with(dossier, "constructors were not looked at: time"))
    first, last = constructors(image, budget), destructors(image, budget)
    does_fit = first.count is not None and last.count is not None
    return replace(
        dossier,
        init_functions=first.count,
        init_names=_list(names.at(address) for address in first.first if address),
        init_functions_of_compiler=first.of_compiler,
        fini_functions=last.count,
        partial=_with(dossier, None if does_fit else "a table of constructors or destructors does not fit"),
    )


def _add_system_calls(dossier: Dossier, image: ElfImage, names: FunctionNames, budget: Budget) -> Dossier:
    calls = find_system_calls(image, image.function_starts or names.starts, budget)
    return replace(
        dossier,
        raw_syscalls=len(calls.confirmed),
        raw_syscall_bytes=calls.byte_count,
        raw_syscall_functions=_list(names.around(at, image.function_starts) for at in calls.confirmed),
        partial=_with(dossier, calls.gap),
    )


def _add_entropy(dossier: Dossier, image: ElfImage, budget: Budget) -> Dossier:
    found = read_entropy(image, budget)
    if found is None:
        return replace(dossier, partial=_with(dossier, "entropy was not measured: time"))
    return replace(dossier, entropy=found[0], packed=found[1])


def _with(dossier: Dossier, gap: str | None) -> list[str]:
    """Give what was not looked at, and one thing more."""
    return [*(dossier.partial or ()), *([] if gap is None else [gap])]


def _list(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))[:_MAX_LISTED]


def _has_unwind_tables(image: ElfImage) -> bool:
    section = image.section(".eh_frame")
    return bool(image.function_starts) or (section is not None and section.size >= _SMALLEST_FRAME_BYTES)
