"""The join itself: each event goes to the act or the import edge that it is part of."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pyxhon.categories import FFI_CALL, CategoryTables
from pyxhon.errors import TraceError
from pyxhon.join.acts import Act, Acts, freeze
from pyxhon.join.answerable import Answerable
from pyxhon.join.arguments import decode_arguments
from pyxhon.join.behind import Behind
from pyxhon.join.calls import Calls, show_call
from pyxhon.join.explaining import Explanations
from pyxhon.join.frameless import Frameless, Sighting
from pyxhon.join.imports import Edges
from pyxhon.join.loading import Loading
from pyxhon.join.model import Joined
from pyxhon.join.native import Natives
from pyxhon.join.needs import Preloads
from pyxhon.join.owners import Attribution
from pyxhon.join.places import Places, Role
from pyxhon.join.python_calls import PythonCalls, show_python_call
from pyxhon.join.stacks import Stacks
from pyxhon.join.system_calls import IMPORTABLE, KINDS, SystemCalls
from pyxhon.python_functions import is_python_name
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow, ProcessRow

_AUDIT, _IMPORT, _CALL, _LOAD = (frozenset({kind}) for kind in ("audit", "import", "call", "dll-load"))
_SLICE = 15_000  # events: all that is told in two of them is remembered
_MERGED = "arguments_merged"
_ZIP_READERS = frozenset({"<frozen zipimport>", "zipimport.py"})


def join(trace: TraceReader, events: Iterable[EventRow] | None, tables: CategoryTables) -> Joined:
    """Join all events of a trace, or those given; reads nothing but the trace."""
    return Joiner(trace, tables).join(trace.acts() if events is None else events)


class Joiner:
    """Joins batch after batch of one trace, keeping what is known of stacks, files and modules.

    The behaviours of a batch count that batch's rows only.
    """

    def __init__(self, trace: TraceReader, tables: CategoryTables) -> None:
        self._trace = trace
        self._tables = tables
        self._places = Places(trace)
        self._stacks = Stacks(trace, self._places)
        self._frameless = Frameless(self._places)
        self._edges = Edges(self._places, self._frameless, tables)
        self._natives = Natives(trace, self._places)
        self._acts = Acts()
        self._answerable = Answerable(trace, self._places, self._frameless, self._look)
        self._behind = Behind(self._answerable)
        self._explanations = Explanations(trace, tables)
        self._loading = Loading(self._acts, self._edges, self._natives, self._answerable, Preloads(trace))
        self._system_calls = SystemCalls(tables, self._explanations, self._answerable, self._loading)
        self._processes: dict[int, ProcessRow] = {}
        self._is_stale = True
        self._told: list[tuple[Sighting, dict[str, object], Act | None]] = []  # audit events that may explain calls
        self._calls = Calls(tables)
        self._python_calls = PythonCalls(self._stacks, tables)
        self._system_calls.find_call = self._calls.find_maker

    def join(self, events: Iterable[EventRow]) -> Joined:
        """Join one batch."""
        self._is_stale = True
        self._places.start_batch()
        seen = [self._look(event) for event in events]
        self._start_batch(seen)
        fates: Counter[str] = Counter()
        # What was raised and loaded must be known first: which names of a `from` list are modules, which audit event a
        # dlopen is part of, and what explains a system call.
        for kinds, add in (
            (_AUDIT, self._add_audit),
            (_IMPORT, self._add_statement),
            (_CALL, self._add_call),
            (_LOAD, self._loading.add_dlopen),
        ):
            fates.update(add(each) for each in seen if each.event.kind in kinds)
        fates.update(self._add_system_calls(seen))
        return self._finish(fates)

    def _add_system_calls(self, seen: Sequence[Sighting]) -> Iterator[str]:
        """Take up system calls, slice by slice: what explains them was told before, or soon after.

        No more is remembered at once than that, or else what explains the first would be forgotten for the last.
        """
        told = iter(self._told)
        latest = next(told, None)
        for start in range(0, len(seen), _SLICE):
            for each in seen[start + _SLICE if start else 0 : start + 2 * _SLICE]:
                if latest is not None and latest[0] is each:
                    self._explanations.note(*latest)
                    latest = next(told, None)
            yield from (
                self._system_calls.add(each) for each in seen[start : start + _SLICE] if each.event.kind in KINDS
            )
        self._told = []

    def _start_batch(self, seen: list[Sighting]) -> None:
        self._edges.start_batch(are_merged=any(row.reason == _MERGED for row in self._trace.losses()))
        self._natives.start_batch()
        self._acts = Acts()
        self._explanations.start_batch(self._processes.values())
        self._answerable.provenance.start_batch(self._processes)
        self._answerable.inherited.start_batch()
        self._loading.start_batch(self._acts, seen)
        self._system_calls.start_batch(self._acts)
        self._behind.start_batch(seen)
        for each in seen:
            self._system_calls.note(each)

    def _look(self, event: EventRow) -> Sighting:
        process = self._process(event.process)
        view = self._stacks.view(event.python_stack, process)
        return Sighting(event, view, process, self._natives.view(event.native_stack, process.root))

    def _process(self, number: int) -> ProcessRow:
        known = self._processes.get(number)
        if known is None or (known.interpreter is None and self._is_stale):  # it may have been found meanwhile
            self._is_stale = False
            self._processes = {row.id: row for row in self._trace.processes()}
        if known is None:
            self._edges.note_modules(self._trace.modules())
        if number not in self._processes:
            raise TraceError(f"an event names process {number}, which the trace does not have", "record it again")
        return self._processes[number]

    def _add_statement(self, seen: Sighting) -> str:
        self._edges.add_statement(seen)
        return "import"

    def _add_audit(self, seen: Sighting) -> str:
        event = seen.event
        if event.name == "import":
            self._edges.add_load(seen)
            return "import"
        arguments = decode_arguments(self._tables, event.name, event.arguments)
        path = arguments.get("path") if event.name == "open" else None
        if isinstance(path, str):
            self._frameless.note_open(seen, path)
        if self._is_import_work(seen, path):
            if isinstance(path, str):
                self._edges.add_read(seen, path)
            self._told.append((seen, arguments, None))
            return "import"
        act = self._acts.count(seen, self._actor(seen), arguments, "python")
        act.category = self._tables.category_of_event(act.name, arguments)
        self._told.append((seen, arguments, act))
        self._calls.note(seen, act)
        if event.name == "ctypes.dlopen" and isinstance(name := arguments.get("name"), str):
            self._loading.add_ctypes(seen, act, name)
        return "behaviour"

    def _is_import_work(self, seen: Sighting, path: object) -> bool:
        """Tell whether the import system does this to import a module: importing is not using.

        A file that is no module is never read to import, whoever makes it look so.
        """
        event, view = seen.event, seen.view
        if not self._tables.is_import_system_event(event.name):
            return False
        if event.python_stack is None:
            return True
        if event.name == "exec" and view.is_import and view.frames[1:2] and view.frames[1].function == "exec_module":
            return True  # up to 3.10 the frames do not tell a source file's loader from an extension module's
        if event.name != "open":
            return view.is_import and not view.is_extension_init
        if isinstance(path, int):  # a descriptor: the .pyc being written was judged when it was opened
            return view.is_import
        is_whole = isinstance(path, str) and not event.is_truncated
        is_archive = bool(view.frames) and posixpath.basename(view.frames[0].file or "") in _ZIP_READERS
        return view.is_import and is_whole and (is_archive or bool(IMPORTABLE.search(str(path))))

    def _actor(self, seen: Sighting) -> Attribution:
        """Give who acts, also where the code that does has no frame."""
        view = seen.view
        frameless = self._frameless.attribute(seen) if view.is_extension_init or view.is_path_file else None
        return frameless or self._behind.find(seen) or view.actor

    def _add_call(self, seen: Sighting) -> str:
        event, view = seen.event, seen.view
        if is_python_name(event.name):
            return self._add_python_call(seen)
        if event.name == FFI_CALL:
            known = event.arguments if isinstance(event.arguments, dict) else {}
            self._acts.count(seen, self._actor(seen), known, "python").category = "dll"
            return "behaviour"
        if view.is_import and not view.is_extension_init:
            return "import"  # what the import system does to import: importing is not using
        arguments = show_call(event.arguments)
        act = self._calls.explain(seen)
        if act is not None:
            act.see(event.kind)
            act.note_call(None if event.is_truncated else arguments)
            return "joined"
        act = self._acts.count(seen, self._actor(seen), arguments, "python")
        act.is_of_extension = event.signal.endswith("extension module")
        act.category = self._calls.category(act)
        self._calls.remember(seen, act)
        return "behaviour"

    def _add_python_call(self, seen: Sighting) -> str:
        """Count a call of a Python function; what the import system calls is called on behalf of the importer."""
        called = self._python_calls.called(seen)
        seen = self._python_calls.as_called(seen)
        is_import = seen.view.is_import and not seen.view.is_extension_init
        if is_import and called is not None and called.role is Role.IMPORT_SYSTEM:
            return "import"  # importing is not using
        by = seen.view.importer if is_import else self._actor(seen)
        act = self._acts.count(seen, by, show_python_call(seen.event.arguments), "python")
        act.category = self._python_calls.category(called)
        act.module = called.module if called else None
        return "behaviour"

    def _finish(self, fates: Counter[str]) -> Joined:
        found = list(self._edges.behaviours())
        found += [
            freeze(act, "dll" if act.kind == "dll-load" else act.category, act.module) for act in self._acts.take()
        ]
        found.sort(key=lambda behaviour: behaviour.event)
        return Joined(
            tuple(each for each in found if each.category is not None),
            tuple(self._edges.imports()),
            tuple(each for each in found if each.category is None),
            (*self._edges.loads(), *self._loading.loads),
            dict(fates),
        )
