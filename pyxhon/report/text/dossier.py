"""What a DLL's file says of itself, for people: all of it for `pyxhon inspect`, what matters in a report."""

from collections.abc import Iterable
from typing import Final

from pyxhon.dossier.model import Dossier
from pyxhon.packages import CHANGED, NOT_RECORDED
from pyxhon.report.describe import count_noun
from pyxhon.report.escape import escape, escape_path

_FEW: Final = 6
_MANY: Final = 24
# glibc's own libraries: that a DLL needs them says nothing.
_C_LIBRARIES: Final = frozenset(
    f"lib{name}" for name in ("c.so.6", "m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1")
) | {"ld-linux-x86-64.so.2"}


def list_names(names: Iterable[str], limit: int, each: int = 64) -> str:
    """Show the first names, and how many more there are."""
    known = list(names)
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return ", ".join(escape(name, each) for name in known[:limit]) + more


def own_constructors(dossier: Dossier) -> int:
    """Count the functions that run when the file is loaded, without those that GCC and glibc put into every file."""
    return (dossier.init_functions or 0) - (dossier.init_functions_of_compiler or 0)


def describe_facts(dossier: Dossier) -> str:
    """Show on one line what a DLL needs, imports and runs by itself; "" when there is nothing to tell."""
    parts = []
    needed = [name for name in dossier.needed or () if name not in _C_LIBRARIES]
    if needed:
        parts.append(f"needs {list_names(needed, _FEW)}")
    if dossier.imports:
        groups = (
            f"{escape(category, 12)} ({list_names(names, _FEW, 32)})" for category, names in dossier.imports.items()
        )
        parts.append(f"imports {', '.join(groups)}")
    if own_constructors(dossier) > 0:
        parts.append(f"runs {count_noun(own_constructors(dossier), 'constructor')} when loaded")
    if dossier.library_paths:
        parts.append(f"{'RPATH' if dossier.rpath else 'RUNPATH'} {list_names(dossier.library_paths, _FEW, 80)}")
    return "; ".join(parts)


def describe_warnings(dossier: Dossier) -> str:
    """Show on one line what deserves a look; "" when there is nothing."""
    parts = []
    if dossier.record in (CHANGED, NOT_RECORDED):
        parts.append(dossier.record)
    if dossier.raw_syscalls:
        where = list_names(dossier.raw_syscall_functions or (), _FEW, 40)
        parts.append(f"{count_noun(dossier.raw_syscalls, 'raw system call instruction')} in {where or '?'}")
    marks = {
        "writable code": dossier.writable_code,
        "executable stack": dossier.executable_stack,
        "text relocations": dossier.text_relocations,
        "looks packed": dossier.packed,
        "no unwind tables": dossier.unwind is False,
    }
    parts += [name for name, is_so in marks.items() if is_so]
    parts += [escape(gap, 100) for gap in (dossier.partial or ())[:_FEW]]
    return "; ".join(parts)


def list_rows(dossier: Dossier) -> list[tuple[str, str]]:
    """Give everything as rows of label and text."""
    if dossier.needed is None:
        return [("partial", "; ".join(escape(gap, 200) for gap in dossier.partial or ("not looked at",)))]
    rows = [
        ("soname", escape(dossier.soname or "none")),
        ("loader", escape_path(dossier.loader, 200) if dossier.loader else ""),
        ("needs", list_names(dossier.needed, _MANY) or "nothing"),
        ("RPATH" if dossier.rpath else "RUNPATH", list_names(dossier.library_paths or (), _MANY, 200)),
        ("imports", count_noun(dossier.imported or 0, "symbol")),
        *((f"  {escape(name, 12)}", list_names(names, _MANY, 48)) for name, names in (dossier.imports or {}).items()),
        ("exports", count_noun(dossier.exported or 0, "symbol")),
        ("Python modules", list_names(dossier.python_modules or (), _MANY)),
        ("system calls", _describe_system_calls(dossier)),
        ("constructors", _describe_constructors(dossier)),
        ("destructors", "?" if dossier.fini_functions is None else str(dossier.fini_functions)),
        ("memory", _describe_memory(dossier)),
        ("hardening", _describe_hardening(dossier)),
        ("symbols", "stripped" if dossier.stripped else "not stripped"),
        ("unwind tables", "present" if dossier.unwind else "none"),
        ("entropy", _describe_entropy(dossier)),
        ("partial", "; ".join(escape(gap, 200) for gap in dossier.partial or ())),
    ]
    return [(label, text) for label, text in rows if text]


def _describe_system_calls(dossier: Dossier) -> str:
    if dossier.raw_syscalls is None:
        return "not looked at"
    named = list_names(dossier.raw_syscall_functions or (), _MANY, 64)
    where = f" in {named}" if named else ""
    found = count_noun(dossier.raw_syscalls, "instruction")
    return f"{found} confirmed{where}; bytes of one stand in {count_noun(dossier.raw_syscall_bytes or 0, 'place')}"


def _describe_constructors(dossier: Dossier) -> str:
    if dossier.init_functions is None:
        return "?"
    own = f"{dossier.init_functions}, {dossier.init_functions_of_compiler or 0} of them the compiler's"
    names = list_names(dossier.init_names or (), _MANY, 64)
    return f"{own}: {names}" if names else own


def _describe_memory(dossier: Dossier) -> str:
    marks = {
        "writable code": dossier.writable_code,
        "executable stack": dossier.executable_stack,
        "text relocations": dossier.text_relocations,
    }
    return ", ".join(name if is_so else f"no {name}" for name, is_so in marks.items())


def _describe_hardening(dossier: Dossier) -> str:
    return ", ".join(
        (
            f"RELRO {escape(dossier.relro or '?', 12)}",
            "bound when loaded" if dossier.bind_now else "bound lazily",
            "position independent" if dossier.position_independent else "fixed address",
            f"{'' if dossier.stack_protector else 'no '}stack protector",
            "fortified" if dossier.fortified else "not fortified",
        )
    )


def _describe_entropy(dossier: Dossier) -> str:
    parts = ", ".join(f"{escape(name, 32)} {bits:.2f}" for name, bits in list((dossier.entropy or {}).items())[:_FEW])
    return f"{parts}; looks packed" if dossier.packed else parts
