"""What a hostile target says is text in the HTML report, never markup, script or style."""

import dataclasses
import os
import sys

import pytest

from pyxhon.dossier.model import Dossier
from tests.browser.pages import make_page_report, write_page
from tests.kernel.commands import pyxhon
from tests.programs.hostile_markup_payloads import PAYLOADS
from tests.targets import PROGRAMS

UNFOLD = """
for (let round = 0; round < 4; round += 1) {
  document.querySelectorAll("[aria-expanded=false]").forEach((each) => each.click());
  document.querySelectorAll("button.more:not([hidden]):not([aria-expanded])").forEach((each) => each.click());
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
}
"""
# All that is in the page without a target: nothing of these may come from one.
FOREIGN = (
    "img, svg [onload], svg script, iframe, object, embed, link, base, form, [onerror], [onload], [style*=display]"
)


def check_inert(browser):
    browser.evaluate(UNFOLD)
    assert browser.problems == []
    assert len(browser.requests) == 1
    assert browser.evaluate("window.injected") is None
    assert browser.evaluate(f"document.querySelectorAll('{FOREIGN}').length") == 0
    assert browser.evaluate("document.querySelectorAll('script, style').length") == 3
    assert browser.evaluate("getComputedStyle(document.body).display") == "block"
    return browser.evaluate("document.body.textContent")


def poison(value, payload):
    """Put a payload into every text of a report that comes from a target."""
    if isinstance(value, str):
        return value + payload
    if isinstance(value, list | tuple):
        return type(value)(poison(each, payload) for each in value)
    if isinstance(value, dict):
        return {poison(key, payload): poison(each, payload) for key, each in value.items()}
    if isinstance(value, Dossier):
        return dataclasses.replace(value, needed=[payload], imports={payload: [payload]}, soname=payload)
    if dataclasses.is_dataclass(value):
        kept = {"schema", "category", "level", "verdict", "categories", "suggestion", "mixed_stack", "started", "ended"}
        changes = {
            field.name: poison(getattr(value, field.name), payload)
            for field in dataclasses.fields(value)
            if field.name not in kept
        }
        return dataclasses.replace(value, **changes)
    return value


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_markup_in_every_text_of_a_report_is_inert(browser, tmp_path, number):
    browser.open(write_page(poison(make_page_report(), PAYLOADS[number]), tmp_path / "report.html"))

    shown = check_inert(browser)

    visible = PAYLOADS[number].replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    assert shown.count(visible) > 40


def test_markup_of_a_real_hostile_target_is_inert(browser, tmp_path, needs_bpf):
    path = tmp_path / "report.html"
    command = [sys.executable, PROGRAMS / "hostile_markup.py", *PAYLOADS]
    done = pyxhon("run", "-q", "--format", "html", "--report", path, "--", *map(os.fspath, command))
    assert (done.returncode, done.stderr) == (0, b"")

    browser.open(path)
    shown = check_inert(browser)

    for payload in PAYLOADS[:7]:
        assert payload[:40] in shown
    assert "/nonexistent</script><script>window.injected='script'</script>" in shown
