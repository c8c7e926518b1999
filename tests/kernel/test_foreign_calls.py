"""Functions of DLLs that are called through ctypes, on real interpreters: which one, where from, how often."""

import json

from pyxhon.trace.reader import open_trace
from tests.interpreters import Interpreter, every_python
from tests.kernel.commands import pyxhon
from tests.kernel.traced import tracing, unbalanced
from tests.targets import PROGRAMS

_DENYING = """
version: 1
packages:
  application:
    allow: F-N-D-O-B
    functions: {deny: [{name: ffi_call, args: {symbol: getpgrp}}]}
"""


def _run(python: Interpreter, trace, *options: str) -> dict:
    with tracing(trace, python.command(PROGRAMS / "foreign_calls.py"), *options) as traced:
        told = json.loads(traced.hear())
        traced.finish()
    return told


@every_python()
def test_each_function_is_told_with_its_dll_place_and_count(python, tmp_path):
    told = _run(python, tmp_path / "t.pyxhon")

    seen: dict[tuple[object, object], int] = {}
    with open_trace(tmp_path / "t.pyxhon") as reader:
        calls = [row for row in reader.events() if row.name == "ffi_call"]
        frames = {row.id: reader.stack(row.python_stack) for row in calls}
        assert unbalanced(reader) == []
    for row in calls:
        place = row.arguments["symbol"], frames[row.id][0].line
        seen[place] = seen.get(place, 0) + row.count
    assert seen == {(symbol, line): count for symbol, count, line in told["counts"]}
    dlls = {row.arguments["symbol"]: row.arguments["dll"] for row in calls}
    assert dlls["qsort"].rpartition("/")[2].startswith("libc")
    assert "python" in dlls["Py_IsInitialized"].rpartition("/")[2]
    assert dlls[None] == f"anon:{told['address']:x}"


@every_python(min=(3, 11), max=(3, 13), is_own_root=True)
def test_a_policy_denies_a_function_by_its_symbol(python, tmp_path):
    (tmp_path / "p.yaml").write_text(_DENYING)
    _run(python, tmp_path / "t.pyxhon")

    done = pyxhon("report", tmp_path / "t.pyxhon", "--policy", tmp_path / "p.yaml", "--format", "json")

    violations = [row for row in json.loads(done.stdout)["behaviours"] if row["verdict"] == "violation"]
    assert done.returncode == 3
    assert {row["args"]["symbol"] for row in violations} == {"getpgrp", None}  # what it is of bare code cannot be told
    assert {row["instruction"]["expression"] for row in violations if row["args"]["symbol"]} == {"libc.getpgrp()"}
