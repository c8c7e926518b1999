"""For every evaluated package the report names the owners that an audit hook inside the process finds."""

import importlib
import sys

import pytest

from tests.interpreters import CHECKOUT

_FOLDER = CHECKOUT / "scripts/evaluation"


def _load(name):
    sys.path.insert(0, str(_FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(_FOLDER))


_CASES = _load("evaluated_packages").CASES


@pytest.mark.full
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.slug)
def test_the_report_has_the_owners_that_a_hook_inside_finds(needs_bpf, tmp_path, case):
    compared = _load("compare_owners").compare(case, tmp_path)

    assert (compared.missing, compared.extra) == ([], [])
