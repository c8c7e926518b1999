"""Acts that differ only in who called the C library are blamed on the right DLL, from the first one on."""

from collections import Counter

import pytest

from pyxhon.join import join
from pyxhon.policy.parse import load_categories
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


_ENDS_A_THREAD = """
import _thread, ctypes, os, time

end = ctypes.CDLL(None).pthread_exit
_thread.start_new_thread(end, (None,))
while "libgcc_s" not in open("/proc/self/maps").read():
    time.sleep(0.01)
os._exit(0)  # that thread cannot be waited for
"""


@every_python(min=(3, 13), max=(3, 13))
def test_what_the_c_library_loads_to_end_a_thread_is_its_own(python, tmp_path):
    (tmp_path / "ends_a_thread.py").write_text(_ENDS_A_THREAD)
    trace = tmp_path / "trace.pyxhon"
    with tracing(trace, python.command(tmp_path / "ends_a_thread.py")) as traced:
        assert traced.finish()[0] == 0

    with open_trace(trace) as reader:
        joined = join(reader, None, load_categories())

    (load,) = [row for row in joined.loads if row.path.endswith("/libgcc_s.so.1")]
    assert (load.owner.name, load.way, load.location) == ("stdlib", "dlopen", None)
    beneath = [row for row in joined.behaviours if row.level != "python" and row.owner.name != "stdlib"]
    assert [row.name for row in beneath] == []
