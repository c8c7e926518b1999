"""Loads of DLLs: the dlopen that asks for one, and the loader's own system calls, which are part of it."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pyxhon.join.acts import Act, Acts
from pyxhon.join.answerable import Answerable
from pyxhon.join.frameless import Sighting
from pyxhon.join.imports import Edges
from pyxhon.join.model import STANDARD_LIBRARY, Load
from pyxhon.join.native import Natives
from pyxhon.join.needs import Preloads, is_named
from pyxhon.join.owners import Attribution
from pyxhon.trace.rows import EventRow

_MAX_NOTES = 100_000
_MAX_ALIKE = 256  # requests remembered of one place
_PlaceKey = tuple[int, int | None, int]  # process, Python stack, and the thread where there is no stack


@dataclass(frozen=True, slots=True)
class _Request:
    """Somebody asked for a DLL; `act` is None where that is part of an import."""

    time_ns: int
    path: str
    act: Act | None


class Loading:
    """Remembers who asks for DLLs, also over batches."""

    def __init__(self, acts: Acts, edges: Edges, natives: Natives, answerable: Answerable, preloads: Preloads) -> None:
        self.acts = acts
        self._preloads = preloads
        self._edges = edges
        self.natives = natives
        self._answerable = answerable
        self._by_ctypes: dict[tuple[int, int | None, str], Act] = {}
        self._asked: dict[_PlaceKey, list[_Request]] = {}
        self._stacks: dict[_PlaceKey, int] = {}  # native stacks of the loader's work
        self._files: dict[tuple[int, int], str] = {}  # process and descriptor → file
        self.loads: list[Load] = []

    def start_batch(self, acts: Acts, events: Iterable[Sighting]) -> None:
        """Forget the loads so far; look which native code the loader works for."""
        self.acts, self.loads = acts, []
        self._preloads.start_batch()
        for seen in events:
            if seen.native.is_loader and seen.event.native_stack is not None:
                _make_room(self._stacks)
                self._stacks.setdefault(_place(seen), seen.event.native_stack)

    def add_ctypes(self, seen: Sighting, act: Act, name: str) -> None:
        """Take up audit event ctypes.dlopen."""
        _make_room(self._by_ctypes)
        self._by_ctypes[seen.process.id, seen.event.python_stack, name] = act
        self._ask(seen, act, name)
        self.loads.append(Load(act.process, name, seen.event.id, act.owner, act.location, "ctypes"))

    def add_dlopen(self, seen: Sighting) -> str:
        """Take up the C library's dlopen; gives what became of the event."""
        event = seen.event
        arguments = dict(event.arguments) if isinstance(event.arguments, dict) else {}
        path = arguments.get("path")
        if not isinstance(path, str):  # dlopen(NULL) gives the program itself
            return "nothing"
        if self._edges.add_dll_load(seen, path):
            self._ask(seen, None, path)
            return "import"
        if not seen.native.frames:
            stack = self._stacks.get(_place(seen))
            seen = replace(seen, native=self.natives.view(stack, seen.process.root))
        act = self._by_ctypes.get((seen.process.id, event.python_stack, path)) if seen.view.frames else None
        way, fate = "ctypes", "joined"
        if act is not None:
            act.join(event, self._answerable.beneath(seen, None))
        else:
            way, fate = event.name, "behaviour"
            act = self._count(seen, arguments)
        self._ask(seen, act, path)
        self.loads.append(Load(act.process, path, event.id, act.owner, act.location, way, seen.native.caller))
        return fate

    def _count(self, seen: Sighting, arguments: dict[str, object]) -> Act:
        answer = self._answerable.answer(seen)
        level = "native" if seen.view.frames and not seen.native.is_handler else "detached"
        beneath = self._answerable.beneath(seen, answer.made_by)
        return self.acts.count(seen, answer.by, arguments, level, beneath)

    def add_work(self, seen: Sighting) -> str | None:
        """Take up a system call of the loader; gives what it belongs to, None where nobody asked for a DLL."""
        request = self._find(seen)
        if request is None:
            if not seen.view.is_extension_init:
                return None
            request = _Request(0, "", None)  # its dlopen was not seen: the import tells
        if request.act is not None:
            request.act.join_work(seen.event, self._answerable.beneath(seen, None))
        path = self.mapped_file(seen.event)
        if path is not None and not is_named(path, request.path):
            by = request.act or seen.view.importer
            loader = request.path or None
            self.loads.append(Load(seen.process.id, path, seen.event.id, by.owner, by.location, "needed", loader))
        return "import" if request.act is None else "joined"

    def add_preload(self, seen: Sighting) -> bool:
        """Count the mapping of a DLL that nothing needs and that the loader puts before all others."""
        path = self.mapped_file(seen.event)
        if path is None or not self._preloads.is_preloaded(seen.process.id, path):
            return False
        owner = self._answerable.owner_of_file(seen, path)
        below = replace(self._answerable.beneath(seen, None), object=path)
        act = self.acts.count(seen, Attribution(owner, None, (owner.name,)), {"path": path}, "detached", below)
        act.kind, act.category = "tamper", "os"
        self.note_start(seen)
        return True

    def note_start(self, seen: Sighting) -> None:
        """Take up a DLL that the loader maps while a program starts."""
        path = self.mapped_file(seen.event)
        if path is not None:
            load = Load(seen.process.id, path, seen.event.id, STANDARD_LIBRARY, None, "start")
            self.loads.append(load)

    def note_unwinder(self, seen: Sighting) -> None:
        """Take up the DLL that the C library maps to end a thread."""
        path = self.mapped_file(seen.event)
        if path is not None:
            self.loads.append(Load(seen.process.id, path, seen.event.id, STANDARD_LIBRARY, None, "dlopen"))

    def add_mapping(self, seen: Sighting, act: Act) -> None:
        """Take up a file mapped executable without the loader."""
        path = self.mapped_file(seen.event)
        if path is not None and act.kind == "memory":
            load = Load(seen.process.id, path, seen.event.id, act.owner, act.location, "by_hand", seen.native.object)
            self.loads.append(load)

    def note_file(self, event: EventRow) -> None:
        """Take up which file a descriptor is for."""
        arguments = event.arguments if isinstance(event.arguments, dict) else {}
        name = f"memfd:{arguments['name']}" if "name" in arguments and event.name == "memfd_create" else None
        path = name or (arguments.get("path") if event.name.startswith("open") else None)
        if isinstance(path, str) and isinstance(event.result, int):
            _make_room(self._files)
            self._files[event.process, event.result] = path

    def mapped_file(self, event: EventRow) -> str | None:
        """Give the file that is mapped executable, where the event is such a mapping."""
        arguments = event.arguments if isinstance(event.arguments, dict) and event.kind == "memory" else {}
        path, descriptor = arguments.get("path"), arguments.get("fd")
        if isinstance(path, str):
            return path
        return self._files.get((event.process, descriptor)) if isinstance(descriptor, int) else None

    def _ask(self, seen: Sighting, act: Act | None, path: str) -> None:
        _make_room(self._asked)
        requests = self._asked.setdefault(_place(seen), [])
        if len(requests) < _MAX_ALIKE:
            requests.append(_Request(seen.event.first_ns, path, act))

    def _find(self, seen: Sighting) -> _Request | None:
        """Find the request that the loader works on: that for this very file, else the last before."""
        requests = self._asked.get(_place(seen), [])
        arguments = seen.event.arguments if isinstance(seen.event.arguments, dict) else {}
        name = posixpath.basename(str(arguments.get("path", "")))
        alike = [each for each in requests if name and is_named(name, each.path)] or requests
        before = [each for each in alike if each.time_ns <= seen.event.first_ns] or alike[:1]
        return max(before, key=lambda each: each.time_ns, default=None)


def _place(seen: Sighting) -> _PlaceKey:
    stack = seen.event.python_stack
    return seen.process.id, stack, seen.event.tid if stack is None else 0


def _make_room(notes: dict[Any, Any]) -> None:
    if len(notes) >= _MAX_NOTES:
        notes.clear()
