import json
import time

import pytest

from pyxhon.cli import run_command_line
from pyxhon.diff.files import diff_files
from pyxhon.report.as_json import write_json
from pyxhon.session_options import TraceOptions
from tests.unit.diff.sides import act, native, report
from tests.unit.report.sample import make_package, make_report


@pytest.fixture
def kept(tmp_path):
    """Writes reports as JSON files."""

    def keep(name, any_report):
        path = tmp_path / name
        with path.open("w", encoding="utf-8") as out:
            write_json(any_report, out)
        return path

    return keep


def judged(*behaviours, **changes):
    return report(*behaviours, packages=[make_package("requests", "F", "CodeReview")], **changes)


def test_two_json_reports_without_a_difference_end_with_0(kept, capsys):
    path = kept("a.json", make_report())

    assert run_command_line(["diff", str(path), str(path)]) == 0
    assert "no difference" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("new", "options", "status"),
    [
        (act("x", verdict="violation"), [], 3),
        (act("x", verdict="allowed"), [], 0),
        (act("x", verdict="allowed"), ["--fail-on-new"], 3),
        (act("open"), ["--fail-on-new"], 0),
    ],
)
def test_the_status_tells_whether_b_does_more_than_it_may(kept, new, options, status):
    a, b = kept("a.json", judged(act())), kept("b.json", judged(act(), new))

    assert run_command_line(["diff", str(a), str(b), *options]) == status


def test_a_level_that_changed_is_new(kept):
    a, b = kept("a.json", report(native(level="native"))), kept("b.json", report(native(level="detached")))

    assert run_command_line(["diff", str(a), str(b), "--fail-on-new"]) == 3
    assert run_command_line(["diff", str(a), str(b)]) == 0


def test_what_b_lost_could_hide_a_violation(kept):
    a = kept("a.json", judged(act()))
    b = kept("b.json", judged(act(), complete=False, losses={"ring_full": 1}))
    unjudged = kept("c.json", report(act(), complete=False))

    assert run_command_line(["diff", str(a), str(b)]) == 4
    assert run_command_line(["diff", str(a), str(unjudged)]) == 0


def test_json_and_markdown_go_to_a_file(kept, tmp_path):
    a, b, out = kept("a.json", report()), kept("b.json", report(act())), tmp_path / "out"

    assert run_command_line(["diff", str(a), str(b), "--format", "json", "--report", str(out)]) == 0
    assert json.loads(out.read_bytes())["schema"] == "pyxhon.diff/1"
    assert run_command_line(["diff", str(a), str(b), "--format", "markdown", "--report", str(out)]) == 0
    assert out.read_text().startswith("## PyXhon")


def refusal_of(capsys, *arguments):
    assert run_command_line(["diff", *map(str, arguments)]) == 1
    said = capsys.readouterr()
    assert not said.out
    assert said.err.count("\n") == 1, said.err
    assert "unexpected error" not in said.err
    return said.err


def test_what_is_compared_is_not_overwritten(kept, capsys):
    a = kept("a.json", report())
    before = a.read_bytes()

    assert "it is what is compared" in refusal_of(capsys, a, a, "--report", a)
    assert a.read_bytes() == before


def test_a_report_that_does_not_carry_what_a_policy_needs_is_refused_with_one(kept, capsys):
    a = kept("a.json", report(act(), judging=[]))

    assert "does not carry what a policy needs" in refusal_of(capsys, a, a, "--policy", "builtin:strict")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"{}", b"[1]", b"nonsense", b"SQLite format 3\0", b"SQLite format 3\0" + b"x" * 5000, b"\xff\xfe{",
        b'{"schema": "pyxhon.report/2"}', b'{"schema": "pyxhon.report/1"}', b'{"a": ' * 50_000, b'{"a": NaN}',
        b'{"schema": "pyxhon.report/1", "x": ' + b"9" * 10_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_neither_trace_nor_report_is_refused_in_one_line(tmp_path, kept, capsys, content):
    broken = tmp_path / "broken"
    broken.write_bytes(content)

    assert refusal_of(capsys, kept("a.json", report()), broken)
    assert refusal_of(capsys, broken, kept("a.json", report()))


def test_what_is_not_a_file_is_refused(tmp_path, capsys):
    assert "cannot read" in refusal_of(capsys, tmp_path / "missing", tmp_path / "missing")
    assert refusal_of(capsys, tmp_path, tmp_path)


@pytest.mark.parametrize("folder", ["/srv", "/opt"], ids=["alike", "all different"])
def test_many_behaviours_take_seconds(kept, tmp_path, folder):
    def acts(where, numbers):
        return [act(args={"path": f"{where}/{number}/tmp{number:08d}"}, count=number + 1) for number in numbers]

    a, b = (
        kept("a.json", report(*acts("/srv", range(8000)))),
        kept("b.json", report(*acts(folder, range(7999, -1, -1)))),
    )
    start = time.process_time()

    status = diff_files(a, b, TraceOptions(report_path=tmp_path / "out"), fails_on_new=True)

    assert status == (0 if folder == "/srv" else 3)
    assert time.process_time() - start < 20
