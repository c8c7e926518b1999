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


def check_inert(window, path):
    window.evaluate(UNFOLD)
    for key in ("Tab", "Enter", "/", "Tab", " "):
        window.press(key)
    window.page.wait_for_timeout(50)  # for what a payload would do later
    assert window.problems == []  # no dialog, no frame, no other window, nothing that a policy had to refuse
    assert window.requests == [path.as_uri()]
    assert window.page.url.partition("#")[0] == path.as_uri()
    assert window.evaluate("window.injected") is None
    assert window.evaluate(f"document.querySelectorAll('{FOREIGN}').length") == 0
    assert window.evaluate("document.querySelectorAll('script, style').length") == 3
    assert window.evaluate("getComputedStyle(document.body).display") == "block"
    return window.evaluate("document.body.textContent")


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
def test_markup_in_every_text_of_a_report_is_inert(window, tmp_path, number):
    path = write_page(poison(make_page_report(), PAYLOADS[number]), tmp_path / "report.html")
    window.open(path)

    shown = check_inert(window, path)

    visible = PAYLOADS[number].replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    assert shown.count(visible) > 40


def test_markup_of_a_real_hostile_target_is_inert(window, tmp_path, needs_bpf):
    path = tmp_path / "report.html"
    command = [sys.executable, PROGRAMS / "hostile_markup.py", *PAYLOADS]
    done = pyxhon("run", "-q", "--format", "html", "--report", path, "--", *map(os.fspath, command))
    assert (done.returncode, done.stderr) == (0, b"")

    window.open(path)
    shown = check_inert(window, path)

    for payload in PAYLOADS[:7]:
        assert payload[:40] in shown
    assert "/nonexistent</script><script>window.injected='script'</script>" in shown
