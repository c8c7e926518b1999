"""Which audit event explains a system call: the same process and Python stack, and agreeing arguments."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pyxhon.categories import CategoryTables, Resource
from pyxhon.join.acts import Act
from pyxhon.join.agreement import Kind, agree, key_of
from pyxhon.join.frameless import Sighting
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import ProcessRow

_MAX_NOTES = 200_000  # of the newest, and as many before them
_MAX_ANCESTORS = 8
_MAX_ALIKE = 16  # notes of one event, stack and key: the newest
# By the first part of an event's name: raised by Python code of the standard library, some instructions before the act,
# in the same call of a function; and the extension module that then acts. Without one the interpreter itself does.
_RAISED_BY_PYTHON = {
    "subprocess": "_posixsubprocess",
    "http": "_socket",
    "ftplib": "_socket",
    "imaplib": "_socket",
    "nntplib": "_socket",
    "poplib": "_socket",
    "smtplib": "_socket",
    "telnetlib": "_socket",
    "pty": "",
    "shutil": "",
}
# The extension module that raises an event, and acts. All others the interpreter itself raises.
_RAISED_BY = {
    **_RAISED_BY_PYTHON,
    "socket": "_socket",
    "sqlite3": "_sqlite3",
    "ctypes": "_ctypes",
    "mmap": "mmap",
    "fcntl": "fcntl",
    "_posixsubprocess": "_posixsubprocess",
    "syslog": "syslog",
    "resource": "resource",
}
_Place = tuple[int, int, str]  # process, stack, event
_PlaceNumbers = tuple[int, int, int]  # exact, by the innermost frame's function, the same of the frame around it
_NEW_SOCKET, _PAIR = "socket.__new__", "socketpair"
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
        self._older: dict[_NoteKey, list[Reason]] = {}
        self._places: dict[int, _PlaceNumbers] = {}
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
            self._older, self._notes = self._notes, {}
        values = tuple(_values(self._tables.resources_of_event(event.name), arguments))
        reason = Reason(act, values, event.is_truncated)
        exact, by_function, outer = self._place(event.python_stack)
        places = {by_function if _is_raised_by_python(event.name) else exact}
        if event.name == _NEW_SOCKET:
            places.add(outer)  # Python's socketpair makes them of what the system call gave
        told = () if event.is_truncated else values
        keys = {key_of(*value) for value in told} or {None}
        for place in places:
            for key in {*keys, *_longer_keys(told), "*"}:
                at = (event.process, place, event.name, key)
                alike = self._notes.get(at)
                if alike is None:
                    alike = self._notes[at] = self._older.pop(at, [])
                alike.append(reason)
                if len(alike) > _MAX_ALIKE:
                    del alike[0]

    def find(self, seen: Sighting) -> Reason | None:
        """Find what explains a system call."""
        event = seen.event
        if event.python_stack is None or seen.native.is_handler or not isinstance(event.arguments, dict):
            return None
        exact, by_function, _ = self._place(event.python_stack)
        entry = self._tables.find_system_call(event.kind, event.name)
        done = list(_values(entry.resources, event.arguments)) if entry else []
        for name in entry.explained_by if entry else ():
            if not self._may_be_raised(name, seen):
                continue
            is_near = _is_raised_by_python(name) or event.name == _PAIR
            place = by_function if is_near else exact
            for process in self._ancestors(event.process):
                found = self._match((process, place, name), done, is_cut=event.is_truncated)
                if found is not None:
                    return found
        return None

    def _match(self, at: _Place, done: list[tuple[Kind, object]], *, is_cut: bool) -> Reason | None:
        keys = {key_of(*value) for value in done}
        is_vague = is_cut or None in keys or not keys
        wanted: list[str | None] = ["*"] if is_vague else [*_longer_keys(done), *keys, None]
        for key in wanted:
            for reason in self._notes.get((*at, key)) or self._older.get((*at, key)) or ():
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

    def _ancestors(self, process: int) -> Iterator[int]:
        """Give a process image and those it was forked from: what began before the fork goes on in the child."""
        image: int | None = process
        for _ in range(_MAX_ANCESTORS):
            if image is None:
                return
            yield image
            image = self._parents.get(image)

    def _place(self, stack: int) -> _PlaceNumbers:
        """Give a stack as numbers that are equal for equal stacks, also in forked children."""
        found = self._places.get(stack)
        if found is None:
            rows = self._trace.stack(stack)
            frames = [(row.file, row.function, row.instruction) for row in rows]
            by_function = [(*frame[:2], None) for frame in frames[:2]]
            found = self._places[stack] = (
                hash(tuple(frames)),
                hash((*by_function[:1], *frames[1:])),
                hash((*by_function[1:], *frames[2:])),
            )
        return found


def _longer_keys(values: Iterable[tuple[Kind, object]]) -> Iterator[str]:
    """Give keys of which fewer things have the same: the whole, and the last two parts of a path."""
    for kind, value in values:
        yield f"{kind} {value}"
        if kind == "path" and isinstance(value, str) and "/" in value:
            yield f"... {'/'.join(value.rsplit('/', 2)[-2:])}"


def _is_raised_by_python(name: str) -> bool:
    return name.partition(".")[0] in _RAISED_BY_PYTHON


def _values(resources: Iterable[Resource], arguments: Mapping[str, object]) -> Iterator[tuple[Kind, object]]:
    """Give the paths and peers among arguments."""
    for resource in resources:
        value = arguments.get(resource.argument)
        if resource.kind == "path" and isinstance(value, str):
            yield "path", value
        elif resource.kind == "address" and resource.access in {"connect", "bind"}:
            port = arguments.get(resource.port_argument) if resource.port_argument else None
            yield "address", f"{value}:{port}" if port is not None else value


def _agree(reason: Reason, done: list[tuple[Kind, object]], *, is_cut: bool) -> bool:
    """Tell whether all that was done is spoken of, as far as the event speaks of such things."""
    for kind, value in done:
        told = [each for known, each in reason.values if known == kind]
        if told and not any(agree(kind, each, value, is_cut=is_cut) for each in told):
            return False
    return True
