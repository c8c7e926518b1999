"""Reads a trace, finished, being written, or left by a crash."""

import functools
import json
import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from pyxhon.errors import TraceError
from pyxhon.trace.damage import find_damage
from pyxhon.trace.repeats import fold
from pyxhon.trace.rows import (
    AbilityRow,
    AuditHookRow,
    CallFlowRow,
    CallRow,
    CodeContentRow,
    CodeOriginRow,
    CodeRow,
    CounterRow,
    DllRow,
    EventRow,
    FileRow,
    FrameRow,
    LossRow,
    ModuleRow,
    NativeFrameRow,
    NativeObjectRow,
    NativeStackRow,
    OpenFileRow,
    ProcessRow,
    ProvenanceRow,
    SignalHandlerRow,
    SourceRow,
    SyscallCountRow,
    ThreadRow,
)

_APPLICATION_ID: Final = 0x50795868
_VERSION: Final = 4
_MOST_RESULTS: Final = 1000
_MAGIC: Final = b"SQLite format 3\0"


def open_trace(path: Path) -> "TraceReader":
    """Open a trace. Raises TraceError for a file that is none, is damaged, or is of a newer version."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)  # to open a pipe would wait for its writer
        magic = _read_start(path) if is_file else b""
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise TraceError(message) from None
    if magic != _MAGIC:
        message = f"{path} is not a PyXhon trace"
        raise TraceError(message, "give the .pyxhon file that `pyxhon record -o` wrote")
    try:
        database = sqlite3.connect(_address(path), uri=True, isolation_level=None)
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        message = f"{path} is damaged: {error}"
        raise TraceError(message, "record it again") from None
    if application != _APPLICATION_ID:
        message = f"{path} is not a PyXhon trace"
        raise TraceError(message, "give the .pyxhon file that `pyxhon record -o` wrote")
    if version != _VERSION:
        message = f"{path} has trace version {version}, this PyXhon reads {_VERSION}"
        raise TraceError(message, "use the PyXhon that wrote it")
    return TraceReader(database, path)


def is_trace(path: Path) -> bool:
    """Tell whether a file looks like a trace and not like text; False where it cannot be read."""
    try:
        return path.is_file() and _read_start(path) == _MAGIC
    except (OSError, ValueError):
        return False


def _address(path: Path) -> str:
    """Give SQLite's name for the file: a trace that is no longer written can be read where nothing can be written."""
    log = path.with_name(f"{path.name}-wal")
    is_written = log.exists() and log.stat().st_size > 0
    is_shut = not os.access(path.parent, os.W_OK)
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_shut and not is_written else ''}"


def _read_start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_MAGIC))


