"""The parts of the evaluation loop, against the symbols of the interpreter where there are any."""

import os
from pathlib import Path

from pyxhon.cpython.eval_loop import EVAL_FUNCTION, find_eval_functions
from pyxhon.cpython.runtime import find_runtime_in_file
from pyxhon.target.elf import open_image
from pyxhon.target.symbols import SymbolIndex
from scripts.extract_layout import find_debug_file
from tests.interpreters import every_python


def file_of(python):
    path = os.path.realpath(Path(python.root) / python.path.lstrip("/"))
    return path if python.root != "/" else find_runtime_in_file(path).file_path


@every_python()
def test_all_that_is_found_belongs_to_the_loop(python):
    path = Path(file_of(python))
    named = find_debug_file(path) or path
    with open_image(str(path)) as image, open_image(str(named)) as symbols:
        found = find_eval_functions(image)
        names = SymbolIndex(symbols)

        assert image.address_of(EVAL_FUNCTION) in found
        assert all((names.name_at(start) or EVAL_FUNCTION).startswith(EVAL_FUNCTION) for start in found)


@every_python()
def test_optimised_builds_have_it_in_two_parts(python):
    with open_image(file_of(python)) as image:
        found = find_eval_functions(image)
        is_optimised = image.is_stripped  # of those here, the distributions' own

    assert len(found) == (2 if is_optimised else 1)


def test_another_file_has_none():
    with open_image(os.path.realpath("/bin/true")) as image:
        assert find_eval_functions(image) == frozenset()
