"""The queries of docs/trace.md give answers on a trace that was really recorded."""

import sqlite3
import sys

import pytest

from tests.kernel.test_report import PROGRAM, pyxhon
from tests.targets import PROGRAMS
from tests.unit.test_docs_trace import QUERIES

pytestmark = pytest.mark.usefixtures("needs_bpf")

# They ask for what a run without failures has not got, or one that did not trace or could not see calls.
EMPTY = ("failed > 0", "FROM loss", "FROM call", "FROM function_ran", "FROM source", "bytecode_flow")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    trace = tmp_path_factory.mktemp("recorded") / "t.pyxhon"
    assert pyxhon("record", "-o", trace, "--", sys.executable, PROGRAMS / PROGRAM).returncode == 0
    opened = sqlite3.connect(trace)
    yield opened
    opened.close()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_answers(recorded, query):
    answer = recorded.execute(query).fetchall()

    assert answer or any(words in query for words in EMPTY)
    if "unaccounted" in query:
        assert {row[-1] for row in answer} == {0}
