import dataclasses
import io
import json
import re

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.diff.as_json import write_diff_json
from pyxhon.diff.as_markdown import code, write_diff_markdown
from pyxhon.diff.as_text import write_diff_text
from tests.interpreters import CHECKOUT
from tests.unit.diff.sides import REPORTS, act, compared, edge, native, report, sequence
from tests.unit.report.sample import make_location

SCHEMA = json.loads((CHECKOUT / "docs/diff.schema.json").read_text())
HOSTILE = "\x1b[31m\x9b\u202e\u200b\n\r# x\n- [ ] <img src=x> `code` ``two`` | @all #1 ![](http://x) \udc80"


def written(write, diff):
    out = io.StringIO()
    write(diff, out)
    return out.getvalue()


def hostile_diff():
    location = make_location(file=f"/srv/{HOSTILE}", function=HOSTILE)
    row = native(HOSTILE, args={HOSTILE: HOSTILE}, object=HOSTILE, location=location, package=HOSTILE, rule=HOSTILE)
    new = report(
        row,
        act(verdict="violation", rule=HOSTILE, name=HOSTILE, python_stack=[location]),
        imports=[edge(HOSTILE)],
        sequences=[sequence(HOSTILE, HOSTILE, HOSTILE, "violation", [HOSTILE])],
    )
    return compared(report(losses={HOSTILE: 1}), new)


def test_the_text_shows_what_appeared_with_its_place_dll_and_stack():
    text = written(write_diff_text, compared(report(act()), report(act(), native(args={"path": "/etc/shadow"}))))

    assert "1 appeared; 1 the same" in text
    assert "    + file: openat path=/etc/shadow [native]\n      at /srv/app/fetch.py:12 fetch\n" in text
    assert "      DLL /srv/lib.so\n      stack /usr/lib/python3.11/socket.py:833 create_connection\n" in text


def test_the_text_states_first_what_was_not_seen():
    text = written(write_diff_text, compared(report(losses={"recording_cut_off": 1}), report(act())))

    assert text.index("Not seen alike") < text.index("1 appeared") < text.index("Behaviours (1)")
    assert "may be due to a alone: some events not seen whole there" in text


@pytest.mark.parametrize("write", [write_diff_text, write_diff_markdown])
def test_a_sequence_is_told_with_its_steps_in_order(write):
    text = written(write, compared(report(), report(sequences=[sequence(verdict="violation")])))

    assert "Sequences (1)" in text
    assert "secret then network: open path=/etc/a, then open path=/etc/b" in text
    assert "against " in text


def test_no_difference_is_said():
    text = written(write_diff_text, compared(report(act()), report(act())))

    assert "no difference; 1 the same\n" in text


def test_acts_that_differ_in_arguments_alone_share_an_entry():
    many = [act(args={"path": f"/etc/{number}"}) for number in range(30)]

    text = written(write_diff_text, compared(report(), report(*many)))

    assert "(and 29 alike)" in text


@pytest.mark.parametrize("write", [write_diff_text, write_diff_markdown])
def test_hostile_text_cannot_steer_a_terminal_or_start_a_line(write):
    text = written(write, hostile_diff())

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ud800-\udfff]", text)
    assert not re.search(r"^(# x|- \[ \])", text, re.MULTILINE)


def test_in_markdown_all_hostile_text_is_in_code_spans():
    text = written(write_diff_markdown, hostile_diff())

    outside = re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", text)
    assert "img" in text
    assert not re.search(r"img|@all|http|\]\(|`", outside)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=40))
def test_a_code_span_holds_its_text_whatever_it_is(text):
    span = code(text)

    fence = re.match("`+", span)[0]
    inner = span[len(fence) : -len(fence)]
    assert span.endswith(fence)
    assert fence not in re.findall("`+", inner)
    assert inner in {text, f" {text} "}


def test_markdown_is_bounded():
    names = [f"name{number}" for number in range(3000)]
    rows = [act(name, package=f"p{number % 60}", verdict="violation") for number, name in enumerate(names)]
    many = [dataclasses.replace(row, rule="r" * 190, args={"path": "x" * 110}) for row in rows]

    text = written(write_diff_markdown, compared(report(), report(*many)))

    assert len(text) < 65_000
    assert "more (`--format json` has all)" in text
    assert text.endswith("… the rest does not fit a comment (`--format json` has all)\n")


@settings(max_examples=40)
@given(REPORTS, REPORTS)
def test_any_differences_are_valid_json_text_and_markdown(first, second):
    diff = compared(first, second)

    data = json.loads(written(write_diff_json, diff).encode("utf-8"), parse_constant=pytest.fail)
    jsonschema.validate(data, SCHEMA)
    assert all(len(line) <= 100 for line in written(write_diff_text, diff).splitlines() if line.isascii())
    written(write_diff_markdown, diff).encode("utf-8")
