"""The system calls of Python's own functions are those that the category tables say an audit event explains."""

import pytest

from pyxhon.categories import SYSTEM_KINDS
from pyxhon.policy.parse import load_categories
from pyxhon.target.system_calls.classify import is_act
from pyxhon.trace.reader import open_trace
from tests.interpreters import every_python
from tests.kernel.commands import pyxhon
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

TABLES = load_categories()
EXPLAINING = ("audit", "dll-load", "import")


def read_acts(trace):
    """Give the system calls made beneath each function of the program: kind, name, arguments, events of that stack.

    A child that has not run Python yet acts on the stack that its parent had.
    """
    acts, names = {}, {}
    with open_trace(trace) as reader:
        stacks = {row.id: reader.stack(row.python_stack) for row in reader.events() if row.python_stack is not None}
        places = {event: tuple((frame.function, frame.line) for frame in stack) for event, stack in stacks.items()}
        events = [row for row in reader.events() if row.id in places]
    for row in events:
        if row.kind in EXPLAINING:
            names.setdefault(places[row.id], set()).add("import" if row.kind == "import" else row.name)
    for row in events:
        place = places[row.id]
        if row.kind in SYSTEM_KINDS and is_act(row.name, row.arguments) and len(place) > 1:
            acts.setdefault(place[-2][0], []).append((row.kind, row.name, row.arguments, names.get(place, set())))
    return acts


def is_explained(kind, name, known):
    return bool(known & set(TABLES.find_system_call(kind, name).explained_by))


@every_python(min=(3, 8))
def test_every_call_of_a_function_with_an_event_is_explained(python, tmp_path):
    trace = tmp_path / "calls.pyxhon"
    folder = tmp_path / "work"
    folder.mkdir()

    done = pyxhon("record", "-q", "-o", trace, "--", *python.command(PROGRAMS / "explained_calls.py", folder))

    assert (done.returncode, done.stderr) == (0, b"")
    acts = read_acts(trace)
    wrong = [
        (function, name, arguments)
        for function in acts
        if function.startswith("explained_")
        for kind, name, arguments, known in acts[function]
        if not is_explained(kind, name, known)
    ]
    assert wrong == []
    counts = {function: len(acts.get(function, ())) for function in ("explained_files", "explained_network")}
    assert counts["explained_files"] > 20
    assert counts["explained_network"] > 8
    others = {name for kind, name, _, known in acts["unexplained"] if not is_explained(kind, name, known)}
    assert others >= {"mknodat", "listen", "sendto", "unlink"}
