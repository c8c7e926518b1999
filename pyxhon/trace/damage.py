"""Tells whether a trace file is whole: SQLite checks its structure, the rows are held against schema.sql."""

import sqlite3
import struct
from pathlib import Path
from typing import Final

SCHEMA: Final = Path(__file__).with_name("schema.sql")
_TYPES: Final = {"INTEGER": "'integer'", "TEXT": "'text'", "BLOB": "'blob'"}
_PAGES: Final = struct.Struct(">H10xI")  # page size and count in pages, at byte 16 of the file (sqlite.org/fileformat2)
_LARGEST_PAGE: Final = 65536  # written as 1


def find_damage(database: sqlite3.Connection, path: Path) -> str | None:
    """Say what is wrong with an open trace; None when nothing is. Raises what sqlite3 raises on a damaged file."""
    if _is_cut(path):
        return "its end is missing"
    [(verdict,)] = database.execute("PRAGMA quick_check(1)")
    if verdict != "ok":
        return str(verdict)
    with sqlite3.connect(":memory:") as intact:
        intact.executescript(SCHEMA.read_text(encoding="utf-8"))
        tables = [name for (name,) in intact.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {table: _columns(intact, table) for table in tables}
    intact.close()
    for table in tables:
        if _columns(database, table) != columns[table]:
            return f"table {table} is not as PyXhon makes it"
        if database.execute(f"SELECT 1 FROM {table} WHERE {_wrong_types(columns[table])} LIMIT 1").fetchone():  # noqa: S608 - our own names
            return f"table {table} holds what it cannot"
    if database.execute("PRAGMA foreign_key_check").fetchone():
        return "a row names another that is missing"
    return None


def _is_cut(path: Path) -> bool:
    """Compare the size with what the header says; a trace being written has its latest pages in another file."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return False
    with path.open("rb") as file:
        header = file.read(32)
    if len(header) < 32:  # noqa: PLR2004 - what is unpacked next
        return True
    size, count = _PAGES.unpack_from(header, 16)
    expected: int = (_LARGEST_PAGE if size == 1 else size) * count
    return path.stat().st_size < expected


def _columns(database: sqlite3.Connection, table: str) -> list[tuple[str, str, bool]]:
    """Give (name, type, may be NULL) of each column; none for what is no table."""
    found = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    rows = database.execute(f"PRAGMA table_info({table})") if found else ()
    return [(name, kind, not bool(is_required)) for _, name, kind, is_required, _, _ in rows]


def _wrong_types(columns: list[tuple[str, str, bool]]) -> str:
    allowed = {name: _TYPES[kind] + (", 'null'" if is_optional else "") for name, kind, is_optional in columns}
    return " OR ".join(f"typeof({name}) NOT IN ({kinds})" for name, kinds in allowed.items())
