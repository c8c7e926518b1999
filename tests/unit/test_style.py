"""The limits of shape that no linter knows: how long a file and a function may be."""

import ast
from pathlib import Path

import pytest

from tests.interpreters import CHECKOUT

_MODULES = sorted([*CHECKOUT.glob("pyxhon/**/*.py"), *CHECKOUT.glob("scripts/**/*.py")])
_PROBES = sorted(path for path in CHECKOUT.glob("probes/**/*.[ch]") if path.name != "wire.h")


def _name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_a_module_is_at_most_400_lines(path):
    lines = len(path.read_text().splitlines())

    assert lines <= 400


@pytest.mark.parametrize("path", _PROBES, ids=_name)
def test_a_probe_file_is_at_most_200_lines(path):
    lines = len(path.read_text().splitlines())

    assert lines <= 200


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_a_function_is_at_most_40_lines(path):
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    too_long = {
        node.name: node.end_lineno - node.lineno + 1 for node in functions if node.end_lineno - node.lineno >= 40
    }

    assert too_long == {}
