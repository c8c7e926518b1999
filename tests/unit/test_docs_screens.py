"""The pictures of docs/screens: small, shown in the documentation, of no particular machine, loading nothing."""

import re
import subprocess

import pytest

from tests.interpreters import CHECKOUT

PICTURES = sorted((CHECKOUT / "docs/screens").iterdir())
LARGEST_BYTES = 150_000


def test_there_are_pictures_of_terminal_and_browser():
    assert {path.suffix for path in PICTURES} == {".png", ".svg"}


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small_and_shown(path):
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]

    assert path.stat().st_size < LARGEST_BYTES
    assert [page.name for page in pages if f"screens/{path.name})" in page.read_text()]


@pytest.mark.parametrize("path", [each for each in PICTURES if each.suffix == ".svg"], ids=lambda path: path.name)
def test_a_terminal_is_of_no_particular_machine_and_loads_nothing(path):
    text = re.sub("<!--.*?-->", "", path.read_text(), flags=re.DOTALL)

    assert not re.search(r"/(root|home|tmp|work)\b", text)
    assert re.findall(r"https?://[^\"]+|@import|url\([^#]", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text


def test_the_script_refuses_what_it_does_not_know():
    done = subprocess.run(
        [CHECKOUT / "scripts/screens", "--help"], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (1, "screens: takes no arguments\n")
