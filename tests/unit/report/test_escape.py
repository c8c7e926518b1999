import ast
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxhon.report.escape import TEXT_LIMIT, escape, escape_path

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=500)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x7f", "a\\x7f"),
        ("nul\0", "nul\\x00"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("\u2066\u2069\u200e\u200f\u061c", "\\u2066\\u2069\\u200e\\u200f\\u061c"),
        ("ze\u200bro\ufeff", "ze\\u200bro\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800x\udc80", "\\ud800x\\udc80"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\xa0", "\\xa0"),
        ("\u3164\u115f\u2800", "\\u3164\\u115f\\u2800"),
        ("back\\slash", "back\\\\slash"),
        ("ä中😀", "ä中😀"),
    ],
)
def test_what_steers_or_hides_is_shown_as_an_escape(hostile, shown):
    assert escape(hostile) == shown


def test_a_megabyte_is_cut_and_its_size_told():
    shown = escape("x" * 1048576)

    assert len(shown) == TEXT_LIMIT
    assert shown.endswith("x…(1048576 bytes)")


def test_the_size_of_a_cut_text_is_in_utf8_bytes():
    assert escape("ä" * 1000, 60).endswith("…(2000 bytes)")


def test_a_cut_path_keeps_its_end():
    assert escape_path("/very/long/site-packages/requests/adapters.py", 20) == "…equests/adapters.py"


@given(ANY_TEXT, st.integers(40, 200))
def test_a_shown_text_is_printable_and_bounded(text, limit):
    for shown in (escape(text, limit), escape_path(text, limit)):
        assert len(shown) <= limit
        assert all(character.isprintable() for character in shown)
        assert not any(unicodedata.bidirectional(character) in {"RLO", "LRO", "RLE", "LRE"} for character in shown)
        shown.encode("utf-8")


@given(ANY_TEXT)
def test_an_uncut_text_can_be_told_from_what_is_shown(text):
    shown = escape(text, 10_000)

    assert ast.literal_eval('"' + shown.replace('"', '\\"') + '"') == text
