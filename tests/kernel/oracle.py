"""Compares the audit events of a trace with what tests/programs/audit_oracle.py wrote in the processes themselves."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyxhon.events import MAX_FRAMES
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow
from tests.targets import PROGRAMS

_BEGIN, _END = "oracle.begin", "oracle.end"
_HOOK = (str(PROGRAMS / "audit_oracle.py"), "_hook")


@dataclass(frozen=True)
class Seen:
    """One audit event: arguments as JSON, the stack as (file, function, line) from the inside out."""

    pid: int
    name: str
    arguments: str
    stack: tuple[tuple[str, str, int | None], ...]


@dataclass(frozen=True)
class Occurrence:
    """One or, where the tracer counts, many occurrences of an event; `tid` is that of the first."""

    seen: Seen
    tid: int
    count: int = 1


def read_truth(log: Path) -> list[Occurrence]:
    """Give what the processes wrote, in the order in which they did."""
    found = []
    for line in log.read_text(encoding="ascii").splitlines():
        pid, tid, name, arguments, stack = json.loads(line)
        frames = tuple((file, function, number) for file, function, number in stack[:MAX_FRAMES])
        found.append(Occurrence(Seen(pid, name, _text_of(name, arguments), frames), tid))
    return found


def read_traced(reader: TraceReader) -> list[Occurrence]:
    """Give what the tracer saw, in the order of first occurrence, without the oracle's own events.

    A process counts from its oracle.begin, a forked one from its beginning, to its oracle.end.
    """
    processes = {row.id: row for row in reader.processes()}
    is_open = {row.id: row.origin == "fork" for row in processes.values()}
    found = []
    for row in reader.events():
        if row.kind != "audit":
            continue
        if row.name == _BEGIN:
            is_open[row.process] = True
        seen = _seen(reader, row, processes[row.process].pid)
        if is_open[row.process] and not any(frame[:2] == _HOOK for frame in seen.stack):
            found.append(Occurrence(seen, row.tid, row.count))
        if row.name == _END:
            is_open[row.process] = False
    return found


def seen_in(reader: TraceReader, prefix: str) -> Counter[Seen]:
    """Count the audit events whose names start so."""
    pids = {row.id: row.pid for row in reader.processes()}
    total: Counter[Seen] = Counter()
    for row in reader.events():
        if row.kind == "audit" and row.name.startswith(prefix):
            total[_seen(reader, row, pids[row.process])] += row.count
    return total


def differences(truth: list[Occurrence], traced: list[Occurrence]) -> str:
    """Say what is missing and what invented; nothing if both agree."""
    expected, got = _count(truth), _count(traced)
    lines = [f"missing: {_describe(missing)}" for missing in _some(expected - got)]
    lines += [f"invented: {_describe(invented)}" for invented in _some(got - expected)]
    if not lines:
        return ""
    totals = f"{sum((expected - got).values())} missing, {sum((got - expected).values())} invented"
    return "\n".join([f"{totals}, of {sum(expected.values())}", *lines])


def by_thread(occurrences: list[Occurrence]) -> dict[tuple[int, int], list[Seen]]:
    """Give each thread's events in order."""
    threads: dict[tuple[int, int], list[Seen]] = {}
    for one in occurrences:
        threads.setdefault((one.seen.pid, one.tid), []).append(one.seen)
    return threads


def _seen(reader: TraceReader, row: EventRow, pid: int) -> Seen:
    stack = reader.stack(row.python_stack) if row.python_stack is not None else ()
    frames = tuple((frame.file, frame.function, frame.line) for frame in stack)
    return Seen(pid, row.name, _text_of(row.name, row.arguments), frames)


def _text_of(name: str, arguments: list[object]) -> str:
    """Give arguments as JSON; compile() passes a C string, whose whole length nobody can tell where it is cut."""
    if name == "compile" and isinstance(arguments[0], dict):
        arguments = [{key: value for key, value in arguments[0].items() if key != "length"}, *arguments[1:]]
    return json.dumps(arguments)


def _count(occurrences: list[Occurrence]) -> Counter[Seen]:
    total: Counter[Seen] = Counter()
    for one in occurrences:
        total[one.seen] += one.count
    return total


def _some(events: Counter[Seen]) -> Iterator[tuple[Seen, int]]:
    yield from list(events.items())[:6]


def _describe(event: tuple[Seen, int]) -> str:
    seen, count = event
    places = " < ".join(f"{file}:{function}:{line}" for file, function, line in seen.stack[:4])
    return f"{count} x {seen.name} {seen.arguments[:200]} in {seen.pid} at {places} ({len(seen.stack)} frames)"
