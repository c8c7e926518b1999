"""What a report tells of calls of Python functions that were asked for by name."""

import jsonschema
import pytest

from pyxhon.report.describe import describe_arguments, telling_arguments
from tests.unit.report.calls import APP, CLOSE, CONNECT, GET, MAIN, CallRecording
from tests.unit.report.recording import SOCKET
from tests.unit.report.test_as_json import SCHEMA
from tests.unit.report.test_build import report_as_json, report_as_text

NAME = "requests.sessions:Session.get"
X = "\N{MULTIPLICATION SIGN}"


@pytest.fixture
def recording(tmp_path):
    return CallRecording(tmp_path / "t.pyxhon")


def json_of(recording, **options):
    recording.close()
    data = report_as_json(recording.store.path, **options)[1]
    jsonschema.validate(data, SCHEMA)
    return data


def told(data):
    pairs = zip(data["calls"], data["call_details"], strict=True)
    return [(row, more) for row, more in pairs if more["name"]]


def calls_section(recording):
    recording.close()
    text = report_as_text(recording.store.path)
    return text.partition("Calls of functions asked for by name")[2].partition("\n\n")[0].splitlines()


def test_a_call_has_both_functions_and_their_packages(recording):
    recording.tell(NAME, (GET, MAIN), {"url": "http://x", "timeout": None}, count=3)

    [(row, more)] = told(json_of(recording))

    assert row["callee"] == {"file": GET[0], "function": "Session.get", "line": 50, "package": "requests"}
    assert row["caller"] == {"file": APP, "function": "main", "line": 3, "package": "application"}
    assert row["count"] == 3
    assert more["kind"] == "python"
    assert more["name"] == NAME
    assert more["arguments"] == [{"args": {"url": "http://x", "timeout": None}, "line": 12, "count": 3}]


def test_calls_are_one_edge_told_apart_by_arguments_and_line(recording):
    for url, line in (("a", 12), ("b", 12), ("a", 13), ("a", 12)):
        recording.tell(NAME, (GET, MAIN), {"url": url}, line=line)

    [(row, more)] = told(json_of(recording))

    assert row["count"] == 4
    assert [(each["args"]["url"], each["line"], each["count"]) for each in more["arguments"]] == [
        ("a", 12, 2),
        ("b", 12, 1),
        ("a", 13, 1),
    ]


def test_a_call_that_was_only_seen_gets_its_count(recording):
    recording.call(GET, MAIN)
    recording.tell(NAME, (GET, MAIN), {}, count=5)

    data = json_of(recording)

    assert [row["count"] for row in data["calls"]] == [5]
    assert data["functions"][0]["ran"] == 1


def test_what_was_counted_stays_as_it_was_counted(recording):
    recording.call(GET, MAIN, 5, 1)
    recording.tell(NAME, (GET, MAIN), {}, count=5)

    [(row, more)] = told(json_of(recording))

    assert (row["count"], more["resumptions"]) == (5, 1)


def test_functions_asked_for_are_not_all_that_ran(recording):
    recording.tell(NAME, (GET, MAIN), {})

    assert json_of(recording)["functions"] == []


@pytest.mark.parametrize(
    ("ends", "caller"), [((GET,), None), ((), None)], ids=["no Python frame around it", "no stack"]
)
def test_a_call_without_a_caller_is_told(recording, ends, caller):
    recording.tell(NAME, ends, {})

    [(row, more)] = told(json_of(recording))

    assert row["caller"] is caller
    assert row["callee"]["function"] == "Session.get"
    assert row["callee"]["line"] == (50 if ends else None)
    assert more["kind"] == "python"


def test_the_standard_librarys_calls_stay_where_they_were_asked_for(recording):
    recording.call(CONNECT, CLOSE, 1, 0)
    recording.tell("socket:socket.close", (CLOSE, CONNECT), {})

    assert [row["callee"]["file"] for row in json_of(recording, exclude_stdlib=True)["calls"]] == [SOCKET]


def test_the_text_has_name_arguments_and_place_on_one_line(recording):
    recording.tell(NAME, (GET, MAIN), {"url": "[1]", "timeout": None, "kw": {}}, count=2)

    assert calls_section(recording) == [" (2)", f'  {X}2 {NAME} url="[1]" from {APP}:12']


def test_the_text_lists_the_most_frequent_arguments(recording):
    for number in range(5):
        recording.tell(NAME, (GET, MAIN), {"n": number}, line=10 + number, count=number + 1)

    assert calls_section(recording) == [
        " (15)",
        f"  {X}15 {NAME} from 5 places",
        f"    {X}5 n=4",
        f"    {X}4 n=3",
        f"    {X}3 n=2",
        "    … and 2 more (--full shows them)",
    ]


def test_long_and_hostile_names_and_arguments_stay_within_the_page(recording):
    evil = ("/srv/" + "\x1b[31m" * 20, "f\u202e" + "x" * 200, 9)
    recording.tell("m:" + "y\x1b" * 200, (evil, evil), {"a\x1b" * 30: "b\x1b" * 300, "c": ["\x1b"] * 9})

    lines = calls_section(recording)

    assert max(map(len, lines)) <= 100
    assert not {"\x1b", "\u202e"}.intersection("".join(lines))


def test_functions_that_ran_come_after_what_they_did(recording):
    recording.call(GET, MAIN)
    recording.add("open", ["/etc/hosts", "r", 0], recording.stack((APP, "main", 12)))
    recording.close()

    text = report_as_text(recording.store.path)

    headings = ("Behaviours by package", "Functions that ran", "Coverage")
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("import", "import os", {}),
        ("call", "m:f", {"a": 0, "b": "", "c": []}),
        ("call", "os.system", {"a": 0, "b": "", "c": [], "d": None, "e": {}}),
        ("audit", "m:f", {"a": 0, "b": "", "c": [], "d": None, "e": {}}),
    ],
)
def test_defaults_of_python_functions_are_left_out_for_people(kind, name, expected):
    assert telling_arguments(kind, name, {"a": 0, "b": "", "c": [], "d": None, "e": {}}) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"entries": {"k": [{"entries": {}}]}, "length": 4}, '{"k": [{}], "…": "4 in all"}'),
        ({"kw": {"entries": {}}}, '{"kw": {}}'),
        ("[1]", '"[1]"'),
        ("7", '"7"'),
        (7, "7"),
        ("null", '"null"'),
        (None, "null"),
        ("{}", '"{}"'),
        ("a7", "a7"),
    ],
)
def test_text_that_looks_like_another_value_is_quoted(value, shown):
    assert describe_arguments({"a": value}, 40) == f"a={shown}"
