"""Findings fit the terminal that they are told on, and are one line where there is none."""

import dataclasses

import pytest
from rich.cells import cell_len

from pyxhon.join import Frame
from pyxhon.policy.judge import Judged
from pyxhon.policy.parse import load_policy
from pyxhon.policy.sequence_finding import Places, Watched, find_sequences
from pyxhon.report.live_lines import finding_lines, fold, sequence_lines
from tests.unit.policy.behaviours import TABLES, opened

LONG = "/srv/application/releases/20261127/services/web/handlers/orders/api/v2/fetch.py"
WIDE = "/srv/\N{CJK UNIFIED IDEOGRAPH-6F22}\N{CJK UNIFIED IDEOGRAPH-5B57}" * 20
TEXTS = pytest.mark.parametrize(
    "path", ["/a", LONG, WIDE, "x" * 400, "\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}" * 30, " " * 90]
)


def make_act(path):
    return dataclasses.replace(opened(path), location=Frame(path, 59, "get"))


def find_sequence(path, tmp_path):
    (tmp_path / "p.yaml").write_text("version: 1\nsequences: [{name: twice, steps: [{name: open}, {name: open}]}]\n")
    watched = [Watched(each, "violation") for each in load_policy(tmp_path / "p.yaml").sequences]
    first = make_act(path)
    return find_sequences([first, dataclasses.replace(first, first_ns=5, last_ns=5)], watched, TABLES, Places({}))[0]


@TEXTS
@pytest.mark.parametrize("columns", [40, 80, 100])
def test_no_line_is_wider_than_the_terminal(path, columns, tmp_path):
    for lines in (
        finding_lines(Judged(make_act(path), "violation", None, ""), columns),
        sequence_lines(find_sequence(path, tmp_path), columns),
    ):
        assert max(map(cell_len, lines)) <= columns
        assert lines[0].startswith("pyxhon: violation: numpy: ")
        assert all(line.startswith("    ") and line.strip() for line in lines[1:])
        assert all(line.isprintable() for line in lines)


def test_what_fits_is_one_line_and_what_does_not_has_its_place_on_a_line_of_its_own():
    judged = Judged(make_act("/srv/data.txt"), "violation", None, "")

    assert finding_lines(judged, 200) == finding_lines(judged, None)
    assert finding_lines(judged, 80) == [
        "pyxhon: violation: numpy: file: open path=/srv/data.txt mode=r flags=0",
        "    at /srv/data.txt:59 get (pid 1)",
    ]


def test_a_sequence_has_a_line_for_each_step(tmp_path):
    assert sequence_lines(find_sequence("/srv/a", tmp_path), None) == [
        "pyxhon: violation: numpy: sequence twice",
        "    1. open path=/srv/a mode=r flags=0 at /srv/a:59 get (pid 1)",
        "    2. open path=/srv/a mode=r flags=0 at /srv/a:59 get (pid 1)",
    ]


def test_spaces_of_the_target_are_kept():
    assert fold("    a  b", 80) == ["    a  b"]
