"""Acts that hide from readers of the source: what was called is named, and the bytecode shows how."""

import json

import pytest

from tests.interpreters import every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing_program
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

_PROGRAM = "tricks.py"


def _lines() -> dict[str, int]:
    lines = enumerate((PROGRAMS / _PROGRAM).read_text().splitlines(), 1)
    return {text.partition("# LINE: ")[2]: number for number, text in lines if "# LINE: " in text}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Report on the program, once for each interpreter."""
    known = {}

    def report(python):
        if python not in known:
            trace = tmp_path_factory.mktemp("tricks") / "t.pyxhon"
            with tracing_program(trace, python, [_PROGRAM], "--syscalls", "off") as traced:
                traced.tell()
                status, _, complained = traced.finish()
            assert status == 0, complained
            known[python] = json.loads(pyxhon("report", trace, "--format", "json").stdout)
        return known[python]

    return report


def _own(rows: list[dict]) -> dict[int, dict]:
    """Give those that the program's own lines did, by line."""
    places = ((row, row["location"]) for row in rows)
    return {place["line"]: row for row, place in places if place and place["file"].endswith(_PROGRAM)}


@every_python()
def test_what_is_called_by_a_trick_is_named_and_the_trick_is_shown(python, reports):
    acts, lines = _own([row for row in reports(python)["behaviours"] if row["kind"] == "audit"]), _lines()

    shown = {label: (acts[line]["name"], acts[line]["instruction"]["expression"]) for label, line in lines.items()
             if label.startswith("by ")}  # fmt: skip
    assert shown == {
        "by attribute": ("os.system", "getattr(__import__(PARTS[2] + 's'), PARTS[0] + PARTS[1])('true')"),
        "by dictionary": ("os.listdir", "vars(importlib.import_module('os'))[PARTS[3] + PARTS[4]]('/')"),
        "by __getattr__": ("os.rmdir", "Chosen().rmdir('/nonexistent/tricks')"),
    }


@every_python()
def test_imports_tell_the_instruction_what_surrounds_it_and_whether_it_failed(python, reports):
    edges = [row for row in reports(python)["imports"] if not row["transitive"]]
    own, lines = _own(edges), _lines()

    told = {
        label: (row["module"], row["instruction"]["opcode"], row["instruction"]["surroundings"], row["failed"])
        for label, line in lines.items()
        if not label.startswith("by ") and (row := own[line])
    }
    assert told == {
        "in a function": ("colorsys", "IMPORT_NAME", [], 0),
        "tried": ("no_such_module", "IMPORT_NAME", ["try"], 1),
        "in place of it": ("netrc", "IMPORT_NAME", ["except"], 0),
        "on a condition": ("plistlib", "IMPORT_NAME", ["branch"], 0),
    }
    assert own[lines["in a function"]]["location"]["function"] == "lazily"
