import io
import json
import re
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.report.model import Detail, Location, NativeFrame
from pyxhon.report.output import FORMATS
from pyxhon.report.sarif import RESULT_LIMIT, write_sarif
from pyxhon.report.sarif.places import Places, make_inert
from pyxhon.report.sarif.results import FRAME_LIMIT, RELATED_LIMIT
from tests.interpreters import CHECKOUT
from tests.unit.report.sample import make_behaviour, make_location, make_report

SCHEMA = json.loads((CHECKOUT / "tests/data/sarif/sarif-schema-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)
ROOT = Path("/srv/app")
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40)
DETAIL = make_report().details[0]


def written(report, root=ROOT):
    out = io.StringIO()
    write_sarif(report, out, root)
    return out.getvalue()


def run_of(report, root=ROOT):
    log = json.loads(written(report, root))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    assert log["version"] == "2.1.0"
    return log["runs"][0]


def results_of(*behaviours, **changes):
    return run_of(make_report(behaviours=list(behaviours), **changes))["results"]


def make_native(**changes):
    return make_behaviour(
        **{
            "id": "n1",
            "level": "native",
            "verdict": "unjudged",
            "rule": None,
            "kind": "syscall",
            "name": "connect",
            "object": "/usr/lib/libsneak.so",
            "native_stack": [NativeFrame("/usr/lib/libsneak.so", "sneak", 0x1234), NativeFrame("anon:7f00", None, 16)],
            **changes,
        }
    )


def test_the_sample_is_valid_under_the_schema_of_oasis():
    assert len(run_of(make_report())["results"]) == 1


def test_the_schema_refuses_what_is_no_sarif():
    log = json.loads(written(make_report()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    del log["runs"][0]["tool"]

    assert len(list(VALIDATOR.iter_errors(log))) == 2


def test_a_violation_is_an_error_of_its_category_at_its_line():
    (result,) = results_of(make_behaviour())

    assert (result["ruleId"], result["level"], result["occurrenceCount"]) == ("violation/network", "error", 12)
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "fetch.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 12},
    }
    assert "socket.connect address=127.0.0.1:80" in result["message"]["text"]


def test_rule_indexes_lead_to_the_rules_named():
    run = run_of(make_report(behaviours=[make_behaviour(), make_native()]))

    rules = run["tool"]["driver"]["rules"]
    assert [rules[row["ruleIndex"]]["id"] for row in run["results"]] == [row["ruleId"] for row in run["results"]]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"] for rule in rules)


def test_the_rule_of_the_policy_is_named():
    run = run_of(make_report())

    (reference,) = run["results"][0]["taxa"]
    assert run["taxonomies"][0]["taxa"][reference["index"]]["id"] == "packages.requests.allow (F)"


@pytest.mark.parametrize(
    ("changes", "level"),
    [({}, "warning"), ({"object": None}, "note"), ({"level": "detached", "location": None}, "warning")],
)
def test_what_nobody_judged_beneath_python_is_no_error(changes, level):
    (result,) = results_of(make_native(**changes))

    assert (result["ruleId"], result["level"]) == ("beneath/network", level)


@pytest.mark.parametrize(
    "row",
    [
        make_behaviour(verdict="allowed"),
        make_behaviour(verdict="unjudged"),
        make_native(verdict="allowed"),
        make_native(package="stdlib", level="detached", object=None, args={}, location=None),
    ],
)
def test_what_is_allowed_and_seen_by_python_gives_no_result(row):
    assert results_of(row) == []


def test_the_act_of_a_dependency_is_shown_where_the_project_led_to_it():
    place = Location("/site/requests/api.py", 59, "request")

    (result,) = results_of(make_behaviour(location=place, python_stack=[place, make_location()]))

    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "fetch.py"
    first = result["relatedLocations"][0]
    assert first["physicalLocation"]["artifactLocation"]["uri"] == "file:///site/requests/api.py"
    assert f"[/site/requests/api.py:59 request]({first['id']})" in result["message"]["text"]


@pytest.mark.parametrize(
    ("location", "dll", "uri"),
    [
        (None, "/usr/lib/libsneak.so", "file:///usr/lib/libsneak.so"),
        (Location("<string>", 1, "<module>"), None, "file:///usr/bin/python3.11"),
        (Location("/srv/app/../../etc/passwd", 1, None), "anon:7f00", "file:///usr/bin/python3.11"),
    ],
)
def test_code_without_a_file_is_shown_at_what_has_one(location, dll, uri):
    (result,) = results_of(make_native(location=location, object=dll, python_stack=[]))

    physical = result["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": uri}}


def test_the_mixed_stack_is_told_in_its_order():
    row = make_native()
    detail = Detail(row.id, row.pid, 0, truncated=False, chain=[], reason=None, policy_reason=None)
    detail = Detail(*(getattr(detail, name) for name in detail.__slots__[:7]), ["n0", "p1", "?", "n1", "n9"])

    (result,) = results_of(row, details=[detail])

    frames = result["stacks"][0]["frames"]
    assert [frame.get("module") for frame in frames] == ["/usr/lib/libsneak.so", None, "anon:7f00"]
    assert frames[0]["location"]["physicalLocation"]["address"] == {"relativeAddress": 0x1234, "name": "sneak"}
    assert frames[1]["location"]["logicalLocations"][0]["name"] == "fetch"
    assert "not known" in result["stacks"][0]["message"]["text"]


def test_deep_stacks_are_cut_and_say_so():
    frames = [make_location(line=number) for number in range(1, 200)]

    (result,) = results_of(make_behaviour(python_stack=frames))

    assert len(result["stacks"][0]["frames"]) == FRAME_LIMIT
    assert f"the {FRAME_LIMIT} innermost of 199 frames" in result["stacks"][0]["message"]["text"]
    assert (len(result["relatedLocations"]), result["properties"]["pythonFrames"]) == (RELATED_LIMIT, 199)


def test_fingerprints_are_the_ids_of_behaviours_and_unlike_each_other():
    rows = results_of(make_behaviour(), make_behaviour(rule="another"), make_behaviour(pid=4243))

    prints = [row["partialFingerprints"]["behaviour/v1"] for row in rows]
    assert prints == ["b1:1", "b1:2"]


def test_losses_and_gaps_are_notifications_and_the_status_is_told():
    run = run_of(make_report(losses={"ring_full": 3, "stack_truncated": 2}, complete=False))

    (invocation,) = run["invocations"]
    notes = {row["descriptor"]["id"]: row["level"] for row in invocation["toolExecutionNotifications"]}
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    assert notes == {"loss/ring_full": "warning", "loss/stack_truncated": "note"}


def test_more_results_than_a_log_may_hold_are_counted(monkeypatch):
    monkeypatch.setattr("pyxhon.report.sarif.RESULT_LIMIT", 2)
    assert RESULT_LIMIT == 5_000

    run = run_of(make_report(behaviours=[make_native(id=f"n{number}") for number in range(5)] + [make_behaviour()]))

    assert [row["level"] for row in run["results"]] == ["error", "warning"]
    assert "4 results" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_links_and_placeholders_of_a_target_are_inert():
    hostile = "[click](https://evil.example) {0} \\[x](1)"

    (result,) = results_of(make_behaviour(name=hostile, args={}))

    text = result["message"]["text"]
    assert not re.search(r"(?<!\\)(\\\\)*\[[^\]]*[^\\]\]\(", text)
    assert "{{0}}" in text


@given(ANY_TEXT)
def test_no_text_is_a_link_or_a_placeholder(text):
    rest = re.sub(r"\\[\\\[\]]|\{\{|\}\}", "", make_inert(text))

    assert not set("[]{}\\") & set(rest)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_path_is_found_again_from_its_uri(name):
    places = Places(ROOT)
    for path in (f"/srv/app/{name}", f"/elsewhere/{name}"):
        if places.is_file(path):
            told = places.artifact(path)
            assert re.fullmatch(r"[A-Za-z0-9_.~/%-]*", told["uri"].removeprefix("file://"))
            base = "/srv/app/" if "uriBaseId" in told else ""
            assert base + unquote(told["uri"].removeprefix("file://")) == path


@settings(deadline=None, max_examples=50)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_text_of_a_target_gives_a_valid_log(name, file, function):
    place = Location(file, 3, function)
    rows = [
        make_behaviour(name=name, args={name: [file]}, location=place, python_stack=[place], package=function),
        make_native(object=file, name=name, native_stack=[NativeFrame(file, function, 1)], location=None),
    ]
    rows[1].python_stack.append(place)

    log = json.loads(written(make_report(behaviours=rows)).encode("utf-8"))

    assert next(VALIDATOR.iter_errors(log), None) is None


def test_the_format_is_offered():
    assert "sarif" in FORMATS
