"""Owners at Python level against what the process itself says of its frames, for a program that uses many packages."""

import json
import shutil
import sys
from collections import Counter

import pytest

from pyxhon.packages.names import normalise
from pyxhon.policy.parse import load_categories
from tests.kernel.commands import pyxhon
from tests.targets import PROGRAMS

_REPLACES_CODE = {"object.__setattr__"}  # the oracle leaves out what sets other attributes

pytestmark = pytest.mark.usefixtures("needs_bpf")


@pytest.fixture(scope="module")
def told_twice(tmp_path_factory):
    """Run it on the interpreter of these tests, which has the packages; give what it says itself, and the report."""
    folder = tmp_path_factory.mktemp("owners")
    for name in ("owner_oracle.py", "uses_packages.py"):  # away from the checkout, which belongs to pyxhon
        shutil.copy(PROGRAMS / name, folder)
    command = [sys.executable, folder / "uses_packages.py", folder / "truth.json"]
    done = pyxhon(
        "run", "-q", "--calls", "off", "--format", "json", "--report", folder / "r.json", "--", *command, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "truth.json").read_text()), json.loads((folder / "r.json").read_bytes())


def _name_owner(owner):
    return owner if owner in {"application", "stdlib", "unknown"} else normalise(owner)


def _acts_of(truth):
    """Count (event, owner, file, line, function) of events that are acts."""
    tables, found = load_categories(), Counter()
    for event, owner, file, line, function, count in truth["events"]:
        if event in _REPLACES_CODE or tables.category_of_event(event) is not None:
            found[event, _name_owner(owner), file, line, function] += count
    return found


def _acts_told(truth, report):
    """Count the same in the report, while the hook was there; and give those of which some were before."""
    found, began_before = Counter(), set()
    for row in report["behaviours"]:
        if row["kind"] == "audit" and row["pid"] == truth["pid"] and row["last_ns"] >= truth["began_ns"]:
            place = row["location"] or {"file": None, "line": None, "function": None}
            key = (row["name"], _name_owner(row["package"]), place["file"], place["line"], place["function"])
            if row["first_ns"] < truth["began_ns"]:
                began_before.add(key)
            elif row["first_ns"] <= truth["ended_ns"]:
                found[key] += row["count"]
    return found, began_before


def test_the_owner_of_each_event_is_the_innermost_frame_outside_the_standard_library(told_twice):
    truth, report = told_twice

    expected = _acts_of(truth)
    told, began_before = _acts_told(truth, report)

    assert {key: count for key, count in (expected - told).items() if key not in began_before} == {}
    assert {key: count for key, count in (told - expected).items() if key not in began_before} == {}
    assert {key[1] for key in began_before} <= {"stdlib"}
    assert report["losses"].keys() <= {"python_stack_truncated", "code_ring_full", "code_not_captured"}


def test_the_program_has_many_packages_act(told_twice):
    truth, _ = told_twice

    owners = {key[1] for key in _acts_of(truth)}

    assert owners >= {"application", "stdlib", "attrs", "capstone", "click", "pyelftools", "pyyaml", "rich"}
    assert len(_acts_of(truth)) >= 100
