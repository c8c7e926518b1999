"""Each field of `pyxhon.diff/1` is documented, and the schema and the model have the same."""

import dataclasses
import json
import re
import typing
from pathlib import Path

import pytest

from pyxhon.diff import model
from pyxhon.report.model import Location, NativeFrame

ROOT = Path(__file__).parents[3]
FIELDS = set(re.findall(r"`([^`]+)`", (ROOT / "docs/diff.md").read_text().partition("## JSON")[2]))
SCHEMA = json.loads((ROOT / "docs/diff.schema.json").read_text())
ROWS = {
    "": model.Diff,
    "a.": model.Side,
    "unseen[].": model.Unseen,
    "differences[].": model.Difference,
    "differences[].after.": model.Evidence,
    "totals.": model.Totals,
}
NAMES = [prefix + field.name for prefix, row in ROWS.items() for field in dataclasses.fields(row)]


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_documented(name):
    assert name in FIELDS or f"{name}[]" in FIELDS or (name == "totals" and "totals.same" in FIELDS)


@pytest.mark.parametrize(
    ("row", "schema"),
    [
        (model.Diff, SCHEMA),
        (model.Side, SCHEMA["$defs"]["side"]),
        (model.Unseen, SCHEMA["properties"]["unseen"]["items"]),
        (model.Difference, SCHEMA["$defs"]["difference"]),
        (model.Evidence, SCHEMA["$defs"]["evidence"]),
        (model.Totals, SCHEMA["properties"]["totals"]),
        (Location, SCHEMA["$defs"]["location"]),
        (NativeFrame, SCHEMA["$defs"]["native_frame"]),
    ],
)
def test_the_schema_has_the_fields_of_the_model(row, schema):
    assert schema["required"] == list(schema["properties"]) == [field.name for field in dataclasses.fields(row)]
    assert schema["additionalProperties"] is False


def test_items_and_changes_are_those_of_the_schema():
    properties = SCHEMA["$defs"]["difference"]["properties"]

    assert properties["item"]["enum"] == list(model.ITEMS) == list(typing.get_args(model.Item))
    assert properties["change"]["enum"] == list(typing.get_args(model.Change))
