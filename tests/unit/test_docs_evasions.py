"""docs/evasions.md names every technique of tests/programs/native, and none that is not there."""

import re

from tests.interpreters import CHECKOUT
from tests.kernel.native_programs import list_techniques


def test_the_page_names_each_technique_once():
    text = (CHECKOUT / "docs/evasions.md").read_text(encoding="utf-8")
    told = [name for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]

    assert sorted(told) == sorted(name for names in list_techniques().values() for name in names)
