"""The five categories, and what CPython's modules, built-in functions and audit events belong to.

The tables themselves are data, `policies/categories.yaml`; `policy/parse.py` reads them. Here is
only their shape and the look-ups, which are pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CATEGORIES = ("file", "network", "dll", "os", "builtins")
"""In the order of the paper's shorthand F-N-D-O-B."""

LETTERS: Mapping[str, str] = {name[0].upper(): name for name in CATEGORIES}
"""The paper's letter of each category."""

ResourceKind = Literal["path", "address", "url", "dll", "command"]
Access = Literal["read", "write", "by_mode", "connect", "bind", "lookup", "url", "load", "run"]


@dataclass(frozen=True, slots=True)
class Resource:
    """An argument that names what is acted on: a path, a peer, a DLL or a command."""

    kind: ResourceKind
    access: Access  # by_mode: the arguments "mode" and "flags" tell read from write
    argument: str
    port_argument: str | None = None  # a peer given as two arguments, host and port


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is known of one audit event of CPython."""

    name: str
    category: str | None  # None: no sensitive act
    arguments: tuple[str, ...]  # names, in the order in which the event carries them
    functions: tuple[str, ...]  # the Python names that raise it, for example os.unlink
    resources: tuple[Resource, ...]
    is_import_system: bool  # an import statement raises it, too: importing is not using
    only: Mapping[str, frozenset[str]]  # by argument: the values with which it counts in its category
    not_descriptor: str | None  # the argument that makes it count in no category when it is a descriptor


@dataclass(frozen=True, slots=True)
class SystemCallEntry:
    """What is known of one sensitive system call, or of one operation of io_uring."""

    name: str  # without its table; io_uring:NAME where only io_uring has it
    category: str
    resources: tuple[Resource, ...]
    explained_by: tuple[str, ...]  # audit events, dlopen, dlmopen: what Python does with this call is seen there, too


SYSTEM_KINDS = ("syscall", "memory", "tamper", "io_uring")
"""The kinds of events that system calls are."""

LOADERS = ("dlopen", "dlmopen")
FFI_CALL = "ffi_call"  # of libffi, by which ctypes and cffi call functions of DLLs
"""Functions of the C library that explain system calls, beside audit events."""


@dataclass(frozen=True, slots=True)
class CategoryTables:
    """The category of every module, built-in function and audit event of CPython 3.8-3.15, and of system calls."""

    modules: Mapping[str, str | None]
    builtins: Mapping[str, str | None]
    audit_events: Mapping[str, AuditEntry]
    system_calls: Mapping[str, SystemCallEntry]

    def is_standard_module(self, module: str) -> bool:
        """Tell whether a dotted module name lies in the standard library of any version."""
        return module.partition(".")[0] in self.modules

    def category_of_module(self, module: str) -> str | None:
        """Give the category of the nearest listed parent of a dotted module name."""
        name = module
        while name:
            if name in self.modules:
                return self.modules[name]
            name = name.rpartition(".")[0]
        return None

    def category_of_import(self, module: str, *, is_extension: bool) -> str | None:
        """Give the category of importing a module; one outside the standard library is a DLL."""
        if self.is_standard_module(module):
            return self.category_of_module(module)
        return "dll" if is_extension else None

    def category_of_builtin(self, function: str) -> str | None:
        """Give the category of a function of module builtins."""
        return self.builtins.get(function)

    def category_of_event(self, event: str, arguments: Mapping[str, object] | None = None) -> str | None:
        """Give the category of an audit event, by its named arguments where they matter; None for an unknown one."""
        entry = self.audit_events.get(event)
        if entry is None:
            return None
        known = arguments or {}
        is_counted = all(str(known[name]) in values for name, values in entry.only.items() if name in known)
        is_descriptor = entry.not_descriptor is not None and isinstance(known.get(entry.not_descriptor), int)
        return entry.category if is_counted and not is_descriptor else None

    def find_system_call(self, kind: str, name: str) -> SystemCallEntry | None:
        """Give what is known of a system call, by the kind and name of its event; by any table it is the same."""
        bare = name.rpartition(":")[2]
        special = self.system_calls.get(f"io_uring:{bare}") if kind == "io_uring" else None
        return special or self.system_calls.get(bare)

    def category_of_system_call(self, kind: str, name: str) -> str | None:
        """Give the category of a system call; None for one that is not sensitive."""
        entry = self.find_system_call(kind, name)
        return entry.category if entry else None

    def resources_of_event(self, event: str) -> tuple[Resource, ...]:
        """Give which arguments of an audit event name what is acted on."""
        entry = self.audit_events.get(event)
        return entry.resources if entry else ()

    def is_import_system_event(self, event: str) -> bool:
        """Tell whether the import system raises this event while it imports a module."""
        entry = self.audit_events.get(event)
        return entry is not None and entry.is_import_system

    def name_arguments(self, event: str, values: Sequence[object]) -> dict[str, object]:
        """Name the values of an audit event; those beyond the table are numbered."""
        entry = self.audit_events.get(event)
        names = entry.arguments if entry else ()
        return {
            names[position] if position < len(names) else f"argument_{position}": value
            for position, value in enumerate(values)
        }
