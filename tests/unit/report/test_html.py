"""The HTML report as a file: nothing foreign in it, all that is left out counted. tests/browser looks at it."""

import base64
import hashlib
import html
import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.report.digest import gather_acts
from pyxhon.report.html import write_html
from pyxhon.report.html.content import Limits, make_content, to_script_json
from pyxhon.report.html.tables import UNKNOWN_ORDER, Stacks, Texts
from pyxhon.report.html.write import read_script
from pyxhon.report.model import Detail, NativeFrame
from tests.interpreters import CHECKOUT
from tests.unit.report.sample import make_behaviour, make_location, make_report

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


def written(report, **how):
    out = io.StringIO()
    write_html(report, out, **how)
    return out.getvalue()


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def policy_of(page):
    return html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])


@pytest.mark.parametrize("tag, directive", [("script", "script-src"), ("style", "style-src")])
def test_the_policy_lets_in_what_is_in_the_file_and_nothing_else(tag, directive):
    page = written(make_report())
    [body] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)

    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()

    directives = dict(each.strip().split(" ", 1) for each in policy_of(page).split(";"))
    assert directives["default-src"] == "'none'"
    assert directives[directive] == f"'sha256-{digest}'"


def test_the_page_names_nothing_of_the_network():
    page = written(make_report()).replace("http://www.w3.org/2000/svg", "")  # the name of SVG's elements

    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+|\bsrc=|@import|url\(", page) == []


def test_what_is_embedded_from_others_is_what_was_published():
    folder = CHECKOUT / "pyxhon/report/html/vendor"
    told = dict(
        re.findall(r"^\| `([^`]+\.js)`.*`([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.MULTILINE)
    )

    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")} == told
    assert "sourceMappingURL" not in read_script()


def test_the_script_never_takes_text_for_markup_or_code():
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.srcdoc|setTimeout\(['\"]"
    )

    assert re.findall(forbidden, read_script()) == []


@pytest.fixture(scope="module")
def plain():
    return written(make_report(behaviours=[make_behaviour()]))


@settings(max_examples=30)
@given(name=ANY_TEXT, value=ANY_TEXT)
def test_any_text_stays_inside_its_place(plain, name, value):
    row = make_behaviour(
        name=name, package=value, args={name: value}, result=value, location=make_location(name, 1, value)
    )
    page = written(make_report(behaviours=[row]))

    page.encode("utf-8")
    for tag in ("<script", "</script", "<style", "<img", "<!--", "<meta"):
        assert page.count(tag) == plain.count(tag)
    data_of(page)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", page)


@given(st.recursive(ANY_TEXT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3)))
def test_data_comes_back_from_its_block_as_it_was(value):
    text = to_script_json(value)

    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_what_is_left_out_is_counted_and_violations_are_kept():
    rows = [make_behaviour(id=f"a{number}", verdict="allowed", first_ns=number) for number in range(9)]
    report = make_report(behaviours=[*rows, make_behaviour(id="bad", first_ns=99)])

    content = make_content(report, gather_acts(report), Limits(acts=3, stack_nodes=0, imports=1, dlls=0))

    data = json.loads(content.json)
    assert content.left_out == {"behaviours": 7, "stacks": 3, "imports": 2, "DLLs": 2}
    assert [data["texts"][row[-1]] for row in data["acts"]] == ["a0", "a1", "bad"]


def test_all_is_held_when_there_is_room():
    report = make_report()

    assert make_content(report, gather_acts(report)).left_out == {}


def read_stack(stacks, node):
    steps = []
    while node >= 0:
        steps.append(stacks.nodes[2 * node])
        node = stacks.nodes[2 * node + 1]
    return steps


def test_a_mixed_stack_comes_back_in_its_order():
    stacks = Stacks(Texts(), 100)
    row = make_behaviour(native_stack=[NativeFrame("/lib/libc.so.6", "connect", 16)])
    detail = Detail("b1", 1, 0, False, [], None, None, ["n0", "p0", "?", "p1", "n7"], instructions=["2 CALL"])  # noqa: FBT003

    steps = read_stack(stacks, stacks.stack_of(row, detail))

    shown = [
        step if step == UNKNOWN_ORDER else (stacks.native[step // 2] if step % 2 else stacks.python[step // 2])
        for step in steps
    ]
    texts = stacks.texts.rows
    assert [texts[shown[0][0]], texts[shown[0][1]], texts[shown[0][2]]] == ["/lib/libc.so.6", "connect", "0x10"]
    assert [texts[shown[1][0]], shown[1][1], texts[shown[1][3]]] == ["/usr/lib/python3.11/socket.py", 833, "2 CALL"]
    assert shown[2] == UNKNOWN_ORDER
    assert [texts[shown[3][0]], shown[3][3]] == ["/srv/app/fetch.py", -1]
    assert len(shown) == 4


def test_stacks_that_differ_at_their_inner_end_share_the_rest():
    stacks = Stacks(Texts(), 1000)
    outer = [make_location("/srv/app.py", line, "f") for line in range(1, 30)]
    none = Detail("b1", 1, 0, False, [], None, None)  # noqa: FBT003

    for line in range(50):
        stacks.stack_of(make_behaviour(python_stack=[make_location("/lib/x.py", 100 + line, "g"), *outer]), none)

    assert len(stacks.nodes) // 2 == 29 + 50


def test_a_long_text_is_cut_and_its_size_told():
    page = written(make_report(behaviours=[make_behaviour(args={"data": "x" * 100_000})]))

    assert any(text.endswith("…(100000 bytes)") and len(text) <= 400 for text in data_of(page)["texts"])
    assert len(page) < 200_000
