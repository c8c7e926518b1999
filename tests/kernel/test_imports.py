"""The import signal against `-X importtime`, what is in sys.modules at the end, and the program's own source."""

import ast
import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyxhon.trace.reader import TraceReader, open_trace
from pyxhon.trace.rows import EventRow
from tests.interpreters import Interpreter, every_python
from tests.kernel.traced import tracing, unexplained_losses

pytestmark = pytest.mark.usefixtures("needs_bpf")

_CHAIN = 24  # modules that import each other in turn, deeper than most real ones
_TIME = re.compile(r"import time: +-?\d+ \| +-?\d+ \| *(\S+)")

_MAIN = """
import os, sys
os.write(1, b"ready\\n")
os.read(0, 3)
sys.audit("own.begin")
sys.stderr.write("own.begin\\n")
import json, threading
import xml.dom.minidom
import email.mime.text as text, colorsys
from importlib import (
    resources,
    machinery as m,
)
import package
import package.one, package.two
from package import one, two, CONSTANT
from package.deep.deeper import deepest
from package.star import *

def lazily():
    import decimal                                    # 3 times
    from package.one import value                     # 3 times

class Body:
    import fractions

    def method(self):
        for _ in range(2):
            __import__("package.two")                 # 2 times
        __import__("package", {}, {}, ["one"], 0)

for _ in range(3):
    lazily()
Body().method()
try:
    import no_such_module
except ImportError:
    pass
try:
    from package import no_such_name
except ImportError:
    pass
try:
    from package.broken import anything
except ValueError:
    pass
try:
    import package.no_such_submodule.deeper
except ImportError:
    pass
try:
    import chain00
except ImportError:
    pass
import caught00

def in_thread(number):
    try:
        import never_there                            # 4 times
    except ImportError:
        pass

threads = [threading.Thread(target=in_thread, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.stdout.write(json.dumps(sorted(sys.modules)) + "\\n")
sys.stdout.flush()
sys.stderr.write("own.end\\n")
sys.audit("own.end")
"""

_FILES = {
    "main.py": _MAIN,
    "package/__init__.py": "from . import one\nCONSTANT = 1\n",
    "package/one.py": "value = 1\n",
    "package/two.py": "from . import one\nfrom .one import value\nimport package.one as again\n",
    "package/star/__init__.py": "__all__ = ['something', 'starred']\nsomething = 1\n",
    "package/star/starred.py": "",
    "package/broken.py": "import html.entities\nraise ValueError('broken')\n",
    "package/deep/__init__.py": "",
    "package/deep/deeper/__init__.py": "from ... import one\nfrom ...two import again\n",
    "package/deep/deeper/deepest.py": "from . import __name__ as name\n\n\nimport wave\n",
}


@dataclass(frozen=True)
class Edge:
    """One import as it is written: where, and what PyImport_ImportModuleLevelObject is given."""

    file: str
    function: str
    line: int
    name: str
    fromlist: tuple[str, ...] | None
    level: int


def _write(folder: Path) -> dict[str, str]:
    files = dict(_FILES)
    for number in range(_CHAIN):
        is_last = number == _CHAIN - 1
        following = "there_is_no_end" if is_last else f"chain{number + 1:02}"
        files[f"chain{number:02}.py"] = f"import stat, {following}\n"
        caught = f"import caught{number + 1:02}\n"
        files[f"caught{number:02}.py"] = "try:\n    import gone\nexcept ImportError:\n    pass\n" if is_last else caught
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return files


def _written(path: Path, content: str) -> Counter[Edge]:
    """Count the imports of a source file, each as often as its comment says."""
    lines, found = content.splitlines(), Counter[Edge]()
    for node, function in _walk(ast.parse(content), "<module>"):
        for name, fromlist, level in _given(node):
            times = re.search(r"# (\d) times", lines[node.lineno - 1])
            found[Edge(str(path), function, node.lineno, name, fromlist, level)] += int(times[1]) if times else 1
    return found


