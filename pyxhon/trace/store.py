"""Writes a trace. Readable while written; after a crash it is valid up to the last commit."""

import contextlib
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from pyxhon.errors import OutputError
from pyxhon.trace.rows import AbilityRow, CallRow, EventRow

_SCHEMA: Final = Path(__file__).with_name("schema.sql")
_COMMIT_SECONDS: Final = 0.25
_TEXT_LIMIT: Final = 1 << 16
_SIGN: Final = 1 << 63
_MASK: Final = (1 << 64) - 1
CallFlow = tuple[int, int, int, str, int, int | None, int | None]  # as CallFlowRow, without its id
NativeFrame = tuple[int | None, str | None, int, str, bool, int]  # object, symbol, offset, how, is eval, flags


def clean(text: str | None) -> str | None:
    """Make text storable: SQLite wants valid UTF-8, a target's file names need not be."""
    if text is None:
        return None
    return text[:_TEXT_LIMIT].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def signed(number: int) -> int:
    """Turn a 64-bit number into SQLite's signed one; of a longer one, made of a file's headers, the lower 64 bits."""
    number &= _MASK
    return number - (1 << 64) if number & _SIGN else number


class Store:
    """The one writer of a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISREG(path.lstat().st_mode):  # a device or link would be gone for good
                    message = f"cannot write the trace {path}: it is not a regular file"
                    raise OutputError(message, "choose another place with -o")
                path.unlink()
            # an empty file of our own first: never follow a link that someone put there meanwhile
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA.read_text(encoding="utf-8"))
            self._database.execute("BEGIN")
        except (OSError, sqlite3.Error) as error:
            raise self._unwritable(error) from None
        self._committed = time.monotonic()
        self._next_event = 1

    def __enter__(self) -> "Store":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit and close."""
        try:
            if self._database.in_transaction:
                self._database.execute("COMMIT")
            # A log beside it would keep it from being read where nothing can be written. It stays while somebody reads.
            with contextlib.suppress(sqlite3.OperationalError):
                self._database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as failure:
            if kind is None:
                raise self._unwritable(failure) from None
        finally:
            self._database.close()

    def _unwritable(self, error: Exception) -> OutputError:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return OutputError(f"cannot write the trace {self.path}: {reason}", "choose another place with -o")

    def _execute(self, statement: str, values: tuple[Any, ...]) -> int:
        try:
            return self._database.execute(statement, values).lastrowid or 0
        except sqlite3.Error as error:
            raise self._unwritable(error) from None

    def _execute_many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            self._database.executemany(statement, rows)
        except sqlite3.Error as error:
            raise self._unwritable(error) from None

    def commit(self, *, is_forced: bool = False) -> bool:
        """Commit when the last commit is a while ago; tells whether it did."""
        now = time.monotonic()
        if not is_forced and now - self._committed < _COMMIT_SECONDS:
            return False
        try:
            self._database.execute("COMMIT")
            self._database.execute("BEGIN")
        except sqlite3.Error as error:
            raise self._unwritable(error) from None
        self._committed = now
        return True

    def set_meta(self, **values: Any) -> None:
        """Set keys of table meta."""
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        self._execute_many("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def add_process(self, **columns: Any) -> int:
        """Add a process image; gives its id."""
        return self._insert("process", columns)

    def update_process(self, process: int, **columns: Any) -> None:
        """Change columns of a process image."""
        names = ", ".join(f"{name} = ?" for name in columns)
        self._execute(f"UPDATE process SET {names} WHERE id = ?", (*map(_value, columns.values()), process))  # noqa: S608

    def _insert(self, table: str, columns: dict[str, Any]) -> int:
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our own names
        return self._execute(statement, tuple(map(_value, columns.values())))

    def add_thread(self, process: int, tid: int, started_ns: int | None) -> None:
        """Add a thread; one that is known stays."""
        self._execute("INSERT OR IGNORE INTO thread VALUES (?, ?, ?, NULL, NULL)", (process, tid, started_ns))

    def set_creator(self, process: int, tid: int, event: int) -> None:
        """Tell which system call made a thread."""
        self._execute("UPDATE thread SET creator = ? WHERE process = ? AND tid = ?", (event, process, tid))

    def end_thread(self, process: int, tid: int, ended_ns: int) -> None:
        """Tell that a thread ended."""
        self._execute("UPDATE thread SET ended_ns = ? WHERE process = ? AND tid = ?", (ended_ns, process, tid))

    def add_code(self, **columns: Any) -> int:
        """Add a code object; gives its id."""
        columns["address"] = signed(columns["address"])
        return self._insert("code", columns)

    def set_line_table(self, code: int, content: bytes, size: int | None = None) -> None:
        """Replace a code object's line table by a more complete one; `size` is its whole length where not known yet."""
        statement = "UPDATE code SET line_table = ?, line_table_bytes = coalesce(?, line_table_bytes) WHERE id = ?"
        self._execute(statement, (content, size, code))

    def set_code_content(self, code: int, digest: str, columns: dict[str, Any]) -> None:
        """Set what a code object consists of."""
        if columns:  # else it is there already
            self._insert("code_content", {"hash": digest, **columns})
        self._execute("UPDATE code SET bytecode = ? WHERE id = ?", (digest, code))

    def count_uncaptured(self) -> int:
        """Tell of how many code objects in stacks it is not known what they consist of."""
        [(count,)] = self._query(
            "SELECT count(*) FROM code WHERE bytecode IS NULL AND id IN (SELECT code FROM python_frame)"
        )
        return int(count)

    def add_code_origin(self, code: int, *, event: int | None = None, parent: int | None = None) -> None:
        """Tell which act was given a code object, or which code object has it among its constants."""
        self._execute("INSERT INTO code_origin VALUES (?, ?, ?)", (code, event, parent))

    def add_stack(self, process: int, *, is_truncated: bool, is_partial: bool) -> int:
        """Add an empty Python stack; gives its id."""
        return self._execute(
            "INSERT INTO python_stack (process, is_truncated, is_partial) VALUES (?, ?, ?)",
            (process, is_truncated, is_partial),
        )

    def add_frames(self, stack: int, frames: Iterable[tuple[int | None, int, int | None, bool]]) -> None:
        """Add the (code, instruction, line, is entry) of a stack, innermost first."""
        rows = [(stack, position, *frame) for position, frame in enumerate(frames)]
        self._execute_many("INSERT OR REPLACE INTO python_frame VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add_native_object(self, **columns: Any) -> int:
        """Add what native code belongs to; gives its id."""
        inode = columns.get("inode")
        if inode is not None:  # a file system of the target's own may choose any
            columns["inode"] = signed(inode)
        return self._insert("native_object", columns)

    def set_native_object_role(self, row: int, role: str) -> None:
        """Tell what part a file plays after all."""
        self._execute("UPDATE native_object SET role = ? WHERE id = ?", (role, row))

    def add_native_stack(self, **columns: Any) -> int:
        """Add an empty native stack; gives its id."""
        return self._insert("native_stack", columns)

    def add_native_frames(self, stack: int, frames: Iterable[NativeFrame]) -> None:
        """Add the frames of a native stack, innermost first."""
        rows = [
            (stack, position, object_, clean(symbol), signed(offset), how, is_eval, flags)
            for position, (object_, symbol, offset, how, is_eval, flags) in enumerate(frames)
        ]
        self._execute_many("INSERT OR REPLACE INTO native_frame VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def add_provenance(self, process: int, made: tuple[str, str], event: int, time_ns: int) -> None:
        """Tell which event made something: (kind, subject)."""
        self._execute("INSERT INTO provenance VALUES (?, ?, ?, ?, ?)", (process, *made, event, time_ns))

    def add_signal_handler(self, handler: tuple[int, int, int, int], object_row: int | None, time_ns: int) -> None:
        """Add a handler that ran: (process, tid, signal number, address)."""
        values = (*handler[:3], signed(handler[3]), object_row, time_ns)
        self._execute("INSERT INTO signal_handler VALUES (?, ?, ?, ?, ?, ?)", values)

    def set_result(self, event: int, result: Any, arguments: Any) -> None:
        """Set what a system call gave, and its arguments where they were read again at its end."""
        values = (json.dumps(result), None if arguments is None else json.dumps(arguments), event)
        self._execute("UPDATE event SET result = ?, arguments = coalesce(?, arguments) WHERE id = ?", values)

    def set_syscall_counts(self, counts: Iterable[tuple[int, str, int]]) -> None:
        """Set (process, name, count)."""
        self._execute_many("INSERT OR REPLACE INTO syscall_count VALUES (?, ?, ?)", counts)

    def add_events(self, events: Iterable[EventRow]) -> None:
        """Add events, whose ids come from `next_event_id`."""
        rows = [
            (
                event.id, event.process, event.tid, event.kind, clean(event.name), json.dumps(event.arguments),
                None if event.result is None else json.dumps(event.result), event.python_stack, event.native_stack,
                event.count, event.failed, event.first_ns, event.last_ns, event.signal, event.is_truncated,
            )
            for event in events
        ]  # fmt: skip
        self._execute_many(f"INSERT INTO event VALUES ({', '.join('?' * 15)})", rows)  # noqa: S608

    def next_event_id(self) -> int:
        """Give a new event id."""
        self._next_event += 1
        return self._next_event - 1

    def update_counts(self, counts: Iterable[tuple[int, int, int, int]]) -> None:
        """Set (count, failed, last_ns, event id)."""
        self._execute_many("UPDATE event SET count = ?, failed = ?, last_ns = ? WHERE id = ?", counts)

    def add_call(self, call: CallRow) -> int:
        """Add a function that ran; gives the row's id."""
        columns = (call.process, call.tid, call.callee, call.caller)
        counts = (call.starts, call.resumptions, call.first_ns, call.last_ns)
        return self._execute("INSERT INTO call VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", (*columns, *counts))

    def update_call_counts(self, counts: Iterable[tuple[int, int, int | None, int]]) -> None:
        """Set (starts, resumptions, last_ns, call id)."""
        self._execute_many("UPDATE call SET starts = ?, resumptions = ?, last_ns = ? WHERE id = ?", counts)

    def add_call_flow(self, rows: Iterable[CallFlow]) -> None:
        """Add entries and exits of functions: (process, tid, time_ns, kind, code, caller, duration_ns)."""
        self._execute_many("INSERT INTO call_flow VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", rows)

    def add_opcode(self, name: str) -> int:
        """Add an opcode; gives its id."""
        return self._insert("opcode", {"name": name})

    def add_bytecode_flow(self, rows: Iterable[tuple[int, int, int, int, int, int]]) -> None:
        """Add executed instructions: (process, tid, time_ns, code, instruction, opcode)."""
        self._execute_many("INSERT INTO bytecode_flow VALUES (NULL, ?, ?, ?, ?, ?, ?)", rows)

    def count_call_flow(self) -> None:
        """Add to table call what the entries in table call_flow come to."""
        self._execute(
            "INSERT INTO call SELECT NULL, process, tid, code, caller, sum(kind = 'start'), sum(kind = 'resume'), "
            "min(time_ns), max(time_ns) FROM call_flow WHERE kind IN ('start', 'resume') "
            "GROUP BY process, tid, code, caller ORDER BY min(time_ns)",
            (),
        )

    def add_source(self, root: int, path: str, functions: list[tuple[int, str]] | str) -> None:
        """Add the (first line, qualified name) of the functions that a source file defines; or why not known."""
        is_known = not isinstance(functions, str)
        values = (json.dumps(functions), None) if is_known else (None, functions)
        self._execute("INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?)", (root, clean(path), *values))

    def add_abilities(self, rows: Iterable[AbilityRow]) -> None:
        """Add what installed files could do by their text; the first word on a file stays."""
        values = [
            (
                row.root, clean(row.path), clean(row.package), clean(row.version), clean(row.module),
                None if row.reason is not None else json.dumps(row.functions),
                None if row.reason is not None else json.dumps(row.sites), clean(row.reason),
            )
            for row in rows
        ]  # fmt: skip
        self._execute_many("INSERT OR IGNORE INTO ability VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def distribution_files(self) -> list[tuple[int, str, str, str | None, str | None, bool]]:
        """Give (root, path, package, version, module, is in an archive) of files of distributions."""
        return self._query(
            "SELECT root, path, package, version, module, json_extract(known, '$.archive') IS NOT NULL "
            "FROM (SELECT *, coalesce(detail, '{}') AS known FROM file) "
            "WHERE origin = 'distribution' AND json_extract(known, '$.generated') IS NULL"
        )

    def called_files(self) -> list[tuple[int, str, str | None]]:
        """Give root, path and a working directory for the files of functions that ran or called."""
        return self._query(
            "SELECT process.root, code.file, min(process.working_directory) FROM code "
            "JOIN process ON process.id = code.process WHERE code.file IS NOT NULL "
            "AND code.id IN (SELECT callee FROM call UNION SELECT caller FROM call) GROUP BY process.root, code.file"
        )

    def called_sources(self) -> list[tuple[int, str, str | None]]:
        """Give the same for functions that ran alone, but no file of the standard library, and no code without one."""
        return self._query(
            "SELECT process.root, code.file, min(process.working_directory) FROM code "
            "JOIN process ON process.id = code.process "
            "JOIN file ON file.root = process.root AND file.path = code.file "
            "WHERE code.id IN (SELECT callee FROM call) AND file.origin <> 'stdlib' "
            "AND json_extract(coalesce(file.detail, '{}'), '$.generated') IS NULL GROUP BY process.root, code.file"
        )

    def _query(self, statement: str) -> list[Any]:
        try:
            return self._database.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise self._unwritable(error) from None

    def add_dll(self, process: int, path: str, *, build_id: str | None = None, event: int | None = None) -> None:
        """Add a DLL; the first word on it stays."""
        self._execute(
            "INSERT OR IGNORE INTO dll (process, path, build_id, event) VALUES (?, ?, ?, ?)",
            (process, clean(path), build_id, event),
        )

    def set_hash(self, path: str, sha256: str | None, build_id: str | None) -> None:
        """Set what was read from a DLL's file."""
        self._execute("UPDATE dll SET sha256 = ?, build_id = ? WHERE path = ?", (sha256, build_id, clean(path)))

    def set_dossier(self, path: str, dossier: dict[str, Any]) -> None:
        """Set what a DLL's file says of itself."""
        self._execute("UPDATE dll SET dossier = ? WHERE path = ?", (json.dumps(dossier), clean(path)))

    def add_modules(self, process: int, modules: Iterable[tuple[str, str | None, bool]]) -> None:
        """Add (name, file, is_extension) of sys.modules."""
        rows = [(process, clean(name), clean(file), extension) for name, file, extension in modules]
        self._execute_many("INSERT OR IGNORE INTO module VALUES (?, ?, ?, ?)", rows)

    def add_open_files(self, process: int, files: Iterable[tuple[int, str, str]]) -> None:
        """Add (descriptor, kind, description)."""
        rows = [(process, descriptor, kind, clean(text)) for descriptor, kind, text in files]
        self._execute_many("INSERT OR IGNORE INTO open_file VALUES (?, ?, ?, ?)", rows)

    def add_audit_hooks(self, process: int, descriptions: Iterable[str]) -> None:
        """Add installed audit hooks."""
        self._execute_many("INSERT INTO audit_hook VALUES (?, ?)", [(process, clean(text)) for text in descriptions])

    def add_file(self, root: int, path: str, owner: tuple[str, str, str | None, str | None, Any]) -> None:
        """Add whose file it is: (origin, package, version, module, detail)."""
        origin, package, version, module, detail = owner
        encoded = None if detail is None else json.dumps(detail)
        self._execute(
            "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?)",
            (root, clean(path), origin, clean(package), clean(version), clean(module), encoded),
        )

    def set_losses(self, losses: dict[tuple[int | None, str, str], int]) -> None:
        """Set all losses, by (process, signal, reason)."""
        self._execute("DELETE FROM loss", ())
        self._execute_many("INSERT INTO loss VALUES (?, ?, ?, ?)", [(*key, count) for key, count in losses.items()])

    def set_counters(self, counters: Iterable[tuple[str, int, int, int, int]]) -> None:
        """Set (signal, seen, stored, repeated, lost)."""
        self._execute_many("INSERT OR REPLACE INTO counter VALUES (?, ?, ?, ?, ?)", counters)


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    return json.dumps(value) if isinstance(value, list | dict) else value
