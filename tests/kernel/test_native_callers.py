"""Acts that differ only in who called the C library are blamed on the right DLL, from the first one on."""

from collections import Counter

import pytest

from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.traced import tracing
from tests.targets import PROGRAMS
from tests.unit.dossier.builds import build

pytestmark = pytest.mark.usefixtures("needs_bpf")

_OPENS = '#include <stdio.h>\nint attempt(const char *path) { FILE *f = fopen(path, "r"); return f ? fclose(f) : 1; }'


def _blamed(python, folder, path, count):
    """Give how often each DLL was blamed, by path, of two that do the same alternately."""
    dlls = [str(build(folder, name, _OPENS)) for name in ("one", "other")]
    trace = folder / "trace.pyxhon"
    with tracing(trace, python.command(PROGRAMS / "same_way.py", path, count, *dlls)) as traced:
        status, _, complained = traced.finish()
    assert status == 0, complained
    found: dict[str, Counter[str]] = {}
    with open_trace(trace) as reader:
        for row in reader.events():
            if row.kind == "syscall" and str(row.arguments.get("path")).startswith("/absent/"):
                frames = reader.native_stack(row.native_stack).frames
                library = next(frame.path for frame in frames if frame.role == "library")
                found.setdefault(row.arguments["path"], Counter())[library] += row.count
    return dlls, found


@every_python(min=(3, 8))
def test_each_dll_is_blamed_for_its_own_first_act(python, tmp_path):
    dlls, found = _blamed(python, tmp_path, "/absent/%d", 4)

    assert found == {f"/absent/{number}": dict.fromkeys(dlls, 1) for number in range(4)}


@every_python(min=(3, 12), max=(3, 12))
def test_the_same_act_of_two_dlls_is_counted_apart(python, tmp_path):
    dlls, found = _blamed(python, tmp_path, "/absent/same", 5000)

    assert found == {"/absent/same": dict.fromkeys(dlls, 5000)}
