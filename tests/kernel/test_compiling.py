"""The probes compile, with bcc as it is here, in each form: also in the one that newer kernels verify more quickly."""

import json

import pytest

from pyxhon.bpf.compiled import has_may_goto
from pyxhon.bpf.compiler import SOURCES, compile_probes

pytestmark = pytest.mark.usefixtures("needs_bpf")


@pytest.mark.parametrize("form", SOURCES)
def test_each_form_compiles_as_this_kernel_wants_it(form):
    """Where it did not, the other form would be compiled anew each time, and verified for longer."""
    compiled = compile_probes(form, has_may_goto=has_may_goto())

    assert compiled["programs"]
    json.dumps(compiled)
