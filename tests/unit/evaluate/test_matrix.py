"""A step's report → its part of a row: whose acts count, how often, and what they lead to."""

import json

import pytest

from pyxhon.evaluate.matrix import read_step
from pyxhon.evaluate.steps import Step


def make_step(name="run", *, is_known=True):
    return Step(name, "done", 0, 1.0, 0, 0, 0, "", is_known=is_known, folder=f"x/{name}")


def act(number, package="My_Package", files=("/env/x.py",), **fields):
    plain = {"category": "os", "level": "python", "verdict": "allowed", "name": "os.system"}
    stack = [{"file": file, "line": 1, "function": "<module>"} for file in files]
    return {"id": str(number), "package": package, "python_stack": stack, **plain, **fields}


@pytest.fixture
def read(tmp_path):
    def write_and_read(acts, step=None, *, is_complete=True):
        packages = [{"name": "My_Package", "origin": "distribution", "policy": "O"}]
        path = tmp_path / "report.json"
        path.write_text(json.dumps({"packages": packages, "behaviours": acts, "complete": is_complete}))
        return read_step(step or make_step(), path, "my-package")

    return write_and_read


def test_distinct_acts_count_once_at_their_level(read):
    row = read([act(1), act(1), act(2), act(3, level="native"), act(4, level="detached"), act(5, package="other")])

    assert (row.cells["os"].status, row.cells["os"].python, row.cells["os"].native) == ("allowed", 2, 2)
    assert row.cells["file"].status == "none"
    assert (row.suggestion, row.policy, row.is_complete) == ("Accept", "O", True)


def test_a_violation_is_named_and_leads_to_a_review(read):
    row = read([act(1), act(2, verdict="violation", name="fork"), act(3, verdict="violation", name="fork")])

    assert row.cells["os"].status == "violation"
    assert row.cells["os"].violations == (("fork", 2),)
    assert row.suggestion == "CodeReview"


@pytest.mark.parametrize(
    ("files", "is_counted"),
    [
        (["<string>", "/built/tools/setuptools/build_meta.py"], True),
        (["/usr/lib/python3.11/os.py", "<string>", "/built/tools/setuptools/build_meta.py"], True),
        (["/built/source-0/x/helper.py", "<string>"], True),
        (["/built/tools/setuptools/command/build.py", "<string>"], False),
        (["/usr/lib/python3.11/zipfile.py", "/programs/install.py"], False),
        ([], False),
    ],
)
def test_what_a_build_script_does_counts_when_it_is_installed(read, files, is_counted):
    acts = [act(1, package="setuptools", files=files)]

    assert read(acts, make_step("install")).cells["os"].python == int(is_counted)
    assert read(acts).cells["os"].python == 0


@pytest.mark.parametrize(
    ("owner", "files", "is_counted"),
    [
        ("unknown", ["/tmp/made.py", "/env/lib/x.py", "/programs/exercise_imports.py"], True),
        ("unknown", [], True),
        ("application", ["/env/lib/unlisted.py", "/exercise.py"], True),
        ("application", ["/exercise.py"], False),
        ("application", ["/usr/lib/python3.11/importlib/__init__.py", "/programs/exercise_imports.py"], False),
        ("other", ["/env/lib/other.py", "/exercise.py"], False),
    ],
)
def test_what_nobody_owns_counts_and_leaves_no_clean_bill(read, owner, files, is_counted):
    row = read([act(1), act(2, package=owner, files=files, verdict="unjudged")])

    assert row.cells["os"].python == 1 + is_counted
    assert row.suggestion == (None if is_counted else "Accept")


def test_what_was_not_seen_whole_is_not_complete(read):
    assert not read([act(1)], is_complete=False).is_complete
    assert not read([act(1)], make_step(is_known=False)).is_complete


def test_without_a_report_nothing_is_said(tmp_path):
    row = read_step(make_step(), tmp_path / "none.json", "x")

    assert (row.suggestion, row.is_complete) == (None, False)
