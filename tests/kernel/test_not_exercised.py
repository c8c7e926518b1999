"""A package with planted dead branches, really run: the report lists exactly those, on every interpreter."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import yaml

from pyxhon.abilities.model import sites_from_json
from pyxhon.cli import run_command_line
from pyxhon.trace.reader import open_trace
from tests.interpreters import CHECKOUT, Interpreter, every_python
from tests.kernel.traced import attaching, tracing, tracing_program
from tests.targets import PROGRAMS, running

pytestmark = pytest.mark.usefixtures("needs_bpf")

SCHEMA = json.loads((CHECKOUT / "docs/report.schema.json").read_text())
_PACKAGE = PROGRAMS / "packages" / "planted"
_SEEN = ((3, 11), (3, 13), (3, 14), (3, 15))  # versions whose functions are seen by default


def _install(folder: Path) -> Path:
    """Lay the package out as an installer does."""
    site = folder / "site-packages"
    shutil.copytree(_PACKAGE, site / "planted", ignore=shutil.ignore_patterns("__pycache__"))
    information = site / "planted-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: Planted\nVersion: 1.0\n")
    files = sorted(path.relative_to(site) for path in site.rglob("*.py"))
    (information / "RECORD").write_text("".join(f"{path},,\n" for path in files))
    return site


def _planted(site: Path, mark: str) -> set[tuple[str, str, str, int]]:
    """Read what the comments say: (kind, name, file, line)."""
    found = set()
    for path in site.glob("planted/*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            _, _, comment = line.partition("  # ")
            for said in re.findall(rf"{mark}: ((?:[\w-]+ [\w.]+(?:, )?)+)", comment):
                for each in said.split(", "):
                    kind, name = each.split()[:2]
                    found.add((kind, name, str(path), number))
    return found


def _told(report: dict) -> set[tuple[str, str, str, int]]:
    rows = [row for row in report["not_exercised"] if row["package"] == "Planted"]
    return {(row["kind"], row["name"], row["location"]["file"], row["location"]["line"]) for row in rows}


def _run(python: Interpreter, folder: Path, *options: str, program: str = "use_planted.py") -> tuple[Path, dict]:
    """Attach to a program before it goes on; its files are there until the trace is whole."""
    site, trace, report = _install(folder), folder / "t.pyxhon", folder / "report.json"
    with running(python, f"packages/{program}", site) as target, attaching(trace, target.pid, *options):
        target.tell()
        assert target.hear() == "done"
    assert run_command_line(["report", str(trace), "--format", "json", "--report", str(report)]) in {0, 4}
    found = json.loads(report.read_text())
    jsonschema.validate(found, SCHEMA)
    return site, found


@every_python()
def test_exactly_the_planted_branches_are_not_exercised(python, tmp_path):
    site, report = _run(python, tmp_path)
    expected = _planted(site, "DEAD")
    if python.version[:2] in _SEEN:
        expected |= _planted(site, "QUIET")

    assert _told(report) - expected == set()
    assert expected - _told(report) == set()
    assert len(expected) > 30


@every_python(min=(3, 11), max=(3, 11))
def test_a_command_that_is_run_is_told_the_same(python, tmp_path):
    site, report = _install(tmp_path), tmp_path / "report.json"
    arguments = ["packages/use_planted.py", site]
    said = ("--format", "json", "--report", str(report))
    with tracing_program(tmp_path / "t.pyxhon", python, arguments, *said) as traced:
        traced.tell()
        assert traced.hear() == "done"
        traced.tell()
        traced.finish()

    assert _told(json.loads(report.read_text())) == _planted(site, "DEAD") | _planted(site, "QUIET")


@every_python(min=(3, 11), max=(3, 11))
def test_what_only_raises_no_event_is_unknown_where_functions_are_not_seen(python, tmp_path):
    site, report = _run(python, tmp_path, "--calls", "off")
    (row,) = [row for row in report["exercise"] if row["package"] == "Planted"]

    assert _told(report) == _planted(site, "DEAD")
    assert row["unknown"]["call"] >= len(_planted(site, "QUIET")) - 1
    assert row["functions_ran"] is None
    assert row["percent"] is None


@every_python(min=(3, 11), max=(3, 11))
def test_coverage_counts_the_functions_of_all_files(python, tmp_path):
    _, report = _run(python, tmp_path)
    (row,) = [row for row in report["exercise"] if row["package"] == "Planted"]
    ran = {"live", "half_dead", "alive_function", "Tool.__init__", "Tool.use", "outer"}

    assert (row["functions_ran"], row["functions"]) == (len(ran), len(ran) + 5)
    assert row["percent"] == round(100 * len(ran) / (len(ran) + 5), 1)
    assert (row["files"], row["unread"]) == (3, {})


@every_python(min=(3, 11), max=(3, 11))
def test_hostile_files_of_a_package_are_counted_and_hold_nothing_up(python, tmp_path):
    site, trace, report = _install(tmp_path), tmp_path / "t.pyxhon", tmp_path / "report.json"
    os.mkfifo(site / "planted/fifo.py")
    with (site / "planted/huge.py").open("wb") as file:
        file.truncate(50 << 20)
    (site / "planted/deep.py").write_bytes(b"(" * 100_000)
    (site / "planted/nul.py").write_bytes(b"import os\0")
    (site / "planted/zero.py").symlink_to("/dev/zero")
    (site / "planted/esc\x1b[31m.py").write_text("import os\nos.system('x')\n")
    with (site / "planted-1.0.dist-info/RECORD").open("a") as file:
        file.writelines(
            f"planted/{name}.py,,\n" for name in ("fifo", "huge", "deep", "nul", "zero", "gone", "esc\x1b[31m")
        )
    with running(python, "packages/use_planted.py", site) as target, attaching(trace, target.pid):
        target.tell()
        assert target.hear() == "done"
    began = time.monotonic()
    assert run_command_line(["report", str(trace), "--format", "json", "--report", str(report)]) in {0, 4}
    (row,) = [row for row in json.loads(report.read_text())["exercise"] if row["package"] == "Planted"]
    assert run_command_line(["report", str(trace), "--report", str(report)]) in {0, 4}
    text = report.read_text()

    assert time.monotonic() - began < 60
    assert row["files"] == 10
    unread = Counter()
    for reason, count in row["unread"].items():
        unread[reason.partition(": ")[0]] += count
    assert unread == {
        "it is no regular file": 2,
        "it has more than 2 MiB": 1,
        "no such file": 1,
        "its source cannot be parsed": 2,
    }
    assert "(6 not read: " in " ".join(text.partition("What installed code")[2].split())
    assert "\x1b" not in text


def test_what_is_told_of_a_real_package_did_not_run_by_its_own_line_trace(tmp_path):
    program, site = PROGRAMS / "packages/use_pyyaml.py", Path(yaml.__file__).parents[1]
    command, log, report = [sys.executable, "-I", "-S", program, site], tmp_path / "lines", tmp_path / "report.json"
    subprocess.run([*command, log], check=True)
    options = ("--report", str(report), "--format", "json")
    with tracing(tmp_path / "t.pyxhon", [str(word) for word in command], *options) as traced:
        traced.finish()
    found = json.loads(report.read_text())
    (row,) = [row for row in found["exercise"] if row["package"] == "PyYAML"]
    ran = {(file, line) for file, line in json.loads(log.read_text())}
    told = {(each["location"]["file"], each["location"]["line"]) for each in found["not_exercised"]}

    assert told & ran == set()
    assert row["seen"]["import"] > 40
    assert {"import", "call"} <= set(row["not_seen"])
    assert 20 < row["percent"] < 80
    with open_trace(tmp_path / "t.pyxhon") as reader:
        sites = [(each.path, site) for each in reader.abilities() for site in sites_from_json(each.sites or [])]
    quiet = {
        (path, site.line)
        for path, site in sites
        if site.line and not ran & {(path, line) for line in range(site.line, site.end_line + 1)}
    }
    # What did not run is told, or it raises no event and stands in a function that ran.
    assert len(quiet - told) <= sum(row["unknown"].values())


@every_python()
def test_what_ran_before_the_trace_began_is_not_told_as_not_exercised(python, tmp_path):
    site, found = _run(python, tmp_path, program="waits_with_planted.py")
    (row,) = [row for row in found["exercise"] if row["package"] == "Planted"]
    told = _told(found)

    assert row["began_late"]
    planted = (site / "planted/__init__.py").read_text().splitlines()
    # Of `half_dead` it is not known whether the evidence is of before; `live` was not called now.
    is_open = range(planted.index("def live(path):"), planted.index("def dead():"))
    certain = {row for row in _planted(site, "DEAD") if row[3] not in is_open or not row[2].endswith("__init__.py")}
    more = told - _planted(site, "DEAD") - _planted(site, "QUIET")
    outside = {row[3] for row in more if row[2].endswith("__init__.py") and row[3] not in is_open}

    assert certain - told == set()
    assert outside <= {planted.index("    import planted_missing_module") + 1, *_use_lines(planted)}
    if python.version[:2] in _SEEN:  # else nobody knows which functions had run
        assert {row for row in more if row[2].endswith("alive.py")} == set()


def _use_lines(planted: list[str]) -> set[int]:
    """Give the lines of what `use_planted.py` does besides, which is not done here."""
    start = planted.index("class Tool:")
    return set(range(start + 1, planted.index("    def misuse(self):") + 1))
