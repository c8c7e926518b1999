"""docs/architecture.md names every module and probe file, and none that is not there; links of all pages resolve."""

import re

import pytest

from tests.interpreters import CHECKOUT

TEXT = (CHECKOUT / "docs/architecture.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT)
NAMED = {name for name in CODE if re.fullmatch(r"[\w/.]+\.(?:py|sql|bpf\.[ch]|h)", name)}
MODULES = sorted(
    str(path.relative_to(CHECKOUT / "pyxhon"))
    for pattern in ("*.py", "*.sql")
    for path in (CHECKOUT / "pyxhon").rglob(pattern)
)
PROBES = sorted(path.name for path in (CHECKOUT / "probes").glob("*.[ch]"))
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
ROWS = re.findall(r"^\| (`[a-z_`, ]+`) \|", TEXT.partition("## Import order")[2].partition("\n## ")[0], re.MULTILINE)


def page_name(page):
    return str(page.relative_to(CHECKOUT))


def anchors_of(page):
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def read_layers():
    content = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^layers = \[.*?\n(.*?)^\]", content, re.DOTALL | re.MULTILINE)[1]
    return [re.findall(r"[a-z_]+", line) for line in re.findall(r'"([^"]+)"', listed)]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_is_named(module):
    assert module in NAMED


@pytest.mark.parametrize("probe", PROBES)
def test_every_probe_file_is_named(probe):
    assert probe in NAMED


def test_every_file_named_is_there():
    places = ("", "pyxhon", "probes", "scripts", "pyxhon/bpf")

    assert [name for name in NAMED if not any((CHECKOUT / place / name).is_file() for place in places)] == []


def test_the_import_order_is_the_checked_one():
    is_there = {path.stem if path.suffix == ".py" else path.name for path in (CHECKOUT / "pyxhon").iterdir()}
    layers = [[name for name in layer if name in is_there] for layer in read_layers()]

    documented = [sorted(re.findall(r"`(\w+)`", row)) for row in ROWS]

    assert documented == [sorted(layer) for layer in layers if layer]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            linked = (page.parent / path) if path else page
            assert linked.exists(), target
            assert not anchor or anchor in anchors_of(linked), target


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_prose_keeps_within_130_columns(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)

    assert [line for line in text.splitlines() if len(line) > 130 and not line.startswith("|")] == []
