"""docs/trace.md names every table, and its queries run on the schema."""

import re
import sqlite3

import pytest

from tests.interpreters import CHECKOUT

TEXT = (CHECKOUT / "docs/trace.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^```sql\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def database():
    opened = sqlite3.connect(":memory:")
    opened.executescript((CHECKOUT / "pyxhon/trace/schema.sql").read_text(encoding="utf-8"))
    yield opened
    opened.close()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_runs(database, query):
    assert database.execute(query).fetchall() == []


def test_every_table_and_view_is_named(database):
    rows = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")

    assert [name for (name,) in rows if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize(("table", "cell"), re.findall(r"^\| `(\w+)` \|[^|]*\| (.*) \|$", TEXT, re.MULTILINE))
def test_every_column_named_is_there(database, table, cell):
    columns = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}

    named = re.findall(r"`(\w+)`", re.sub(r"\(.*?\)|:.*", "", cell))

    assert named
    assert set(named) <= columns


def test_the_version_is_the_schema_s(database):
    [(version,)] = database.execute("PRAGMA user_version")

    assert f"`PRAGMA user_version` is the version of the schema, {version}." in TEXT
