import contextlib
import copy
import io
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.errors import ReportError
from pyxhon.report.as_json import write_json
from pyxhon.report.from_json import read_report
from tests.unit.report.sample import make_behaviour, make_report


def data_of(report):
    out = io.StringIO()
    write_json(report, out)
    return json.loads(out.getvalue())


@pytest.fixture
def reading(tmp_path):
    def read(data):
        path = tmp_path / "r.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return read_report(path)

    return read


def test_a_report_that_was_written_is_read_as_it_was(reading):
    assert reading(data_of(make_report())) == make_report()


def test_keys_that_are_not_known_are_passed_over(reading):
    data = data_of(make_report())
    data["later"] = {"x": 1}
    data["behaviours"][0]["later"] = 1

    assert reading(data) == make_report()


def test_a_report_of_an_earlier_version_lacks_what_was_added_later(reading):
    data = data_of(make_report())
    for name in ("loads", "code", "exercise", "calls_sampled"):
        del data[name]

    assert reading(data) == make_report()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("behaviours"), "behaviours is missing"),
        (lambda data: data["behaviours"][0].update(count="1"), "count: not int"),
        (lambda data: data["behaviours"][0].update(count=True), "count: not int"),
        (lambda data: data["behaviours"][0].update(args=[]), "args: not an object"),
        (lambda data: data["behaviours"][0].update(level="above"), "level 'above'"),
        (lambda data: data["behaviours"][0].update(verdict=["x"]), "verdict"),
        (lambda data: data["behaviours"][0].update(location={"file": [], "line": 1, "function": None}), "location"),
        (lambda data: data["behaviours"][0].update(location=3), "location"),
        (lambda data: data["processes"][0].update(argv=[1]), "argv"),
        (lambda data: data.update(losses={"x": "y"}), "losses"),
        (lambda data: data.update(dlls={}), "dlls: not a list"),
    ],
)
def test_what_is_not_as_the_schema_has_it_is_refused_with_its_place(reading, change, message):
    data = data_of(make_report())
    change(data)

    with pytest.raises(ReportError, match=message.replace("'", ".")):
        reading(data)


def test_arguments_that_are_nested_without_end_are_refused(reading):
    deep = {}
    for _ in range(100):
        deep = {"x": deep}

    with pytest.raises(ReportError, match="nested too deeply"):
        reading(data_of(make_report(behaviours=[make_behaviour(args=deep)])))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ReportError, match="not a file"):
        read_report(tmp_path / "pipe")


SAMPLE = data_of(make_report())
PLACES = [
    (*way, name)
    for way, row in [
        ((), SAMPLE),
        (("behaviours", 0), SAMPLE["behaviours"][0]),
        (("processes", 0), SAMPLE["processes"][0]),
        (("imports", 0), SAMPLE["imports"][0]),
        (("dlls", 0), SAMPLE["dlls"][0]),
        (("packages", 0), SAMPLE["packages"][0]),
        (("behaviours", 0, "location"), SAMPLE["behaviours"][0]["location"]),
    ]
    for name in row
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150)
@given(st.sampled_from(PLACES), JSON)
def test_anything_in_any_place_is_read_or_refused(tmp_path_factory, place, value):
    data = copy.deepcopy(SAMPLE)
    row = data
    for step in place[:-1]:
        row = row[step]
    row[place[-1]] = value
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(data))

    with contextlib.suppress(ReportError):
        assert data_of(read_report(path))
