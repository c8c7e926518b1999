"""The join itself: each event goes to the act or the import edge that it is part of."""

import posixpath
import re
from collections.abc import Iterable

from pyxhon.categories import CategoryTables
from pyxhon.errors import TraceError
from pyxhon.join.acts import Act, freeze
from pyxhon.join.arguments import canonical, decode_arguments
from pyxhon.join.calls import Calls, show_call
from pyxhon.join.frameless import Frameless, Sighting
from pyxhon.join.imports import Edges
from pyxhon.join.model import UNKNOWN, Frame, Joined, Load, Owner
from pyxhon.join.owners import Attribution
from pyxhon.join.places import Places
from pyxhon.join.stacks import Stacks
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow, ProcessRow

# What importlib reads to import: sources, bytecode (also while it is written, `x.pyc.140012`), extensions, archives.
_IMPORTABLE = re.compile(r"\.(?:pyw?|pyc(?:\.\d+)?|so|zip|egg|whl|pyz)\Z")
_ZIP_READERS = frozenset({"<frozen zipimport>", "zipimport.py"})
_MAX_DLOPENS = 100_000
_ActKey = tuple[int, Owner, str, str, str, Frame | None]


def join(trace: TraceReader, events: Iterable[EventRow] | None, tables: CategoryTables) -> Joined:
    """Join all events of a trace, or those given; reads nothing but the trace."""
    return Joiner(trace, tables).join(trace.events() if events is None else events)


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
        self._processes: dict[int, ProcessRow] = {}
        self._acts: dict[_ActKey, Act] = {}
        self._dlopens: dict[tuple[int, int | None, str], Act] = {}  # calls of ctypes.dlopen
        self._loads: list[Load] = []
        self._calls = Calls(tables)

    def join(self, events: Iterable[EventRow]) -> Joined:
        """Join one batch."""
        self._places.start_batch()
        self._edges.start_batch()
        self._acts, self._loads = {}, []
        later = []
        for event in events:
            process = self._process(event.process)
            seen = Sighting(event, self._stacks.view(event.python_stack, process), process)
            if event.kind == "audit":
                self._add_audit(seen)
            else:
                later.append(seen)
        # What was loaded must be known first: which names of a `from` list are modules, and which audit event a
        # dlopen is part of.
        for seen in later:
            if seen.event.kind == "import":
                self._edges.add_statement(seen)
            elif seen.event.kind == "dll-load":
                self._add_dll_load(seen)
            elif seen.event.kind == "call":
                self._add_call(seen)
        return self._finish()

    def _process(self, number: int) -> ProcessRow:
        if number not in self._processes:
            self._processes = {row.id: row for row in self._trace.processes()}
            self._edges.note_modules(self._trace.modules())
        if number not in self._processes:
            raise TraceError(f"an event names process {number}, which the trace does not have", "record it again")
        return self._processes[number]

    def _add_audit(self, seen: Sighting) -> None:
        event = seen.event
        if event.name == "import":
            self._edges.add_load(seen)
            return
        arguments = decode_arguments(self._tables, event.name, event.arguments)
        path = arguments.get("path") if event.name == "open" else None
        if isinstance(path, str):
            self._frameless.note_open(seen, path)
        if self._is_import_work(seen, path):
            if isinstance(path, str):
                self._edges.add_read(seen, path)
            return
        act = self._count(seen, self._actor(seen), arguments)
        self._calls.note(seen, act)
        if event.name == "ctypes.dlopen" and isinstance(name := arguments.get("name"), str):
            if len(self._dlopens) >= _MAX_DLOPENS:
                self._dlopens.clear()
            self._dlopens[seen.process.id, event.python_stack, name] = act
            self._loads.append(Load(act.process, name, event.id, act.owner, act.location))

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
        return view.is_import and is_whole and (is_archive or bool(_IMPORTABLE.search(str(path))))

    def _actor(self, seen: Sighting) -> Attribution:
        """Give who acts, also where the code that does has no frame."""
        view = seen.view
        frameless = self._frameless.attribute(seen) if view.is_extension_init or view.is_path_file else None
        return frameless or view.actor

    def _add_dll_load(self, seen: Sighting) -> None:
        event = seen.event
        arguments = dict(event.arguments) if isinstance(event.arguments, dict) else {}
        path = arguments.get("path")
        if not isinstance(path, str):  # dlopen(NULL) gives the program itself
            return
        if self._edges.add_dll_load(seen, path):
            return
        act = self._dlopens.get((seen.process.id, event.python_stack, path)) if seen.view.frames else None
        if act is not None:
            act.signals.add(event.kind)
            act.failed = max(act.failed, event.failed)
        else:
            act = self._count(seen, self._loader(seen), arguments)
            act.level = "native" if seen.view.frames else "detached"
        self._loads.append(Load(act.process, path, event.id, act.owner, act.location))

    def _add_call(self, seen: Sighting) -> None:
        event, view = seen.event, seen.view
        if view.is_import and not view.is_extension_init:
            return  # what the import system does to import: importing is not using
        act = self._calls.explain(seen)
        if act is not None:
            act.signals.add(event.kind)
            return
        act = self._count(seen, self._actor(seen), show_call(event.arguments))
        act.is_of_extension = event.signal.endswith("extension module")

    def _loader(self, seen: Sighting) -> Attribution:
        """Give who loads a DLL from C code: the innermost Python frame's owner as long as native frames are unseen."""
        if seen.view.frames:
            return self._actor(seen)
        owner = UNKNOWN
        if seen.process.interpreter is None and seen.process.executable:
            owner = Owner(posixpath.basename(seen.process.executable), None, "dll")
        return Attribution(owner, None, (owner.name,))

    def _count(self, seen: Sighting, by: Attribution, arguments: dict[str, object]) -> Act:
        event = seen.event
        key = (seen.process.id, by.owner, event.kind, event.name, canonical(arguments), by.location)
        act = self._acts.get(key)
        if act is None:
            act = self._acts[key] = Act.begin(seen, by)
            act.arguments = arguments
        act.count += event.count
        act.failed += event.failed
        act.note(event)
        return act

    def _category(self, act: Act) -> str | None:
        if act.kind == "call":
            return self._calls.category(act)
        return "dll" if act.kind == "dll-load" else self._tables.category_of_event(act.name, act.arguments)

    def _finish(self) -> Joined:
        found = list(self._edges.behaviours())
        found += [freeze(act, self._category(act)) for act in self._acts.values()]
        found.sort(key=lambda behaviour: behaviour.event)
        return Joined(
            tuple(each for each in found if each.category is not None),
            tuple(self._edges.imports()),
            tuple(each for each in found if each.category is None),
            (*self._edges.loads(), *self._loads),
        )
