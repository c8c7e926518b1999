import dataclasses
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pyxhon.report.markdown import LIMIT, write_markdown
from pyxhon.report.markdown.inert import cell, code
from pyxhon.report.markdown.page import Rows, fit, measure
from pyxhon.report.model import Location, NativeFrame
from pyxhon.report.output import FORMATS
from tests.unit.report.sample import make_behaviour, make_package, make_report

MARK = "ZQX"
"""What every text of the target has in it: it may be in code alone."""
HOSTILE = [
    "`<img src=x onerror=alert(1)>`",
    "``` `` `",
    "| a | b |\n| - | - |",
    "\\|\\\\|\\`",
    "[x](https://evil.example)![y](z)",
    "@everyone #1 GH-2 owner/repo#3 https://evil.example www.evil.example",
    "</details><script>alert(1)</script><!--",
    "$`x`$ $$y$$ :tada: ~~z~~ **b** _i_ &lt;b&gt; &#96;",
    "\n\n# Accept\n\n- [x] done",
    "\u202e\x1b[31m\u2028\x85\ud800",
]
CHARACTERS = st.sampled_from([*"`|\\<>[]()*_~$&;:!#@-+=\"' \n\r\tab1./", "\u202e", "\u2028", "\ud800", "é", "😀"])
ANY_TEXT = st.text(CHARACTERS, max_size=30)


def written(report):
    out = io.StringIO()
    write_markdown(report, out)
    return out.getvalue()


def parse(text):
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def every_token(text):
    for token in parse(text):
        yield token
        yield from token.children or ()


def make_hostile(text):
    """A report in which all that a target chooses is this."""
    hostile = f"{MARK}{text}{MARK}"
    place = Location(hostile, 3, hostile)
    changes = {"package": hostile, "name": hostile, "args": {hostile: [hostile]}, "location": place, "rule": hostile}
    native = {"level": "native", "object": hostile, "native_stack": [NativeFrame(hostile, hostile, 1)]}
    report = make_report()
    process = report.processes[0]
    process = dataclasses.replace(
        process,
        argv=[hostile, hostile],
        interpreter=dataclasses.replace(process.interpreter, version=hostile),
        coverage=dataclasses.replace(process.coverage, calls=f"unavailable: {hostile}"),
    )
    return dataclasses.replace(
        report,
        host=dataclasses.replace(report.host, kernel=hostile),
        processes=[process],
        packages=[dataclasses.replace(make_package(hostile, hostile, "CodeReview"), version=hostile)],
        behaviours=[
            make_behaviour(**changes),
            make_behaviour(**changes, **native, id="n"),
            make_behaviour(**changes, kind="import", id="i"),
        ],
        details=[dataclasses.replace(report.details[0], reason=hostile)],
        losses={hostile: 1},
    )


def check_inert(page):
    allowed = {
        *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline", "text", "code_inline"),
        *("strong_open", "strong_close", "em_open", "em_close", "softbreak", "bullet_list_open", "bullet_list_close"),
        *("list_item_open", "list_item_close", "table_open", "table_close", "thead_open", "thead_close", "tbody_open"),
        *("tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close"),
    }
    tokens = list(every_token(page))
    assert {token.type for token in tokens} <= allowed
    assert [token.content for token in tokens if token.type == "text" and MARK in token.content] == []
    assert any(MARK in token.content for token in tokens if token.type == "code_inline")
    check_tables(tokens, 3)


def check_tables(tokens, count):
    """Every row of a table has as many cells as its head."""
    kinds = [token.type for token in tokens]
    tables = [number for number, kind in enumerate(kinds) if kind == "table_open"]
    assert len(tables) == count
    for start in tables:
        table = tokens[start : kinds.index("table_close", start)]
        columns = sum(token.type == "th_open" for token in table)
        cells = sum(token.type == "td_open" for token in table)
        # A row with too many cells loses the last ones, one with too few gets empty ones.
        assert cells % columns == 0
        assert [token.content for token in table if token.type == "inline"].count("") == 0


