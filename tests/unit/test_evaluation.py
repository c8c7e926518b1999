"""The evaluated packages: table, exercises and policies agree, each exercise runs, and the page is made of reports."""

import ast
import importlib
import json
import re
import subprocess
import sys

import pytest

from pyxhon.policy.parse import load_policy
from tests.interpreters import CHECKOUT

_FOLDER = CHECKOUT / "scripts/evaluation"
_PAGE = CHECKOUT / "docs/evaluation.md"
_PARTS = ("matrix", "paper", "violations", "beneath", "silent", "owners", "losses")


def _load(name):
    sys.path.insert(0, str(_FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(_FOLDER))


_CASES = _load("evaluated_packages").CASES
_of_each = pytest.mark.parametrize("case", _CASES, ids=lambda case: case.slug)


def _report(*behaviours, python=2, native=1):
    categories = {
        name: {"status": "none", "python": 0, "native": 0, "detached": 0}
        for name in ("file", "network", "dll", "os", "builtins")
    }
    categories["network"] = {"status": "violation", "python": python, "native": native, "detached": 0}
    return {
        "packages": [
            {
                "name": "Pyisbn",
                "version": "1.4.3",
                "origin": "distribution",
                "policy": None,
                "categories": categories,
                "suggestion": "CodeReview",
            }
        ],
        "behaviours": list(behaviours),
        "processes": [{"interpreter": None}, {"interpreter": {"version": "3.12.1"}}],
        "losses": {},
        "complete": True,
    }


def _behaviour(number, name="import email", level="python", path=None, **more):
    return {
        "id": str(number),
        "package": "Pyisbn",
        "category": "network",
        "level": level,
        "verdict": "violation",
        "name": name,
        "args": {},
        "object": path,
        "location": {"file": "/x/site-packages/pyisbn/a.py", "line": 7, "function": "f"},
        "python_stack": [{"file": "/usr/lib/python3.12/http/client.py", "line": 1, "function": "g"}],
        **more,
    }


@pytest.fixture
def evaluated():
    page = _load("evaluation_page")
    case = next(case for case in _CASES if case.package == "pyisbn")
    beneath = _behaviour(3, "connect", "native", "/x/lib|evil`.so", verdict="allowed")
    return page, page.Evaluated(case, _report(_behaviour(1), _behaviour(1), _behaviour(2), beneath))


def test_the_papers_packages_and_35_more_are_evaluated():
    names = {case.package for case in _CASES}

    assert {"numpy", "cx_Freeze", "pyisbn", "Pyro4", "Pyro5", "MDP", "crcmod", "xlrd3", "xlrd"} <= names
    assert len(names) == len(_CASES) >= 9 + 35


def test_each_exercise_belongs_to_a_package():
    files = {path.name for path in (_FOLDER / "exercises").iterdir() if path.suffix == ".py"}

    assert files == {case.exercise.name for case in _CASES}


@_of_each
def test_an_exercise_can_be_imported_and_run_again(case):
    tree = ast.parse(case.exercise.read_text(), feature_version=(3, 10))

    assert ast.get_docstring(tree)
    assert any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)
    assert case.exercise.read_text().endswith('if __name__ == "__main__":\n    main()\n')


@_of_each
def test_the_policy_speaks_of_the_package(case):
    policy = load_policy(case.policy)

    assert any(entry.allow and entry.key.covers(case.package, "distribution") for entry in policy.packages)


@_of_each
def test_every_requirement_is_pinned(case):
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9.]+", requirement) for requirement in case.requirements)


