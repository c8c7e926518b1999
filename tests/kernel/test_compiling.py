"""The probes compile, with bcc as it is here, in each form: also in the one that newer kernels verify more quickly."""

import json
import subprocess
import sys

import pytest

from pyxhon.bpf.compiled import has_may_goto
from pyxhon.bpf.compiler import SOURCES
from tests.interpreters import CHECKOUT

pytestmark = pytest.mark.usefixtures("needs_bpf")


@pytest.mark.parametrize("form", SOURCES)
def test_each_form_compiles_as_this_kernel_wants_it(form):
    """Where it did not, the other form would be compiled anew each time, and verified for longer."""
    properties = ["may_goto"] if has_may_goto() else []
    command = [sys.executable, "-m", "pyxhon.bpf.compiler", form, *properties]

    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["programs"]
