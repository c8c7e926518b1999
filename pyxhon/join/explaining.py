"""Which audit event explains a system call: the same process and Python stack, and agreeing arguments."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyxhon.categories import CategoryTables
from pyxhon.join.acts import Act
from pyxhon.join.agreement import Kind, agree, key_of
from pyxhon.join.calls_known import explainers_of
from pyxhon.join.frameless import Sighting
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import ProcessRow

_MAX_NOTES = 400_000
_MAX_ANCESTORS = 8
_MAX_ALIKE = 16  # notes of one event, stack and key
# Raised by Python code of the standard library, some instructions before the act, in the same call of a function.
_RAISED_BY_PYTHON = frozenset({"subprocess.Popen"})
# By the first part of an event's name: the extension module that raises it. All others the interpreter itself raises.
_RAISED_BY = {
    "socket": "_socket",
    "sqlite3": "_sqlite3",
    "ctypes": "_ctypes",
    "mmap": "mmap",
    "fcntl": "fcntl",
    "subprocess": "_posixsubprocess",
    "_posixsubprocess": "_posixsubprocess",
    "syslog": "syslog",
    "resource": "resource",
}
_PATHS = ("path", "oldpath", "newpath", "linkpath", "new_root", "put_old")
_Place = tuple[int, int, str]  # process, stack, event
_NoteKey = tuple[int, int, str, str | None]


@dataclass(frozen=True, slots=True)
class Reason:
    """An audit event that may explain system calls; `act` is None where it is part of an import."""

    act: Act | None
    values: tuple[tuple[Kind, object], ...]
    is_cut: bool


class Explanations:
    """Remembers audit events by where they were raised and what they speak of."""

    def __init__(self, trace: TraceReader, tables: CategoryTables) -> None:
        self._trace = trace
        self._tables = tables
        self._notes: dict[_NoteKey, list[Reason]] = {}
        self._places: dict[int, tuple[int, int]] = {}  # Python stack → its place, exact and by function alone
        self._parents: dict[int, int | None] = {}

    def start_batch(self, processes: Iterable[ProcessRow]) -> None:
        """Take up which process was forked from which."""
        self._parents = {row.id: row.parent if row.origin == "fork" else None for row in processes}

    def note(self, seen: Sighting, arguments: dict[str, object], act: Act | None) -> None:
        """Remember an audit event."""
        event = seen.event
        if event.python_stack is None:
            return
        if len(self._notes) >= _MAX_NOTES:
            self._notes.clear()
        values = tuple(self._values(event.name, arguments))
        reason = Reason(act, values, event.is_truncated)
        place = self._place(event.python_stack)[event.name in _RAISED_BY_PYTHON]
        keys = {key_of(*value) for value in values if not event.is_truncated} or {None}
        for key in {*keys, "*"}:
            alike = self._notes.setdefault((event.process, place, event.name, key), [])
            if len(alike) < _MAX_ALIKE:
                alike.append(reason)

    def find(self, seen: Sighting) -> Reason | None:
        """Find what explains a system call."""
        event = seen.event
        if event.python_stack is None or seen.native.is_handler or not isinstance(event.arguments, dict):
            return None
        exact, by_function = self._place(event.python_stack)
        done = list(_values_done(event.arguments))
        for name in explainers_of(self._tables, event.name):
            if not self._may_be_raised(name, seen):
                continue
            place = by_function if name in _RAISED_BY_PYTHON else exact
            for process in self._ancestors(event.process):
                found = self._match((process, place, name), done, is_cut=event.is_truncated)
                if found is not None:
                    return found
        return None

    def _match(self, at: _Place, done: list[tuple[Kind, object]], *, is_cut: bool) -> Reason | None:
        keys = {key_of(*value) for value in done}
        wanted: set[str | None] = {"*"} if is_cut or None in keys or not keys else {*keys, None}
        for key in wanted:
            for reason in self._notes.get((*at, key), ()):
                if _agree(reason, done, is_cut=is_cut or reason.is_cut):
                    return reason
        return None

    def _may_be_raised(self, name: str, seen: Sighting) -> bool:
        """Tell whether the DLL that the interpreter called for the act is the one that raises such events."""
        extension = seen.native.extension
        if extension is None:
            return True
        raiser = _RAISED_BY.get(name.partition(".")[0])
        return raiser is not None and posixpath.basename(extension).partition(".")[0] == raiser

    def _values(self, name: str, arguments: dict[str, object]) -> Iterator[tuple[Kind, object]]:
        for resource in self._tables.resources_of_event(name):
            value = arguments.get(resource.argument)
            if resource.kind == "path" and isinstance(value, str):
                yield "path", value
            elif resource.kind == "address" and resource.access in {"connect", "bind"} and isinstance(value, str):
                yield "address", value

    def _ancestors(self, process: int) -> Iterator[int]:
        """Give a process image and those it was forked from: what began before the fork goes on in the child."""
        image: int | None = process
        for _ in range(_MAX_ANCESTORS):
            if image is None:
                return
            yield image
            image = self._parents.get(image)

    def _place(self, stack: int) -> tuple[int, int]:
        """Give a stack as numbers that are equal for equal stacks, also in forked children."""
        found = self._places.get(stack)
        if found is None:
            rows = self._trace.stack(stack)
            frames = [(row.file, row.function, row.instruction) for row in rows]
            outer = [frames[0][:2], *frames[1:]] if frames else []
            found = self._places[stack] = (hash(tuple(frames)), hash(tuple(outer)))
        return found


def _values_done(arguments: dict[str, object]) -> Iterator[tuple[Kind, object]]:
    for name in _PATHS:
        if isinstance(arguments.get(name), str):
            yield "path", arguments[name]
    if isinstance(arguments.get("addr"), str):
        yield "address", arguments["addr"]


def _agree(reason: Reason, done: list[tuple[Kind, object]], *, is_cut: bool) -> bool:
    """Tell whether all that was done is spoken of, as far as the event speaks of such things."""
    for kind, value in done:
        told = [each for known, each in reason.values if known == kind]
        if told and not any(agree(kind, each, value, is_cut=is_cut) for each in told):
            return False
    return True