@pytest.mark.full
@_of_each
def test_an_exercise_runs_without_being_traced(case):
    environments = _load("environments")
    python = environments.make_environment(case)

    done = subprocess.run(
        [python, case.exercise],
        env=environments.clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr[-2000:]


def test_a_package_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no such package: leftpad"):
        _load("evaluated_packages").chosen(["numpy", "leftpad"])


def test_the_matrix_counts_each_violation_once_and_parts_what_is_beneath_python(evaluated):
    page, one = evaluated

    assert page.matrix([one]).splitlines()[2] == (
        "| Pyisbn 1.4.3 | 3.12.1 | None | - | Violation(2) 2/1 | - | - | - | CodeReview |"
    )


def test_our_row_stands_beneath_the_papers(evaluated):
    page, one = evaluated

    rows = page.beside_the_paper([one]).splitlines()[2:]

    assert len(rows) == 8
    assert [row.split(" | ")[0] for row in rows[2:4]] == ["| Pyisbn", "| **Pyisbn 1.4.3**"]


def test_a_violation_is_told_with_its_lines(evaluated):
    page, one = evaluated

    assert page.violations([one]).splitlines()[2:] == [
        "| Pyisbn | N | python | `import email` | http.client | pyisbn/a.py:7 (2) |",
    ]


def test_code_that_the_standard_library_makes_for_classes_is_counted(evaluated):
    page, one = evaluated
    stack = [{"file": "/usr/lib/python3.12/typing.py", "line": 1, "function": "ForwardRef.__init__"}]
    one.report["behaviours"].append(_behaviour(5, "compile", python_stack=stack))

    assert page.describe_made_code([one]).startswith("1 of the 3 violations are ")


def test_names_chosen_by_a_package_stay_in_their_cell(evaluated):
    page, one = evaluated

    assert page.beneath([one]).splitlines()[2:] == [
        "| Pyisbn | Pyisbn | lib?evil?.so | native | 1 | `connect` |",
    ]


def test_what_pythons_own_modules_do_without_an_event_stands_apart(evaluated):
    page, one = evaluated
    path = "/usr/lib/python3.12/lib-dynload/_socket.cpython-312-x86_64-linux-gnu.so"
    one.report["behaviours"].append(_behaviour(4, "listen", "native", path))

    assert page.silent([one]).splitlines()[2:] == ["| _socket | `listen` | 1 | Pyisbn |"]
    assert "listen" not in page.beneath([one])


@pytest.mark.parametrize("part", _PARTS)
def test_the_page_has_each_part(part):
    text = _PAGE.read_text()

    assert text.index(f"<!-- evaluation: {part} -->") < text.index(f"<!-- end: {part} -->")


def test_the_page_shows_every_package():
    matrix = _PAGE.read_text().split("<!-- evaluation: matrix -->")[1].split("<!-- end: matrix -->")[0]

    missing = [case.package for case in _CASES if f"{case.package} {case.version} ".lower() not in matrix.lower()]

    assert missing == []


def test_the_owners_of_every_package_were_compared_and_none_differs():
    owners = _PAGE.read_text().split("<!-- evaluation: owners -->")[1].split("<!-- end: owners -->")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in owners.strip().splitlines()[2:] if "|" in line
    ]

    assert [row[:2] for row in rows] == [[case.package, case.version] for case in _CASES]
    assert {tuple(row[-2:]) for row in rows} == {("0", "0")}


def _line(stack, event="os.system", pid=7):
    return json.dumps([1, pid, pid, event, ["ls"], stack]) + "\n"


def _row(package, file, line, pid=7, path=None):
    location = {"file": file, "line": line, "function": "f"}
    act = {
        "package": package,
        "name": "os.system",
        "location": location,
        "pid": pid,
        "object": path,
        "python_stack": [location],
    }
    return {**act, "kind": "audit", "level": "python"}


def test_owners_are_held_against_those_of_a_hook(tmp_path):
    information = tmp_path / "one-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: One\nVersion: 1.0\n")
    (information / "RECORD").write_text("one.py,,\n")
    one, log = f"{tmp_path}/one.py", tmp_path / "log"
    log.write_text(
        "".join(_line([[one, "f", line], ["/srv/app.py", "<module>", 9]]) for line in (1, 2, 3))
        + _line([["<string>", "f", 4], ["<string>", "<module>", 1]])
        + _line([["/usr/lib/python3.12/x.py", "f", 4]])
    )
    report = {
        "behaviours": [
            _row("One", one, 1),
            _row("application", one, 2),
            _row("dll.so", one, 3, path="/dll.so"),
            _row("application", "<string>", 4),
            _row("other", "/elsewhere.py", 5, pid=8),  # a process without the hook
        ]
    }

    compared = _load("compare_owners").hold_against(_CASES[0], report, log, tmp_path)

    assert compared.same == 2
    assert compared.missing == [f"One: os.system at {one}:2"]
    assert compared.extra == [f"application: os.system at {one}:2"]
    assert compared.by_dll == [f"dll.so: os.system at {one}:3"]


def test_evaluating_tells_its_options():
    answer = subprocess.run(
        [sys.executable, _FOLDER / "evaluate_all.py", "--help"], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("usage: ")
