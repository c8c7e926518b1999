import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pyxhon.report.top_page import PackageFigures, TopFigures, render_page

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


def make_figures(text="requests", packages=3, findings=40):
    figures = TopFigures(f"pid 1, {text}", seconds=75.0, events=1234, rate=56.4, acts=9, violations=2, lost=1)
    for number in range(packages):
        package = PackageFigures(beneath=4, violations=number % 2, count=number * 10, rate=float(number))
        package.acts["network"] = number
        figures.packages[f"{number}{text}"] = package
    figures.system_calls = {text: 7, "openat": 3}
    figures.imports = [text] * 20
    figures.findings = [(f"finding {number}", f"/srv/{'deep/' * 20}app.py:{number} main") for number in range(findings)]
    return figures


def test_the_page_shows_the_hottest_packages_and_the_newest_findings():
    lines = [line.rstrip() for line in render_page(make_figures(), 80, 24, is_coloured=False)]

    assert lines[0] == "pyxhon top: pid 1, requests  1:15  q quits"
    assert lines[1] == "1234 events, 56/s; 9 behaviours; 2 violations; 1 lost"
    assert [line.split()[0] for line in lines[4:7]] == ["2requests", "1requests", "0requests"]
    assert lines[4].split()[1:] == ["-", "2", "-", "-", "-", "4", "20", "2"]
    assert "System calls: requests 7, openat 3" in lines
    assert lines[lines.index("Newest findings") + 1] == "  finding 39 at …deep/deep/deep/app.py:39 main"


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 12), (200, 60), (10, 3), (80, 13)])
def test_the_page_fits_the_terminal(columns, lines):
    page = render_page(make_figures("a" * 90, packages=50), columns, lines, is_coloured=False)

    assert len(page) <= max(lines, 12)
    assert max(map(cell_len, page)) <= max(columns, 40)
    assert any("more packages" in line for line in page)


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT)
def test_no_text_of_a_target_steers_the_terminal(text):
    assert all(line.isprintable() for line in render_page(make_figures(text), 80, 24, is_coloured=False))
