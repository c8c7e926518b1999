"""Qualified names found in sources, against those that the interpreters give the same functions."""

import json
import subprocess

from pyxhon.cpython.source_names import read_qualified_names
from tests.interpreters import every_python

# MAKE_FUNCTION takes a code object and a qualified name; a class's body stores its own as __qualname__ (3.8 to 3.10).
_TELL = """
import dis, glob, itertools, json, os, sys, types
def visit(code, found):
    steps = list(dis.get_instructions(code))
    for first, second, made in zip(steps, steps[1:], steps[2:]):
        inner = first.argval
        if made.opname != "MAKE_FUNCTION" or not isinstance(inner, types.CodeType):
            continue
        head = [(step.opname, step.argval) for step in itertools.islice(dis.get_instructions(inner), 8)]
        stored = ("STORE_NAME", "__qualname__")
        name = head[head.index(stored) - 1][1] if stored in head else second.argval
        if not inner.co_name.startswith("<"):
            found.append((inner.co_firstlineno, inner.co_name, name))
        visit(inner, found)
library = os.path.dirname(os.__file__)
told = {}
for path in sorted(glob.glob(library + "/*.py") + glob.glob(library + "/asyncio/*.py")):
    with open(path, "rb") as file:
        source = file.read()
    visit(compile(source, path, "exec"), told.setdefault(path, []))
json.dump(told, sys.stdout)
"""


@every_python(max=(3, 10))
def test_every_function_of_the_standard_library_is_named_as_cpython_names_it(python):
    done = subprocess.run(python.command("-I", "-c", _TELL), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    wrong = []

    for path, functions in told.items():
        with open(f"{python.root.rstrip('/')}{path}", "rb") as file:  # noqa: PTH123 - as the target sees it
            found = read_qualified_names(file.read().decode("utf-8", "replace"))
        wrong += [(path, *each) for each in functions if found.get((each[0], each[1])) != each[2]]

    assert sum(map(len, told.values())) > 5000
    assert wrong == []
