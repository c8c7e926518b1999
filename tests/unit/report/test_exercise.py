"""What was not exercised, as the report has it and as people see it."""

import io
import json

import jsonschema
import pytest

from pyxhon.join import join
from pyxhon.policy.parse import load_categories
from pyxhon.report.as_json import write_json
from pyxhon.report.build import Judgement, build_report
from pyxhon.report.text import write_text
from pyxhon.trace.reader import open_trace
from pyxhon.trace.rows import AbilityRow
from tests.interpreters import CHECKOUT
from tests.unit.report.recording import APP, HTTP, Recording

SCHEMA = json.loads((CHECKOUT / "docs/report.schema.json").read_text())
SITES = [
    ["call", "os.system", "", 0, 20, 20, "get", 1, False],
    ["call", "io.BytesIO", "", 0, 5, 5, "never", 5, False],
    ["call", "eval", "", 0, 21, 21, "get\x1b[31m", 1, False],
    ["import", "json", "json", 0, 3, 3, "<module>", 0, False],
    ["dll-import", "libx.so", "", 0, 22, 22, "get", 1, False],
]


@pytest.fixture
def report(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    rows = [
        AbilityRow(0, HTTP, "requests", "2.31.0", "requests.api", [(1, "get"), (5, "never")], SITES, None),
        AbilityRow(0, "/site/requests/big.py", "requests", "2.31.0", None, None, None, "no time left"),
    ]
    recording.store.add_abilities(rows)
    recording.add("open", ["/etc/hosts", "r", 0], recording.stack((HTTP, "get", 59), (APP, "main", 12)))
    recording.close()
    with open_trace(tmp_path / "t.pyxhon") as reader:
        reader.check()
        return build_report(reader, join(reader, None, load_categories()), Judgement((), ()), "0.1.0")


def test_rows_come_with_their_details_what_acts_first(report):
    rows = [(row.kind, row.name) for row in report.not_exercised]

    assert rows == [("call", "os.system"), ("call", "eval"), ("dll-import", "libx.so"), ("import", "json")]
    assert [row.category for row in report.not_exercised_details] == ["os", "builtins", "dll", None]


def test_a_package_has_its_counts_and_no_coverage_where_functions_are_not_seen(report):
    (row,) = report.exercise

    assert (row.package, row.version, row.files, row.unread) == ("requests", "2.31.0", 2, {"no time left": 1})
    assert row.not_seen == {"call": 2, "dll-import": 1, "import": 1}
    assert row.unknown == {"call": 1}
    assert (row.functions, row.functions_ran, row.percent) == (2, None, None)


def test_the_json_is_as_the_schema_says(report):
    out = io.StringIO()
    write_json(report, out)

    jsonschema.validate(json.loads(out.getvalue()), SCHEMA)


def test_people_see_a_short_section_in_safe_characters(report):
    out = io.StringIO()
    write_text(report, out)
    text = out.getvalue().partition("What installed code could do")[2]

    assert "requests 2.31.0: 4 of 5 places not seen, 1 not known, 2 files (1 not read: no time left (1))" in text
    assert "os (1): os.system /site/requests/api.py:20" in text
    assert "what it did before the trace began was not seen" in " ".join(text.split())
    assert "\x1b" not in text


def test_a_trace_without_abilities_has_no_section(tmp_path):
    Recording(tmp_path / "t.pyxhon").close()
    with open_trace(tmp_path / "t.pyxhon") as reader:
        report = build_report(reader, join(reader, None, load_categories()), Judgement((), ()), "0.1.0")
    out = io.StringIO()
    write_text(report, out)

    assert (report.not_exercised, report.exercise) == ([], [])
    assert "What installed code" not in out.getvalue()
