"""Every format of the report of a real run that says hostile things."""

import json
import re
import sys

import jsonschema
import pytest
from markdown_it import MarkdownIt

from tests.interpreters import CHECKOUT
from tests.kernel.commands import pyxhon
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

POLICY = 'version: 1\npackages:\n  "*":\n    allow: F\n'
NATIVE = "import ctypes\nctypes.CDLL(None).open(b'/etc/<b>|`x`[y](z)@all', 0)\n"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The report of one run in each format, by a policy that nearly everything is against."""
    folder = tmp_path_factory.mktemp("formats")
    program, trace, policy = folder / "program.py", folder / "t.pyxhon", folder / "policy.yaml"
    program.write_text(
        (PROGRAMS / "hostile_strings.py").read_text().replace("\nimport os\n", f"\nimport os\n{NATIVE}", 1)
    )
    policy.write_text(POLICY)
    done = pyxhon("record", "-q", "-o", trace, "--", sys.executable, program, "\x1b[31m`|", cwd=folder)
    assert done.returncode == 0, done.stderr

    def make(report_format):
        done = pyxhon("report", trace, "--policy", policy, "--format", report_format, cwd=folder)
        assert (done.returncode, done.stderr) == (3, b"")
        return done.stdout.decode("utf-8")

    return {name: make(name) for name in ("json", "sarif", "markdown")}


def test_json_is_valid_under_the_schema_in_docs(reports):
    schema = json.loads((CHECKOUT / "docs/report.schema.json").read_text())

    jsonschema.validate(json.loads(reports["json"]), schema)


def test_sarif_is_valid_and_has_every_violation_at_a_place(reports):
    schema = json.loads((CHECKOUT / "tests/data/sarif/sarif-schema-2.1.0.json").read_text())
    log, data = json.loads(reports["sarif"]), json.loads(reports["json"])

    jsonschema.Draft4Validator(schema).validate(log)
    results = log["runs"][0]["results"]
    wanted = {row["id"] for row in data["behaviours"] if row["verdict"] == "violation"}
    assert {row["properties"]["id"] for row in results if row["level"] == "error"} == wanted
    assert all("physicalLocation" in row["locations"][0] for row in results)
    assert "program.py" in {row["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for row in results}


def test_markdown_is_a_page_of_tables_and_code_and_nothing_else(reports):
    text = reports["markdown"]

    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in tokens for child in [token, *(token.children or ())]}
    assert not {"link_open", "image", "html_inline", "html_block", "fence", "code_block", "hr"} & kinds
    assert sum(token.type == "table_open" for token in tokens) == 3
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", text)
    assert len(text) <= 65_536
