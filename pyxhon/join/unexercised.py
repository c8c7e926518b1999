"""What distributions could do by their text and were not seen to do: table `ability` less what the trace has."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pyxhon.abilities.model import CALL, DLL_IMPORT, IMPORT, IMPORT_CALLS, NEEDED, SYMBOL, Site, sites_from_json
from pyxhon.categories import CategoryTables
from pyxhon.dossier.symbols import CATEGORY_OF_SYMBOL
from pyxhon.errors import TraceError
from pyxhon.join.edges import Edge, Function
from pyxhon.join.evidence import Evidence, FileKey, LineAct, gather_evidence, last_part
from pyxhon.join.model import Frame
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import AbilityRow

SEEN, NOT_SEEN, UNKNOWN = "seen", "not seen", "unknown"
_MODULE: Final = "<module>"
_BUILTIN: Final = "__import__"
# They raise their event only for some arguments.
_SOMETIMES: Final = frozenset({"pickle.load", "pickle.loads", "pickle.Unpickler.find_class"})
_LOADS: Final = frozenset({"ctypes.dlopen", "dlopen", "dlmopen"})
_SYMBOL_ENDS: Final = ("64", "_2")


@dataclass(frozen=True, slots=True)
class Unexercised:
    """A place that could have acted and was not seen to.

    `is_sure`: its code did not run at all. `is_act`: what is called raises an audit event of its own.
    """

    package: str
    kind: str
    name: str
    category: str | None
    location: Frame
    is_sure: bool
    is_act: bool


@dataclass(slots=True)
class Exercise:
    """How much of what one distribution could do was seen: by kind, and which of its files could not be read."""

    package: str
    version: str | None
    files: int = 0
    functions: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    not_seen: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    began_late: bool = False


@dataclass(frozen=True, slots=True)
class Unexercises:
    """All of a trace."""

    exercises: tuple[Exercise, ...] = ()
    rows: tuple[Unexercised, ...] = ()


def join_unexercised(reader: TraceReader, tables: CategoryTables, edges: Iterable[Edge]) -> Unexercises:
    """Hold what installed code could do against the trace."""
    rows = list(reader.abilities())
    if not rows:
        return Unexercises()
    files = frozenset((row.root, row.path) for row in rows)
    evidence = gather_evidence(reader, tables, files, _functions(edges))
    comparing = _Comparing(evidence, tables, {(row.root, row.module) for row in rows})
    exercises: dict[tuple[str, str | None], Exercise] = {}
    found: list[Unexercised] = []
    for row in rows:
        exercise = exercises.setdefault((row.package, row.version), Exercise(row.package, row.version))
        exercise.files += not row.path.startswith("<")  # else it stands for files that were too many
        exercise.began_late |= row.root in evidence.attached
        if row.reason is not None:
            exercise.unread[row.reason] += 1
            continue
        try:
            exercise.functions += len({(line, last_part(name)) for line, name in row.functions})
            found += comparing.compare(row, sites_from_json(row.sites), exercise)
        except (TypeError, ValueError) as error:
            raise TraceError(f"table ability holds what it cannot ({error})", "record it again") from None
    return Unexercises(tuple(exercises.values()), tuple(found))


def _functions(edges: Iterable[Edge]) -> Iterable[tuple[Function, bool]]:
    for edge in edges:
        yield edge.callee, edge.had_run
        if edge.caller is not None:
            yield edge.caller, False


class _Comparing:
    """Decides about each place."""

    def __init__(self, evidence: Evidence, tables: CategoryTables, modules: set[tuple[int, str | None]]) -> None:
        self._evidence = evidence
        self._modules = modules
        self._tables = tables
        self._events: dict[str, set[str]] = {}  # function → the audit events that it raises
        for entry in tables.audit_events.values():
            for function in entry.functions if entry.category is not None else ():
                self._events.setdefault(function, set()).add(entry.name)

    def compare(self, row: AbilityRow, sites: list[Site], exercise: Exercise) -> Iterable[Unexercised]:
        """Count the sites of one file, and give those that were not seen."""
        key = (row.root, row.path)
        is_loaded = key in self._evidence.loaded_files or (row.root, row.module) in self._evidence.loaded_modules
        for site in sites:
            ran = self._ran(key, site) if is_loaded else False
            verdict = self._decide(row, site, ran=ran)
            counts = {SEEN: exercise.seen, NOT_SEEN: exercise.not_seen}.get(verdict, exercise.unknown)
            counts[site.kind] += 1
            if verdict == NOT_SEEN:
                name = _absolute(site, row) if site.kind == IMPORT else site.name
                is_python, is_act = bool(site.line), site.kind == DLL_IMPORT or site.name in self._events
                frame = Frame(row.path, site.line if is_python else None, site.function if is_python else None)
                yield Unexercised(row.package, site.kind, name, self._category(site, name), frame, ran is False, is_act)

    def _ran(self, key: FileKey, site: Site) -> bool | None:
        """Tell whether the code around a place ran; None: that is not known."""
        name = last_part(site.function)
        if (site.first_line, name) in self._evidence.ran.get(key, ()) or (*key, name) in self._evidence.entered:
            return True
        is_known = key[0] not in self._evidence.without_calls and site.function != _MODULE
        return False if is_known else None

    def _decide(self, row: AbilityRow, site: Site, *, ran: bool | None) -> str:
        key = (row.root, row.path)
        if not site.line:
            return self._decide_library(key, site)
        if self._was_seen(key, site):
            return SEEN
        if ran is False:
            return NOT_SEEN
        if key[0] in self._evidence.without_audit or self._may_have_been_before(row, site):
            return UNKNOWN
        if site.is_reference:
            events = self._events.get(site.name, set())
            return UNKNOWN if any(("audit", name) in self._evidence.names for name in events) else NOT_SEEN
        return NOT_SEEN if self._is_observable(site) else UNKNOWN

    def _was_seen(self, key: FileKey, site: Site) -> bool:
        lines = self._evidence.acts.get(key)
        if not lines:
            return False
        covered = range(site.line, max(site.end_line, site.line) + 1)
        numbers = covered if len(covered) < len(lines) else [line for line in lines if line in covered]
        return any(self._is_it(site, act) for line in numbers for act in lines.get(line, ()))

    def _is_it(self, site: Site, act: LineAct) -> bool:
        """Tell whether an act on its line is what the place could do."""
        if site.kind == IMPORT and site.written not in IMPORT_CALLS:
            return act.kind == IMPORT and act.is_direct and (act.name, act.level) == (site.written, site.level)
        if site.kind == IMPORT or site.name in IMPORT_CALLS:
            is_statement = act.kind == IMPORT and act.is_direct
            is_meant = site.kind == CALL or act.name == site.name
            return _BUILTIN not in {site.written, site.name} or (is_statement and is_meant)
        if site.kind == DLL_IMPORT:
            return act.name in _LOADS
        if act.name in self._events.get(site.name, ()) or (act.kind == CALL and act.name == site.name):
            return True
        if act.kind == IMPORT:
            return False
        return act.category == self._category(site, site.name) or not self._is_observable(site)

    def _is_observable(self, site: Site) -> bool:
        if site.kind == IMPORT:
            return site.written == _BUILTIN or site.written not in IMPORT_CALLS
        if site.kind == DLL_IMPORT or site.name == _BUILTIN:
            return True
        return site.name in self._events and site.name not in _SOMETIMES

    def _may_have_been_before(self, row: AbilityRow, site: Site) -> bool:
        """Tell whether a place may have acted before the trace began."""
        evidence, key = self._evidence, (row.root, row.path)
        if key not in evidence.files_before:
            return False
        place = (site.first_line, last_part(site.function))
        if site.function != _MODULE and place not in evidence.ran_before.get(key, ()):
            return False
        if site.kind != IMPORT:
            return True
        # What was imported was in sys.modules; of `from . import name`, which need be no module, the package.
        name = _absolute(site, row)
        is_module = bool(site.written) or (row.root, name) in self._modules
        names = {name} if is_module else {name, name.rpartition(".")[0]}
        return any((row.root, each) in evidence.modules_before for each in names)

    def _decide_library(self, key: FileKey, site: Site) -> str:
        """Decide about what a DLL needs, and takes from others."""
        evidence = self._evidence
        if site.written == NEEDED and site.name.rpartition("/")[2] in evidence.mapped_names:
            return SEEN
        if key not in evidence.mapped:
            return NOT_SEEN
        category = CATEGORY_OF_SYMBOL.get(site.name)
        if site.written != SYMBOL or category in evidence.native.get(key[1], ()):
            return SEEN
        bare = site.name
        for end in _SYMBOL_ENDS:
            bare = bare.removesuffix(end)
        is_call = self._tables.category_of_system_call("syscall", bare.lstrip("_")) is not None
        return NOT_SEEN if is_call and key[0] not in evidence.without_native else UNKNOWN

    def _category(self, site: Site, name: str) -> str | None:
        if site.kind == DLL_IMPORT:
            return CATEGORY_OF_SYMBOL.get(name) if site.written == SYMBOL else "dll"
        if site.kind == IMPORT:
            return self._tables.category_of_import(name, is_extension=False)
        if "." not in name:
            return self._tables.category_of_builtin(name)
        events = self._events.get(name)
        if events:
            return self._tables.audit_events[min(events)].category
        return self._tables.category_of_module(name)


def _absolute(site: Site, row: AbilityRow) -> str:
    """Resolve a relative import (PEP 328) by the module that it stands in; as it stands where that is not known."""
    bare = site.name.lstrip(".")
    level = len(site.name) - len(bare)
    if not level or not row.module:
        return site.name
    parts = row.module.split(".")
    is_package = row.path.rpartition("/")[2].startswith("__init__.")
    drop = level - 1 if is_package else level
    if drop >= len(parts):
        return site.name
    return ".".join([*parts[: len(parts) - drop], *([bare] if bare else [])])
