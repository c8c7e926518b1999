"""Who made threads, processes, code, descriptors and rings: look-ups in the trace's own record of it."""

from collections.abc import Iterator, Mapping

from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow, ProcessRow, ProvenanceRow, SignalHandlerRow

_MAX_ANCESTORS = 32
_MAX_EVENTS = 50_000
_EXECUTIONS = ("execve", "execveat")
_FORKS = ("fork", "vfork", "clone", "clone3")


class Provenance:
    """Finds the event that made something; reads the tables again for each batch."""

    def __init__(self, trace: TraceReader) -> None:
        self._trace = trace
        self._rows: dict[tuple[int, str, str], list[ProvenanceRow]] | None = None
        self._by_kind: dict[tuple[int, str], list[ProvenanceRow]] = {}
        self._handlers: list[SignalHandlerRow] | None = None
        self._creators: dict[tuple[int, int], int] = {}
        self._by_name: dict[tuple[int, str], list[int]] = {}
        self._last_id = 0
        self._events: dict[int, EventRow | None] = {}
        self._processes: Mapping[int, ProcessRow] = {}

    def start_batch(self, processes: Mapping[int, ProcessRow]) -> None:
        """Allow the tables to be read again."""
        self._rows, self._handlers = None, None
        self._processes = processes

    def event(self, number: int) -> EventRow | None:
        """Give an event by its number."""
        if number not in self._events:
            if len(self._events) >= _MAX_EVENTS:
                self._events.clear()
            found = next(self._trace.events(after_id=number - 1), None)
            self._events[number] = found if found is not None and found.id == number else None
        return self._events[number]

    def maker(self, process: ProcessRow, kind: str, subject: str, time_ns: int) -> EventRow | None:
        """Find the last event before a time that made something; what a process was forked with, its parent made."""
        for image in self._images(process):
            rows = self._table().get((image.id, kind, subject), [])
            before = [row for row in rows if row.time_ns <= time_ns]
            if rows:
                return self.event((before or rows[:1])[-1].event)
        return None

    def creator_of_thread(self, process: ProcessRow, tid: int, time_ns: int) -> EventRow | None:
        """Find the system call that made a thread."""
        self._table()
        number = self._creators.get((process.id, tid))
        return self.event(number) if number is not None else self.maker(process, "thread", str(tid), time_ns)

    def creator_of_process(self, process: ProcessRow) -> EventRow | None:
        """Find what made a process image: the execve of its program, or the fork."""
        parent = self._processes.get(process.parent or 0)
        is_program = process.origin in {"exec", "run"}
        kind = "program" if is_program else "process"
        for image in (process, parent):
            rows = self._table().get((image.id, kind, str(process.pid)), []) if image else []
            before = [row for row in rows if row.time_ns <= process.started_ns] or rows[:1]
            if before:
                return self.event(before[-1].event)
        return self._last(parent, _EXECUTIONS if is_program else _FORKS, process.started_ns) if parent else None

    def _last(self, process: ProcessRow, names: tuple[str, ...], time_ns: int) -> EventRow | None:
        """Find the last system call of these names before a time, where nothing was noted of it."""
        for row in self._trace.events(self._last_id):  # those that came since
            self._last_id = row.id
            if row.name in _EXECUTIONS or row.name in _FORKS:
                self._by_name.setdefault((row.process, row.name), []).append(row.id)
        numbers = [number for name in names for number in self._by_name.get((process.id, name), [])]
        found = [event for number in numbers if (event := self.event(number)) and event.first_ns <= time_ns]
        return max(found, key=lambda event: event.first_ns, default=None)

    def maker_of_code(self, process: ProcessRow, address: int, time_ns: int) -> EventRow | None:
        """Find the last event before a time that made the memory around an address executable."""
        for image in self._images(process):
            found = [
                (row.time_ns, event)
                for row in self._rows_of(image, "anonymous")
                if row.time_ns <= time_ns and (event := self.event(row.event)) and _covers(row, event, address)
            ]
            if found:
                return max(found, key=lambda made: made[0])[1]
        return None

    def maker_of_memfd(self, process: ProcessRow, name: str, time_ns: int) -> EventRow | None:
        """Find the last event before a time that made a memfd of this name."""
        for image in self._images(process):
            events = [self.event(row.event) for row in self._rows_of(image, "memfd") if row.time_ns <= time_ns]
            named = [event for event in events if event and _argument(event, "name") == name]
            if named:
                return named[-1]
        return None

    def handler(self, process: ProcessRow, tid: int, time_ns: int) -> SignalHandlerRow | None:
        """Give the signal handler that ran last in a thread."""
        if self._handlers is None:
            self._handlers = self._trace.signal_handlers()
        ran = [row for row in self._handlers if row.process == process.id and row.time_ns <= time_ns]
        ran = [row for row in ran if row.tid == tid] or ran
        return max(ran, key=lambda row: row.time_ns, default=None)

    def _rows_of(self, process: ProcessRow, kind: str) -> list[ProvenanceRow]:
        self._table()
        return self._by_kind.get((process.id, kind), [])

    def _images(self, process: ProcessRow) -> Iterator[ProcessRow]:
        """Give a process image and those that it was forked from."""
        image: ProcessRow | None = process
        for _ in range(_MAX_ANCESTORS):
            if image is None:
                return
            yield image
            image = self._processes.get(image.parent or 0) if image.origin == "fork" else None

    def _table(self) -> dict[tuple[int, str, str], list[ProvenanceRow]]:
        if self._rows is None:
            self._rows, self._by_kind = {}, {}
            for row in self._trace.provenance():
                self._rows.setdefault((row.process, row.kind, row.subject), []).append(row)
                self._by_kind.setdefault((row.process, row.kind), []).append(row)
            self._creators = {
                (row.process, row.tid): row.creator for row in self._trace.threads() if row.creator is not None
            }
        return self._rows


def _argument(event: EventRow, *names: str) -> object:
    arguments = event.arguments if isinstance(event.arguments, dict) else {}
    return next((arguments[name] for name in names if name in arguments), None)


def _covers(row: ProvenanceRow, event: EventRow, address: int) -> bool:
    try:
        start = int(row.subject, 16)
    except ValueError:
        return False
    length = _argument(event, "length", "len")
    return start <= address < start + max(length if isinstance(length, int) else 0, 1)