class TraceReader:
    """An open trace; all methods are read-only and raise TraceError where the file is damaged."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self._database = database
        self.path = path
        self._stacks: dict[int, tuple[FrameRow, ...]] = {}
        self._native_stacks: dict[int, NativeStackRow] = {}
        self._acts: tuple[EventRow, ...] = ()
        self._firsts: dict[int, int] = {}
        self._results: dict[str | None, Any] = {}  # few, and nobody changes them
        self._folded_version: int | None = None

    def __enter__(self) -> "TraceReader":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._database.close()

    def _select(self, statement: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            for row in self._database.execute(statement, values):  # noqa: UP028 - would close the cursor, too late
                yield row
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter from an error's own text
            raise self._damaged(str(error)) from None

    def _damaged(self, what: str) -> TraceError:
        return TraceError(f"{self.path} is damaged: {what}", "record it again")

    def check(self) -> None:
        """Raise TraceError unless the whole file is what PyXhon writes; reads all of it."""
        try:
            damage = find_damage(self._database, self.path)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            damage = str(error)
        except OSError as error:
            message = f"cannot read {self.path}: {error.strerror}"
            raise TraceError(message) from None
        if damage is not None:
            raise self._damaged(damage)

    def _decode(self, text: str | None) -> Any:
        try:
            return None if text is None else json.loads(text)
        except (ValueError, RecursionError):
            raise self._damaged("a JSON column holds something else") from None

    def meta(self) -> dict[str, Any]:
        """Give what is said of the whole recording."""
        return {key: self._decode(value) for key, value in self._select("SELECT key, value FROM meta")}

    def processes(self) -> list[ProcessRow]:
        """Give all process images, oldest first."""
        rows = []
        for row in self._select("SELECT * FROM process ORDER BY id"):
            values = list(row)
            for index in (7, 13, 14):  # arguments, interpreter, coverage
                values[index] = self._decode(values[index])
            rows.append(ProcessRow(*values))
        return rows

    def threads(self) -> list[ThreadRow]:
        """Give all threads."""
        return [ThreadRow(*row) for row in self._select("SELECT * FROM thread")]

    def events(self, after_id: int = 0) -> Iterator[EventRow]:
        """Give the events with a greater id, in the order of their first occurrence."""
        return self._read_events("id > ?", (after_id,))

    def acts(self) -> tuple[EventRow, ...]:
        """Give the events with repeats counted that were stored one by one, each with the number of its first."""
        self._fold()
        return self._acts

    def first_of(self, event: int) -> int:
        """Give the number of the act that an event was counted into; of one that code objects come from."""
        self._fold()
        return self._firsts.get(event, event)

    def _fold(self) -> None:
        """Read the events once, for as long as nobody writes."""
        [(version,)] = self._select("PRAGMA data_version")
        if version != self._folded_version:
            given = self._select("SELECT event FROM code_origin WHERE event IS NOT NULL")
            folded = fold(self._select("SELECT * FROM event ORDER BY id"), frozenset(number for (number,) in given))
            self._acts = tuple(map(self._event, folded.take_rows()))
            self._firsts = folded.firsts
            self._folded_version = version

    def _event(self, row: tuple[Any, ...]) -> EventRow:
        arguments = self._decode(row[5])
        if type(arguments) is dict:
            arguments = {sys.intern(name): value for name, value in arguments.items()}
        if row[6] not in self._results:
            if len(self._results) >= _MOST_RESULTS:
                self._results.clear()
            self._results[row[6]] = self._decode(row[6])
        columns = list(row)
        columns[5], columns[6], columns[14] = arguments, self._results[row[6]], bool(row[14])
        columns[12] = row[11] if row[11] == row[12] else row[12]  # one number, where it is the same
        return EventRow(*columns)

    def event_counts(self) -> dict[int, int]:
        """Give how often each event was seen by now: while a trace is taken, repeats are counted into its rows."""
        return dict(self._select("SELECT id, count FROM event"))

    def _read_events(self, where: str, values: tuple[int, ...]) -> Iterator[EventRow]:
        for row in self._select(f"SELECT * FROM event WHERE {where} ORDER BY id", values):  # noqa: S608 - ours
            yield self._event(row)

    def stack(self, stack_id: int) -> tuple[FrameRow, ...]:
        """Give a Python stack, innermost frame first."""
        frames = self._stacks.get(stack_id)
        if frames is None:
            statement = (
                "SELECT code.file, code.qualified_name, python_frame.line, python_frame.instruction, "
                "python_frame.code, python_frame.is_entry "
                "FROM python_frame LEFT JOIN code ON code.id = python_frame.code WHERE stack = ? ORDER BY position"
            )
            rows = self._select(statement, (stack_id,))
            frames = tuple(FrameRow(*row) for row in rows)
            self._stacks[stack_id] = frames
        return frames

    def is_stack_truncated(self, stack_id: int) -> bool:
        """Tell whether frames are missing from a stack."""
        return stack_id in self._truncated_stacks()

    def _truncated_stacks(self) -> frozenset[int]:
        [(count,)] = self._select("SELECT count(*) FROM python_stack")
        return _truncated(self, count)

    def read_truncated_stacks(self) -> frozenset[int]:
        """Give the ids of all stacks with missing frames."""
        return frozenset(row[0] for row in self._select("SELECT id FROM python_stack WHERE is_truncated OR is_partial"))

    def native_stack(self, stack_id: int) -> NativeStackRow | None:
        """Give a native stack, innermost frame first; None when the trace does not have it."""
        found = self._native_stacks.get(stack_id)
        if found is None:
            statement = (
                "SELECT native_object.path, native_object.role, native_frame.symbol, native_frame.offset, "
                "native_frame.how, native_frame.is_eval, native_frame.flags, native_frame.object "
                "FROM native_frame LEFT JOIN native_object ON native_object.id = native_frame.object "
                "WHERE stack = ? ORDER BY position"
            )
            frames = tuple(NativeFrameRow(*row) for row in self._select(statement, (stack_id,)))
            query = "SELECT is_truncated, is_guessed, end_reason FROM native_stack WHERE id = ?"
            for truncated, guessed, reason in self._select(query, (stack_id,)):
                found = NativeStackRow(stack_id, bool(truncated), bool(guessed), reason, frames)
                self._native_stacks[stack_id] = found
        return found

    def native_objects(self) -> list[NativeObjectRow]:
        """Give what native code belongs to."""
        rows = self._select("SELECT * FROM native_object ORDER BY id")
        return [NativeObjectRow(*[*row[:7], self._decode(row[7])]) for row in rows]

    def provenance(self) -> list[ProvenanceRow]:
        """Give who made what, oldest first."""
        return [ProvenanceRow(*row) for row in self._select("SELECT * FROM provenance ORDER BY time_ns")]

    def signal_handlers(self) -> list[SignalHandlerRow]:
        """Give the signal handlers that ran."""
        return [SignalHandlerRow(*row) for row in self._select("SELECT * FROM signal_handler")]

    def syscall_counts(self) -> list[SyscallCountRow]:
        """Give how often system calls were made that are not events."""
        return [SyscallCountRow(*row) for row in self._select("SELECT * FROM syscall_count")]

    def calls(self) -> Iterator[CallRow]:
        """Give the functions that ran, in the order they were first seen."""
        return (CallRow(*row) for row in self._select("SELECT * FROM call ORDER BY id"))

    def call_flow(self) -> Iterator[CallFlowRow]:
        """Give the entries and exits of functions, of each thread in the order of time."""
        return (CallFlowRow(*row) for row in self._select("SELECT * FROM call_flow ORDER BY process, tid, time_ns, id"))

    def processes_with_exits(self) -> frozenset[int]:
        """Give the processes whose functions were seen to end, too."""
        statement = "SELECT DISTINCT process FROM call_flow WHERE kind NOT IN ('start', 'resume')"
        return frozenset(row[0] for row in self._select(statement))

    def call_flow_span(self) -> tuple[int, int] | None:
        """Give the times of the first and the last entry or exit; None when there are none."""
        [(first_ns, last_ns)] = self._select("SELECT min(time_ns), max(time_ns) FROM call_flow")
        return None if first_ns is None else (first_ns, last_ns)

    def called_codes(self) -> dict[int, CodeRow]:
        """Give the code objects that ran or called, by id."""
        return self._codes(
            "SELECT callee FROM call UNION SELECT caller FROM call "
            "UNION SELECT code FROM call_flow UNION SELECT caller FROM call_flow"
        )

    def told_codes(self) -> dict[int, CodeRow]:
        """Give the code objects of functions whose calls are events, and of those that called them, by id."""
        return self._codes(
            "SELECT code FROM python_frame WHERE position < 2 AND stack IN "
            "(SELECT python_stack FROM event WHERE kind = 'call' AND instr(name, ':'))"
        )

    def told_calls(self) -> Iterator[EventRow]:
        """Give the events that are calls of Python functions."""
        return self._read_events("kind = 'call' AND instr(name, ':')", ())

    def _codes(self, ids: str) -> dict[int, CodeRow]:
        statement = f"SELECT id, process, file, qualified_name, first_line FROM code WHERE id IN ({ids})"  # noqa: S608 - ours
        return {row[0]: CodeRow(*row) for row in self._select(statement)}

    def code_hashes(self) -> dict[int, str]:
        """Give the content of each code object that was captured, by id."""
        return dict(self._select("SELECT id, bytecode FROM code WHERE bytecode IS NOT NULL"))

    def captured_codes(self) -> dict[int, CodeRow]:
        """Give the code objects that were captured, by id."""
        return self._codes("SELECT id FROM code WHERE bytecode IS NOT NULL")

    def codes_in_stacks(self) -> set[int]:
        """Give the code objects that were seen to run, because a stack has them."""
        return {code for (code,) in self._select("SELECT DISTINCT code FROM python_frame WHERE code IS NOT NULL")}

    def code_content(self, digest: str) -> CodeContentRow | None:
        """Give what a code object consists of."""
        for row in self._select("SELECT * FROM code_content WHERE hash = ?", (digest,)):
            lists = [self._decode(value) for value in row[11:17]]
            if not all(isinstance(one, list) for one in lists):
                raise self._damaged("table code_content holds what it cannot")
            return CodeContentRow(*row[:11], *lists, *row[17:])
        return None

    def code_origins(self) -> list[CodeOriginRow]:
        """Give where code objects come from."""
        return [CodeOriginRow(*row) for row in self._select("SELECT * FROM code_origin ORDER BY rowid")]

    def event_stacks(self) -> dict[int, int]:
        """Give the Python stack of each act that has one, by id."""
        return {act.id: act.python_stack for act in self.acts() if act.python_stack is not None}

    def sources(self) -> list[SourceRow]:
        """Give which functions source files define."""
        rows = []
        for root, path, functions, reason in self._select("SELECT * FROM source"):
            decoded = self._decode(functions)
            try:
                known = None if decoded is None else [(int(line), str(name)) for line, name in decoded]
            except (TypeError, ValueError):
                raise self._damaged("table source holds what it cannot") from None
            rows.append(SourceRow(root, path, known, reason))
        return rows

    def abilities(self) -> Iterator[AbilityRow]:
        """Give what the installed files of distributions could do by their text."""
        for row in self._select("SELECT * FROM ability ORDER BY package, path"):
            yield AbilityRow(*[*row[:5], self._decode(row[5]), self._decode(row[6]), row[7]])

    def files(self) -> dict[tuple[int, str], FileRow]:
        """Give whose file it is, by (root, path)."""
        files = {}
        for root, path, origin, package, version, module, detail in self._select("SELECT * FROM file"):
            files[root, path] = FileRow(root, path, origin, package, version, module, self._decode(detail))
        return files

    def dlls(self) -> list[DllRow]:
        """Give all DLLs."""
        rows = self._select("SELECT * FROM dll ORDER BY id")
        return [DllRow(*[*row[:6], self._decode(row[6])]) for row in rows]

    def modules(self) -> list[ModuleRow]:
        """Give sys.modules at attach."""
        rows = self._select("SELECT * FROM module")
        return [ModuleRow(process, name, file, bool(extension)) for process, name, file, extension in rows]

    def open_files(self) -> list[OpenFileRow]:
        """Give the descriptors open at attach."""
        return [OpenFileRow(*row) for row in self._select("SELECT * FROM open_file")]

    def audit_hooks(self) -> list[AuditHookRow]:
        """Give the audit hooks installed at attach."""
        return [AuditHookRow(*row) for row in self._select("SELECT * FROM audit_hook")]

    def losses(self) -> list[LossRow]:
        """Give what was not seen."""
        return [LossRow(*row) for row in self._select("SELECT * FROM loss WHERE count > 0")]

    def counters(self) -> list[CounterRow]:
        """Give the conservation law of each signal."""
        return [CounterRow(*row) for row in self._select("SELECT * FROM counter")]


@functools.lru_cache(maxsize=4)
def _truncated(reader: TraceReader, count: int) -> frozenset[int]:
    del count  # part of the key: a live trace grows
    return reader.read_truncated_stacks()
