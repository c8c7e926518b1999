"""The benchmarks start and their tables can be read; what they measure is not judged here."""

import importlib.util
import subprocess
import sys

import pytest

from tests.interpreters import CHECKOUT

_FOLDER = CHECKOUT / "scripts/bench"
_PAGE = CHECKOUT / "docs/performance.md"
_BENCHMARKS = [
    "first_event",
    "startup",
    "untraced",
    "repeat_price",
    "flood",
    "service",
    "unwind",
    "calls",
    "calls_seen",
    "rejudge",
    "formats",
    "evaluation",
    "small_packages",
]


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(_FOLDER))

    def load(name):
        specification = importlib.util.spec_from_file_location(f"bench_{name}", _FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(sys.modules, specification.name, module)
        specification.loader.exec_module(module)
        return module

    yield load
    sys.modules.pop("measuring", None)


@pytest.mark.parametrize("name", [*_BENCHMARKS, "run_all"])
def test_a_benchmark_tells_its_options(name):
    answer = subprocess.run(
        [sys.executable, _FOLDER / f"{name}.py", "--help"], capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("usage: ")


def test_a_table_can_be_read_back(bench):
    measuring = bench("measuring")
    table = measuring.Table(["interpreter", "price, ns"])
    table.add("3.11", 1234)
    table.notes.append("Medians.")

    columns, rows = measuring.parse_table(table.render())

    assert columns == ["interpreter", "price, ns"]
    assert rows == [["3.11", "1234"]]


@pytest.mark.parametrize("text", ["", "| a |\n| --- |", "| a |\n| b |\n| c |", "| a |\n| --- |\n| b | c |"])
def test_a_text_without_a_whole_table_is_refused(bench, text):
    with pytest.raises(ValueError, match=r"no table|rows of different"):
        bench("measuring").parse_table(text)


def test_only_the_part_of_one_benchmark_is_replaced(bench):
    page = "before\n<!-- bench: flood -->\nold\n<!-- end: flood -->\nafter\n"

    replaced = bench("run_all").replace_part(page, "flood", "new \\1")

    assert replaced == "before\n<!-- bench: flood -->\n\nnew \\1\n\n<!-- end: flood -->\nafter\n"


@pytest.mark.parametrize("name", _BENCHMARKS)
def test_the_page_has_a_table_of_each_benchmark(bench, name):
    text = _PAGE.read_text()
    part = text.split(f"<!-- bench: {name} -->")[1].split(f"<!-- end: {name} -->")[0]

    columns, rows = bench("measuring").parse_table(part)

    assert len(columns) > 2
    assert rows