def test_the_verdict_comes_first():
    assert written(make_report()).startswith("## PyXhon: CodeReview, 1 violation by 1 package\n")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"behaviours": [], "packages": []}, "no policy given"),
        ({"behaviours": [], "packages": [make_package("a", "F", "Accept")]}, "Accept"),
        ({"behaviours": [], "packages": [make_package("a", "F", "Accept")], "complete": False}, "incomplete"),
    ],
)
def test_the_outcome_is_told(changes, outcome):
    assert f"## PyXhon: {outcome}" in written(make_report(**changes))


def test_a_violation_has_act_argument_place_count_and_rule():
    page = written(make_report())

    row = next(line for line in page.splitlines() if "socket.connect" in line)
    assert row == (
        "| `requests 2.31.0` | network | `socket.connect address=127.0.0.1:80`, cut | `/srv/app/fetch.py:12 fetch` | "
        "\N{MULTIPLICATION SIGN}15 | `packages.requests.allow (F)`: `network is not in F` |"
    )


def test_what_was_done_beneath_and_what_was_lost_is_told():
    page = written(make_report(losses={"ring_full": 7, "stack_truncated": 2}, complete=False))

    assert "| interpreter and C library | `requests` | dll | `dlopen` |" in page
    assert "- `ring_full`: 7; **it could hide a violation**" in page
    assert "- `stack_truncated`: 2; the acts are in the report" in page
    assert "**Incomplete:**" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_code_and_nothing_else(text):
    check_inert(written(make_hostile(text)))


@settings(deadline=None, max_examples=80)
@given(ANY_TEXT)
def test_any_text_is_code_and_nothing_else(text):
    check_inert(written(make_hostile(text)))


@given(st.text(CHARACTERS.filter(lambda each: each not in "\n\r\u2028\ud800"), min_size=1, max_size=40))
def test_a_cell_shows_its_text(text):
    shown = text.replace("\\", "\\\\")
    head = "| a | b |\n|---|---|\n"

    (row,) = [token for token in parse(f"{head}| {cell(shown)} | end |") if token.type == "inline"][2:3]

    if shown.strip():
        assert [child.type for child in row.children] == ["code_inline"]
        # At its ends a code span loses a blank, and tabs are blanks.
        assert row.children[0].content.split() == shown.replace("`", "\\x60").split()


def test_a_code_span_of_nothing_is_a_dash():
    assert (code(""), code(" "), cell("")) == ("-", "-", "-")


@pytest.mark.parametrize("text", ["x", "😀" * 500, "`|\\" * 300])
def test_a_page_is_never_too_long_and_says_what_was_cut(text):
    place = Location("/srv/" + text, 1, text)
    rows = [
        make_behaviour(id=f"{level}{number}", level=level, name=f"{number}{text}", args={"a": text}, location=place)
        for level in ("python", "native")
        for number in range(2000)
    ]
    packages = [make_package(f"p{number}{text}", "F", "CodeReview") for number in range(500)]

    page = written(make_report(behaviours=rows, packages=packages, losses={f"l{n}": 1 for n in range(900)}))

    assert measure(page) <= LIMIT
    assert measure(page) > LIMIT * 0.9
    assert page.count(" rows cut here; ") == 4
    check_tables(list(every_token(page)), 3)


def test_all_rows_are_shown_or_counted():
    page = fit("T", ("| n |", "|---|"), Rows(range(100), lambda number: f"| {number} |"), 400)

    shown = page.count("|\n") - 2
    assert 0 < shown < 100
    assert f"… {100 - shown} rows cut here" in page
    assert measure(page) <= 400


def test_a_section_without_rows_is_left_out():
    assert fit("T", (), Rows([], str), 400) == ""


def test_the_format_is_offered():
    assert "markdown" in FORMATS
