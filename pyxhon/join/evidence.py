"""What the trace tells of places in source: which acts were under way on which lines, which code ran at all."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pyxhon.categories import SYSTEM_KINDS, CategoryTables
from pyxhon.join.edges import Function
from pyxhon.packages.names import frozen_module, source_of
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow, ProcessRow

FileKey = tuple[int, str]  # process.root and path
_ABSENT: Final = ("unavailable", "off")
_DOUBTED: Final = "lower bounds"
_IMPORT_CALLERS: Final = frozenset({"import_module", "__import__", "reload"})
# Losses after which it is not known that a function did not run.
_OF_FUNCTIONS: Final = frozenset(
    {
        "functions_ring_full",
        "functions_table_full",
        "functions_no_scratch",
        "functions_unknown_process",
        "entry_site_unmatched",
        "function_frame_unreadable",
        "earlier_functions_unread",
    }
)


@dataclass(frozen=True, slots=True)
class LineAct:
    """An act that was under way on a line. `is_direct`: an import statement that stands there."""

    kind: str
    name: str
    category: str | None
    is_direct: bool = False
    level: int = 0


@dataclass(slots=True)
class Evidence:
    """All that tells whether a place was reached, for the files asked about."""

    acts: dict[FileKey, dict[int, set[LineAct]]] = field(default_factory=dict)
    names: set[tuple[str, str]] = field(default_factory=set)  # (kind, name) of all events
    entered: set[tuple[int, str, str]] = field(default_factory=set)  # root, file and function of all frames
    ran: dict[FileKey, set[tuple[int | None, str]]] = field(default_factory=dict)  # first lines and names
    ran_before: dict[FileKey, set[tuple[int | None, str]]] = field(default_factory=dict)
    loaded_files: set[FileKey] = field(default_factory=set)
    loaded_modules: set[tuple[int, str]] = field(default_factory=set)
    modules_before: set[tuple[int, str]] = field(default_factory=set)
    files_before: set[FileKey] = field(default_factory=set)
    mapped: set[FileKey] = field(default_factory=set)
    mapped_names: set[str] = field(default_factory=set)
    native: dict[str, set[str | None]] = field(default_factory=dict)  # object → categories of what it did
    without_audit: set[int] = field(default_factory=set)  # roots with a Python whose acts were not seen
    without_calls: set[int] = field(default_factory=set)
    without_native: set[int] = field(default_factory=set)
    attached: set[int] = field(default_factory=set)


def gather_evidence(
    reader: TraceReader, tables: CategoryTables, files: frozenset[FileKey], functions: Iterable[tuple[Function, bool]]
) -> Evidence:
    """Read a trace; `functions` are those that ran, and whether that was before the trace began."""
    evidence = Evidence()
    processes = {row.id: row for row in reader.processes()}
    has_lost = not _OF_FUNCTIONS.isdisjoint(row.reason for row in reader.losses())
    for row in processes.values():
        _note_process(evidence, row, has_lost=has_lost)
    for function, is_before in functions:
        if function.file is not None:
            key, place = (function.root, function.file), (function.line, last_part(function.name or ""))
            evidence.ran.setdefault(key, set()).add(place)
            evidence.loaded_files.add(key)
            if is_before:
                evidence.ran_before.setdefault(key, set()).add(place)
    _note_surroundings(evidence, reader, processes)
    gathering = _Gathering(evidence, reader, tables, files)
    for event in reader.acts():
        gathering.add(event, processes[event.process].root if event.process in processes else 0)
    return evidence


def last_part(name: str) -> str:
    """Give the last part of a qualified name: up to 3.10 code objects have no more."""
    return name.rpartition(".")[2]


def _note_process(evidence: Evidence, row: ProcessRow, *, has_lost: bool) -> None:
    if row.interpreter is None:
        return
    if row.origin == "attach":
        evidence.attached.add(row.root)
    calls = row.coverage.get("calls", _ABSENT[1])
    if row.coverage.get("audit", _ABSENT[1]).startswith(_ABSENT):
        evidence.without_audit.add(row.root)
    if calls.startswith(_ABSENT) or _DOUBTED in calls or has_lost:
        evidence.without_calls.add(row.root)
    if row.coverage.get("native", _ABSENT[1]).startswith(_ABSENT):
        evidence.without_native.add(row.root)


def _note_surroundings(evidence: Evidence, reader: TraceReader, processes: dict[int, ProcessRow]) -> None:
    roots = {number: row.root for number, row in processes.items()}
    for module in reader.modules():
        root = roots.get(module.process, 0)
        evidence.modules_before.add((root, module.name))
        if module.file is not None:
            evidence.files_before.add((root, source_of(module.file)))
    for dll in reader.dlls():
        evidence.mapped.add((roots.get(dll.process, 0), dll.path))
        evidence.mapped_names.add(dll.path.rpartition("/")[2])
    evidence.loaded_files |= evidence.files_before
    evidence.loaded_modules |= evidence.modules_before


class _Gathering:
    """Takes the events of a trace; looks at each stack once."""

    def __init__(
        self, evidence: Evidence, reader: TraceReader, tables: CategoryTables, files: frozenset[FileKey]
    ) -> None:
        self._evidence = evidence
        self._reader = reader
        self._tables = tables
        self._files = files
        self._stacks: dict[tuple[int, int], list[tuple[FileKey, int, bool]]] = {}

    def add(self, event: EventRow, root: int) -> None:
        """Note what one event tells."""
        category = self._category(event)
        self._evidence.names.add((event.kind, event.name))
        self._note_files(event, root)
        level = event.arguments.get("level", 0) if isinstance(event.arguments, dict) else 0
        for key, line, is_direct in self._places(event.python_stack, root):
            act = LineAct(event.kind, event.name, category, is_direct, level if isinstance(level, int) else 0)
            self._evidence.acts.setdefault(key, {}).setdefault(line, set()).add(act)
        if event.native_stack is not None and (stack := self._reader.native_stack(event.native_stack)):
            for path in {frame.path for frame in stack.frames if frame.path and frame.role == "library"}:
                self._evidence.native.setdefault(path, set()).add(category)

    def _places(self, stack: int | None, root: int) -> list[tuple[FileKey, int, bool]]:
        if stack is None:
            return []
        found = self._stacks.get((stack, root))
        if found is None:
            found = self._stacks[stack, root] = []
            is_direct = True
            for frame in self._reader.stack(stack):
                key = (root, frame.file or "")
                if key in self._files:
                    self._evidence.loaded_files.add(key)
                    self._evidence.entered.add((*key, last_part(frame.function or "")))
                    if frame.line is not None:
                        found.append((key, frame.line, is_direct))
                if is_direct:
                    is_direct = _is_of_import(frame.file, frame.function)
        return found

    def _note_files(self, event: EventRow, root: int) -> None:
        values = event.arguments
        if event.kind != "audit" or not isinstance(values, list) or not values or not isinstance(values[0], str):
            return
        if event.name == "import":
            self._evidence.loaded_modules.add((root, values[0]))
        elif event.name == "open":
            self._evidence.loaded_files.add((root, source_of(values[0])))

    def _category(self, event: EventRow) -> str | None:
        if event.kind == "audit":
            return self._tables.category_of_event(event.name)
        if event.kind == "dll-load":
            return "dll"
        return self._tables.category_of_system_call(event.kind, event.name) if event.kind in SYSTEM_KINDS else None


def _is_of_import(file: str | None, function: str | None) -> bool:
    """Tell whether a frame is importlib's: what it imports, the frame around it asked for."""
    if file is None:
        return False
    if (frozen_module(file) or "").startswith("importlib"):
        return True
    return file.endswith("/importlib/__init__.py") and last_part(function or "") in _IMPORT_CALLERS
