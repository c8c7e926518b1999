"""The text report at 80 columns, and with nothing cut."""

import io

import pytest

from pyxhon.categories import CATEGORIES
from pyxhon.cli import run_command_line
from pyxhon.report.text import write_text
from tests.unit.report.sample import make_behaviour, make_import, make_location, make_package, make_report


def written(report, **how):
    out = io.StringIO()
    write_text(report, out, **how)
    return out.getvalue()


def make_wide():
    """A package with violations of each category, in Python and beneath it."""
    rows = [
        make_behaviour(id=f"{category}{level}{number}", category=category, level=level, package="application")
        for category in CATEGORIES
        for level in ("python", "native")
        for number in range(12)
    ]
    return make_report(behaviours=rows, packages=[make_package("application", "F-N-D-O-B", "CodeReview")])


@pytest.mark.parametrize(("columns", "cell"), [(80, "V(12)"), (100, "Violation")])
def test_the_matrix_is_whole_at_any_width(columns, cell):
    lines = written(make_wide(), columns=columns).split("\n")

    start = next(number for number, line in enumerate(lines) if line.startswith("Package"))
    header, row = lines[start], lines[start + 1]
    assert header.split() == ["Package", "Version", "Policy", "F", "N", "D", "O", "B", "Suggestion"]
    assert row.split() == ["application", "2.31.0", "F-N-D-O-B", *[cell] * 5, "CodeReview"]
    assert f'"{cell.partition("(")[0]}(n)" n acts against' in " ".join(" ".join(lines).split())


def test_a_folded_line_stays_right_of_its_lead():
    place = make_location("/srv/" + "a" * 90, 7, "f")
    row = make_behaviour(args={"address": "word " * 30}, object="/usr/lib/" + "b" * 140 + ".so", location=place)

    lines = written(make_report(behaviours=[row], packages=[]), columns=80).split("\n")

    block = lines[lines.index("Violations (1)") + 1 :]
    title = next(number for number, line in enumerate(block) if line.startswith("   at "))
    assert title > 1
    assert all(line.startswith("   ") for line in block[1:title])
    dll = next(number for number, line in enumerate(block) if line.startswith("   DLL /usr"))
    assert block[dll + 1].startswith("       b")


def make_long():
    rows = [make_behaviour(id=f"v{number}", location=make_location(line=number)) for number in range(99)]
    rows += [
        make_behaviour(id=f"n{number}", level="native", name=f"act{number}", verdict="allowed") for number in range(99)
    ]
    deep = [make_location(line=number, function=f"deep{number}") for number in range(50)]
    rows[0].python_stack.extend(deep)
    imports = [make_import(f"module{number}", "idna", None) for number in range(99)]
    losses = {f"reason{number}": 1 for number in range(99)}
    return make_report(behaviours=rows, imports=imports, losses=losses)


def test_full_cuts_nothing():
    report = make_long()
    cut, full = written(report), written(report, is_full=True)

    assert cut.count(" more (--full shows them)") > 4
    assert " and 87 more" in cut
    for text in ("act98", "deep49", "module98", "reason98", "99. requests"):
        assert text in full
        assert text not in cut or text == "act98"
    assert "--full" not in full
    assert " more" not in full.replace("more than", "")


def test_full_with_another_format_is_wrong_usage(capsys):
    assert run_command_line(["report", "t.pyxhon", "--full", "--format", "json"]) == 2
    assert "--full needs --format text" in capsys.readouterr().err
