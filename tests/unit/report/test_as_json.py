import dataclasses
import io
import json
import math
import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.report.as_json import write_json
from tests.interpreters import CHECKOUT
from tests.unit.report.sample import make_behaviour, make_location, make_report

SCHEMA = json.loads((CHECKOUT / "docs/report.schema.json").read_text())
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=50)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)


def written(report):
    out = io.StringIO()
    write_json(report, out)
    return out.getvalue()


def test_the_report_is_valid_under_the_schema_of_the_contract():
    jsonschema.validate(json.loads(written(make_report())), SCHEMA)


def test_an_empty_report_is_valid_under_the_schema():
    lists = {
        field.name: []
        for field in dataclasses.fields(make_report())
        if isinstance(getattr(make_report(), field.name), list)
    }

    jsonschema.validate(json.loads(written(make_report(losses={}, **lists))), SCHEMA)


def test_the_schema_refuses_a_missing_and_an_added_field():
    data = json.loads(written(make_report()))
    del data["behaviours"][0]["rule"]
    data["packages"][0]["extra"] = 1

    errors = [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)]

    assert sorted(errors) == [
        "'rule' is a required property",
        "Additional properties are not allowed ('extra' was unexpected)",
    ]


def test_lone_surrogates_become_their_escape_in_text():
    report = make_report(behaviours=[make_behaviour(name="bad\udc80", args={"\ud800": "\udfff"})])

    row = json.loads(written(report).encode("utf-8"))["behaviours"][0]

    assert (row["name"], row["args"]) == ("bad\\udc80", {"\\ud800": "\\udfff"})


def test_characters_that_steer_a_terminal_survive_parsing_but_are_not_in_the_file():
    hostile = "\x1b[31m\x9b\x7f\u202e\u200b\u2028\U000e0041"
    text = written(make_report(behaviours=[make_behaviour(name=hostile)]))

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\U000e0041]", text)
    assert json.loads(text)["behaviours"][0]["name"] == hostile


def test_infinite_numbers_become_text():
    report = make_report(behaviours=[make_behaviour(args={"a": math.inf}, result=-math.inf)])

    row = json.loads(written(report), parse_constant=pytest.fail)["behaviours"][0]

    assert (row["args"]["a"], row["result"]) == ("inf", "-inf")


@settings(deadline=None)
@given(ANY_VALUE, ANY_TEXT, ANY_TEXT)
def test_any_target_values_give_valid_utf8_json(value, file, name):
    location = make_location(file=file, function=name)
    row = make_behaviour(args={name: value}, result=value, name=name, location=location)

    data = json.loads(written(make_report(behaviours=[row])).encode("utf-8"))

    jsonschema.validate(data, SCHEMA)
    json.dumps(data, ensure_ascii=False).encode("utf-8")


def test_rows_that_share_what_they_hold_are_written_as_those_that_do_not():
    shared = make_behaviour(python_stack=[make_location("/tmp/\x9b\u202e\ud800.py", 1, "\x7fé")])
    report = make_report(behaviours=[shared, dataclasses.replace(shared, args={"a": math.inf, "b": "\u2028"})])
    apart = dataclasses.replace(
        report, behaviours=[dataclasses.replace(row, python_stack=list(row.python_stack)) for row in report.behaviours]
    )

    text = written(report)

    assert text == written(apart)
    assert [row["python_stack"][0]["function"] for row in json.loads(text)["behaviours"]] == ["\x7fé"] * 2
    assert not set("\x7f\x9b\u202e\u2028\ud800") & set(text)
