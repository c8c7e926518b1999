"""A report judged anew says what the trace says under the same policy."""

import dataclasses
import io
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.cli import run_command_line
from pyxhon.errors import ReportError
from pyxhon.policy.parse import load_policies
from pyxhon.report.as_json import write_json
from pyxhon.report.build import exclude_standard_library
from pyxhon.report.build_judging import read_acts
from pyxhon.report.from_json import read_report
from pyxhon.report.rejudge import rejudge
from pyxhon.reporting import make_report
from pyxhon.rules import Rules
from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT
from tests.unit.report.recording import APP, HTTP, SOCKET, Recording

SCHEMA = json.loads((CHECKOUT / "docs/report.schema.json").read_text())
POLICIES = {
    "strict": "version: 1\nextends: [builtin:strict]\n",
    "hosts": "version: 1\npackages:\n  requests: {allow: N, files: {read: [/etc/hosts, '/srv/?x', /srv/data/*]}}\n"
    "  application: {allow: O}\n",
    "by name": "version: 1\npackages:\n  '*': {allow: F-N-D-O-B, functions: {deny: [os.scandir, object.__getattr__]},"
    " modules: {deny: [tomllib]}}\n",
    "order": "version: 1\nsequences:\n  - name: read then connect\n    within: 1h\n"
    "    steps: [{category: file, match: {path: ['/etc/*']}}, {category: network}]\n",
    "no order": "version: 1\nsequences:\n  - {name: command then attribute, within: 1h, "
    "steps: [{category: os}, {name: object.__getattr__}]}\n",
}


def rules_of(tmp_path, name):
    path = tmp_path / f"{name.replace(' ', '_')}.yaml"
    path.write_text(POLICIES[name])
    return Rules(load_policies([str(path)]))


def written(report):
    out = io.StringIO()
    write_json(report, out)
    return out.getvalue()


def through_json(report, tmp_path):
    path = tmp_path / "through.json"
    path.write_text(written(report), encoding="utf-8")
    return read_report(path)


def record(path, acts=()):
    recording = Recording(path)
    fetch = recording.stack((SOCKET, "create_connection", 833), (HTTP, "get", 59), (APP, "main", 12))
    top = recording.stack((APP, "main", 20))
    for name, arguments, kind in acts:
        recording.add(name, arguments, fetch, kind=kind)
    recording.add("open", ["/etc/hosts", "r", 524288], fetch)
    recording.add("open", ["data/x", "w", 524288], fetch)
    recording.add("open", ["\udc80x", "r", 524288], fetch, process=recording.worker)
    recording.add("socket.connect", [{"type": "socket.socket"}, ["127.0.0.1", 80]], fetch)
    recording.add("os.system", [{"bytes": "ls"}], top)
    recording.add("object.__getattr__", [{"type": "function"}, "__code__"], top)
    recording.add("import", ["tomllib", None, None, None, None], top)
    recording.close()
    return path


def judged(path, rules):
    with open_trace(path) as reader:
        return make_report(reader, rules)


@pytest.mark.parametrize("first", ["none", *POLICIES])
def test_a_report_judged_anew_is_the_one_that_the_trace_gives(tmp_path, first):
    trace = record(tmp_path / "t.pyxhon")
    report = through_json(judged(trace, Rules(None) if first == "none" else rules_of(tmp_path, first)), tmp_path)

    for name in POLICIES:
        rules = rules_of(tmp_path, name)
        again = rejudge(report, rules.policy, rules.watched)
        whole = judged(trace, rules)

        jsonschema.validate(json.loads(written(again)), SCHEMA)
        assert verdicts(again) == verdicts(whole), name
        assert again.packages == through_json(whole, tmp_path).packages, name
        assert order(again) == order(whole), name


def verdicts(report):
    reasons = [(row.reason, row.policy_reason) for row in report.details]
    return sorted(
        (row.id, row.pid, row.category, row.level, row.verdict, row.rule or "", *map(str, told))
        for row, told in zip(report.behaviours, reasons, strict=True)
    )


def order(report):
    return [
        (row.name, row.package, row.verdict, row.note, [step.behaviour for step in row.steps])
        for row in report.sequences
    ]


def test_each_policy_of_these_tests_finds_something(tmp_path):
    trace = record(tmp_path / "t.pyxhon")

    for name in POLICIES:
        report = judged(trace, rules_of(tmp_path, name))
        rows = (*report.behaviours, *report.sequences)
        assert any(row.verdict == "violation" for row in rows), name


def test_a_name_that_is_no_utf_8_is_judged_as_it_was(tmp_path):
    trace = record(tmp_path / "t.pyxhon")
    rules = rules_of(tmp_path, "hosts")  # has /srv/?x: one character, not the six of its escape

    again = rejudge(through_json(judged(trace, Rules(None)), tmp_path), rules.policy, rules.watched)

    (row,) = [row for row in again.behaviours if row.args.get("path") == "\\udc80x"]
    assert (row.verdict, row.rule is None) == ("allowed", False)


def test_judged_twice_it_is_as_judged_once(tmp_path):
    trace = record(tmp_path / "t.pyxhon")
    report = through_json(judged(trace, Rules(None)), tmp_path)
    by_name, strict = rules_of(tmp_path, "by name"), rules_of(tmp_path, "strict")

    between = through_json(rejudge(report, by_name.policy, by_name.watched), tmp_path)
    twice = rejudge(between, strict.policy, strict.watched)

    assert verdicts(twice) == verdicts(rejudge(report, strict.policy, strict.watched))
    assert len(twice.uncategorised) + len(twice.behaviours) == len(report.uncategorised) + len(report.behaviours)


