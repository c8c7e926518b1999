"""The matrix in its formats: nothing that a package chose can steer a terminal, a page or a table."""

import html.parser
import io
import json
import re
from contextlib import redirect_stdout

import pytest

from pyxhon.evaluate.matrix import CATEGORIES, Cell, Row, StepRow, row_from_dict
from pyxhon.evaluate.show.model import Evaluation
from pyxhon.evaluate.show.output import FORMATS, write_evaluation
from pyxhon.evaluate.steps import Step
from tests.interpreters import CHECKOUT

EVIL = "x|<script>alert(1)</script>[a](javascript:b)`\x1b[31m\u202e\n## h"


def make_row(name=EVIL, status="violation", outcome="time"):
    cells = {category: Cell("none", 0, 0) for category in CATEGORIES}
    cells["builtins"] = Cell(status, 2, 1, ((f"import {name}", 2), ("exec", 1)) if status == "violation" else ())
    step = Step("run", outcome, 137, 1.5, 1, 1, 1, name, is_known=True, folder="slug/run")
    rows = (StepRow(step, cells, "CodeReview", is_complete=True, policy="D-O"),)
    return Row(f"{name}.whl", name, name, ("policy.yaml",), rows, None)


def write(form, row):
    out = io.StringIO()
    with redirect_stdout(out):
        write_evaluation(Evaluation("3.11.2", "/usr/bin/python3", has_network=False, rows=(row,)), form, None)
    return out.getvalue()


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("outcome", ["time", "failed"])
def test_no_format_lets_a_name_steer_a_terminal(form, outcome):
    text = write(form, make_row(outcome=outcome))

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n## h" not in text


def test_html_has_no_tag_of_a_package():
    tags = Tags()
    tags.feed(write("html", make_row()))

    assert not {tag for tag, _ in tags.seen} & {"script", "img", "svg", "iframe", "h2"}
    assert [attributes["href"] for tag, attributes in tags.seen if tag == "a"] == ["slug/run/report.json"]


def test_a_table_in_markdown_keeps_its_columns():
    lines = [line for line in write("markdown", make_row()).splitlines() if line.startswith("|")]

    assert len(lines) == 3
    assert {line.count("|") for line in lines} == {10}
    assert "<" not in lines[2]
    assert not re.search(r"[\[\]()`]", lines[2])


def test_a_cell_counts_as_the_paper_does():
    assert "Violation(3): import six, exec; 2/1" in write("text", make_row("six"))


def test_json_is_read_again_as_it_was():
    row = make_row()
    content = json.loads(write("json", row))

    assert content["schema"] == "pyxhon.evaluation/1"
    assert row_from_dict(content["packages"][0]) == row


def test_a_step_that_was_ended_leaves_no_clean_bill():
    row = make_row("six", status="allowed")

    assert not row.is_complete
    assert "six.whl: run was ended: time" in write("text", row)


def every_field(value, way=""):
    """Give the way to each field, lists and categories put together."""
    for name, inner in value.items():
        yield way + name
        if way + name == "packages[].steps[].categories":
            continue
        for one in inner if isinstance(inner, list) else [inner]:
            if isinstance(one, dict):
                yield from every_field(one, f"{way}{name}{'[]' if isinstance(inner, list) else ''}.")


def test_every_field_of_the_json_is_documented():
    table = (CHECKOUT / "docs/evaluate.md").read_text().partition("`--format json` is one object")[2]
    documented = set(re.findall(r"`([^`]+)`", table))
    fields = set(every_field(json.loads(write("json", make_row()))))
    parents = {"packages", "packages[].steps", "packages[].steps[].categories", "python.version", "python.path"}

    assert fields - parents - documented == set()
    assert {name for name in documented if name.startswith("packages[]")} - fields == {
        "packages[].steps[].categories.*"
    }