def _walk(node: ast.AST, function: str) -> Iterator[tuple[ast.stmt, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield from _walk(child, child.name)
        else:
            yield child, function
            yield from _walk(child, function)


def _given(node: ast.AST) -> list[tuple[str, tuple[str, ...] | None, int]]:
    if isinstance(node, ast.Import):
        return [(alias.name, None, 0) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "", tuple(alias.name for alias in node.names), node.level)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "__import__":
        values = [ast.literal_eval(argument) for argument in node.args]
        return [(values[0], tuple(values[3]) if values[3:] else None, 0)]
    return []


@dataclass(frozen=True)
class Recorded:
    """What one run gave: the trace, what importtime wrote between the marks, sys.modules at the end, the edges."""

    trace: Path
    times: Counter[str]
    modules: frozenset[str]
    edges: Counter[Edge]
    folder: Path


def _record(python: Interpreter, folder: Path) -> Recorded:
    files, trace = _write(folder), folder / "imports.pyxhon"
    command = python.command("-X", "importtime", folder / "main.py")
    with tracing(trace, command) as traced:
        assert traced.hear() == "ready"
        traced.wait_until(lambda reader: any(row.interpreter for row in reader.processes()))
        traced.tell()
        status, said, complained = traced.finish()
    assert status == 0, complained
    whole = complained if python.root == "/" else complained[complained.index("own.begin\n") :]
    times = Counter(_TIME.findall(whole[: whole.index("own.end\n")]))
    edges = sum((_written(folder / name, content) for name, content in files.items()), Counter[Edge]())
    return Recorded(trace, times, frozenset(json.loads(said)), edges, folder)


def _events(reader: TraceReader, python: Interpreter) -> list[EventRow]:
    """Give the audit and import events of the same time: traced from the start where the interpreter was known."""
    rows = [row for row in reader.events() if row.kind in ("audit", "import")]
    marks = {row.name: row.id for row in rows if row.name in ("own.begin", "own.end")}
    start = 0 if python.root == "/" else marks["own.begin"]
    return [row for row in rows if start < row.id < marks["own.end"]]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Give a function that records the program once on each interpreter."""
    return functools.cache(lambda python: _record(python, tmp_path_factory.mktemp("imports")))


@every_python(min=(3, 8))
def test_imports_equal_importtime_and_failures_what_never_got_into_sys_modules(python, record):
    recorded = record(python)

    loads: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    with open_trace(recorded.trace) as reader:
        for row in _events(reader, python):
            if row.kind == "audit" and row.name == "import" and row.arguments[1] is None:
                loads[row.arguments[0]] += row.count
                failed[row.arguments[0]] += row.failed
        losses = unexplained_losses(reader, python)
    assert loads == recorded.times
    never = {name: count for name, count in recorded.times.items() if name not in recorded.modules}
    assert +failed == never
    assert len(never) > _CHAIN
    assert losses == []


@every_python(min=(3, 8))
def test_an_import_is_told_with_its_importer_s_line(python, record):
    recorded = record(python)

    edges: Counter[Edge] = Counter()
    with open_trace(recorded.trace) as reader:
        for row in _events(reader, python):
            frame = reader.stack(row.python_stack)[0] if row.python_stack is not None else None
            if row.kind == "import" and frame is not None and frame.file.startswith(str(recorded.folder)):
                fromlist = row.arguments["fromlist"]
                given = (row.name, None if fromlist is None else tuple(fromlist), row.arguments["level"])
                edges[Edge(frame.file, frame.function.rsplit(".")[-1], frame.line, *given)] += row.count
    if python.root != "/":  # its first line ran before the interpreter was known
        recorded.edges.subtract(
            {Edge(str(recorded.folder / "main.py"), "<module>", 2, name, None, 0): 1 for name in ("os", "sys")}
        )
    assert edges == +recorded.edges