_VALUES = st.text(st.characters(exclude_categories=[]), max_size=8) | st.integers(-9, 2**40) | st.none() | st.floats()
_ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.lists(_VALUES, min_size=3, max_size=3), st.just("audit")),
        st.tuples(st.just("object.__getattr__"), st.lists(_VALUES, min_size=2, max_size=2), st.just("audit")),
        st.tuples(
            st.sampled_from(["openat", "connect", "execve"]),
            st.dictionaries(st.sampled_from(["path", "addr"]), _VALUES),
            st.just("syscall"),
        ),
        st.tuples(st.just("dlopen"), st.dictionaries(st.just("path"), _VALUES), st.just("dll-load")),
    ),
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(_ACTS, st.sampled_from(sorted(POLICIES)), st.sampled_from(["none", *POLICIES]))
def test_whatever_the_acts_are_both_ways_give_the_same(tmp_path_factory, acts, second, first):
    folder = tmp_path_factory.mktemp("any")
    trace = record(folder / "t.pyxhon", acts)
    report = through_json(judged(trace, Rules(None) if first == "none" else rules_of(folder, first)), folder)
    rules = rules_of(folder, second)

    again, whole = rejudge(report, rules.policy, rules.watched), judged(trace, rules)

    assert [verdict[:6] for verdict in verdicts(again)] == [verdict[:6] for verdict in verdicts(whole)]
    assert order(again) == order(whole)


def test_what_was_left_out_cannot_be_judged_and_is_said(tmp_path, capsys):
    with open_trace(record(tmp_path / "t.pyxhon")) as reader:
        report = exclude_standard_library(make_report(reader, Rules(None)))
    lacking = dataclasses.replace(report, acts_left_out=7)
    (tmp_path / "r.json").write_text(written(lacking))
    (tmp_path / "all.yaml").write_text("version: 1\npackages:\n  '*': {allow: F-N-D-O-B}\n")
    arguments = [str(tmp_path / "r.json"), "--policy", str(tmp_path / "all.yaml")]

    assert run_command_line(["report", *arguments, "--format", "json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["losses"]["acts_left_out"], told["complete"]) == (7, False)
    assert run_command_line(["policy", "check", arguments[2], arguments[0]]) == 0
    assert "7 acts left out of the report: nothing is decided of those" in capsys.readouterr().out


def test_without_a_policy_a_report_keeps_its_verdicts(tmp_path, capsys):
    report = judged(record(tmp_path / "t.pyxhon"), rules_of(tmp_path, "strict"))
    (tmp_path / "r.json").write_text(written(report))

    assert run_command_line(["report", str(tmp_path / "r.json"), "--format", "json"]) == 3
    assert capsys.readouterr().out == written(report)


@pytest.mark.parametrize("form", ["collapsed", "speedscope"])
def test_of_a_report_no_flame_graph_is_made(tmp_path, capsys, form):
    (tmp_path / "r.json").write_text(written(judged(record(tmp_path / "t.pyxhon"), Rules(None))))

    assert run_command_line(["report", str(tmp_path / "r.json"), "--format", form]) == 1
    assert "give the trace" in capsys.readouterr().err


def test_policy_check_explains_a_report_as_its_trace(tmp_path, capsys):
    trace = record(tmp_path / "t.pyxhon")
    (tmp_path / "r.json").write_text(written(judged(trace, Rules(None))))
    rules_of(tmp_path, "by name")
    policy = str(tmp_path / "by_name.yaml")

    told = []
    for source in (trace, tmp_path / "r.json"):
        assert run_command_line(["policy", "check", policy, str(source)]) == 0
        told.append(sorted(capsys.readouterr().out.replace("\\\\udc80", "\\udc80").splitlines()))
    assert told[0] == told[1]
    assert any("violation" in line for line in told[0])


@pytest.mark.parametrize(
    "change",
    [
        {"process": 99},
        {"process": -1},
        {"category": "spying"},
        {"origin": "elsewhere"},
        {"exact": "nonsense"},
        {"exact": "[1]"},
        {"exact": '["requests", "open", {}, null, [1]]'},
        {"exact": '["requests", "open", [], null, []]'},
        {"exact": "[" * 100_000},
        {"exact": '["r", "o", {"a": ' + "[" * 200 + "]" * 200 + "}, null, []]"},
    ],
)
def test_a_report_that_lies_of_what_a_policy_needs_is_refused(tmp_path, change):
    report = judged(record(tmp_path / "t.pyxhon"), Rules(None))
    rows = [dataclasses.replace(report.judging[0], **change), *report.judging[1:]]

    with pytest.raises(ReportError):
        read_acts(dataclasses.replace(report, judging=rows))


def test_rows_that_are_missing_or_in_another_order_are_refused(tmp_path):
    report = judged(record(tmp_path / "t.pyxhon"), Rules(None))

    for change in (
        {"judging": report.judging[1:]},
        {"directories": []},
        {"details": report.details[::-1]},
        {"uncategorised": [dataclasses.replace(report.uncategorised[0], level="above")]},
    ):
        with pytest.raises(ReportError):
            read_acts(dataclasses.replace(report, **change))
