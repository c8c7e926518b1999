"""axe-core finds no serious fault of accessibility in the HTML report, in any look, nor do we where it cannot tell."""

from pathlib import Path

import axe_core_python
import pytest

from tests.browser.pages import make_page_report, write_page
from tests.browser.window import new_window

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
RUN = """
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then((result) => ({
  faults: result.violations.filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => [each.id, each.help, each.nodes.slice(0, 3).map((node) => node.html)]),
  undecided: result.incomplete.map((each) => each.id),
}))
"""
LOOKS = pytest.mark.parametrize("scheme, width", [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])


def unfold(window):
    window.evaluate("document.querySelectorAll('[aria-expanded=false]').forEach((each) => each.click())")
    window.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_page(make_page_report(), tmp_path_factory.mktemp("page") / "report.html")


@LOOKS
def test_there_is_no_serious_fault_and_no_text_is_hard_to_read(browser, path, scheme, width):
    with new_window(browser, scheme=scheme, width=width) as window:
        window.open(path)
        unfold(window)
        window.evaluate(AXE)

        result = window.evaluate(RUN)
        contrast = window.evaluate(CONTRAST)

    assert result["faults"] == []
    assert set(result["undecided"]) <= {"color-contrast"}
    assert contrast["faults"] == []
    assert contrast["count"] > 200


def test_a_fault_that_is_put_in_is_found(window, path):
    window.open(path)
    window.evaluate("void document.body.append(document.createElement('img'))")
    window.evaluate(AXE)

    assert [fault[0] for fault in window.evaluate(RUN)["faults"]] == ["image-alt"]


@pytest.mark.parametrize(
    "selector, rule, fault",
    [
        ("#imports thead th.right", "color: #999", 2.85),
        ("#imports tbody td.right", "color: rgb(26 30 38 / 50%)", 3.28),
        ("#imports tbody td.right", "background: linear-gradient(red, blue)", "a picture, transparency or a filter"),
    ],
)
def test_text_that_is_hard_to_read_is_found_where_axe_cannot_tell(window, path, selector, rule, fault):
    window.open(path)
    name, value = rule.split(": ")
    window.evaluate(
        f"document.querySelectorAll('{selector}').forEach((each) => each.style.setProperty('{name}', '{value}'))"
    )

    faults = [why for _name, _text, why in window.evaluate(CONTRAST)["faults"]]

    assert len(faults) == 1
    assert fault == faults[0] or str(faults[0]).startswith(str(fault))
