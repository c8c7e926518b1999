"""axe-core finds no serious fault of accessibility in the HTML report, in any look."""

from pathlib import Path

import axe_core_python
import pytest

from tests.browser.pages import make_page_report, write_page

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RUN = """
axe.run(document, {resultTypes: ["violations"]}).then((result) => result.violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => [each.id, each.help, each.nodes.slice(0, 3).map((node) => node.html)]))
"""


@pytest.mark.parametrize("scheme, width", [("light", 1440), ("dark", 1440), ("light", 390)])
def test_there_is_no_serious_fault(browser, tmp_path, scheme, width):
    browser.open(write_page(make_page_report(), tmp_path / "report.html"), scheme=scheme, width=width)
    browser.evaluate("document.querySelectorAll('[aria-expanded=false]').forEach((each) => each.click())")
    browser.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    browser.evaluate(AXE)

    assert browser.evaluate(RUN) == []


def test_a_fault_that_is_put_in_is_found(browser, tmp_path):
    browser.open(write_page(make_page_report(), tmp_path / "report.html"))
    browser.evaluate("document.body.append(document.createElement('img'))")
    browser.evaluate(AXE)

    assert [fault[0] for fault in browser.evaluate(RUN)] == ["image-alt"]
