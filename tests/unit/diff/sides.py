"""Reports to compare, made of a few rows or by hypothesis."""

import dataclasses

from hypothesis import strategies as st

from pyxhon.diff.compare import diff_reports
from pyxhon.dossier.model import Dossier
from pyxhon.policy.parse import load_categories
from pyxhon.report.model import Call, Callee, Dll, Import, Location, NotExercised
from pyxhon.report.sequence_model import Sequence, SequenceStep
from tests.unit.report.sample import COVERAGE, make_behaviour, make_report

ALL_SEEN = dataclasses.replace(COVERAGE, calls="uprobe RESUME", syscalls="raw tracepoints", native="stacks")


def report(*behaviours, coverage=ALL_SEEN, **changes):
    """A report of these behaviours and nothing else, of a run that took every signal."""
    sample = make_report()
    process = dataclasses.replace(sample.processes[0], coverage=coverage)
    nothing = {"imports": [], "dlls": [], "calls": [], "not_exercised": [], "packages": [], "sequences": []}
    plain = {"behaviours": list(behaviours), "processes": [process], "losses": {}, "snapshots": [], "details": []}
    return dataclasses.replace(sample, **{**nothing, **plain, **changes})


def act(name="open", **changes):
    """A behaviour that no policy judged."""
    plain = {"verdict": "unjudged", "rule": None, "category": "file", "args": {"path": "/etc/hosts"}, "name": name}
    return make_behaviour(**{**plain, **changes})


def native(name="openat", **changes):
    """An act beneath Python."""
    return act(name, **{"level": "native", "kind": "syscall", "object": "/srv/lib.so", **changes})


def dll(path="/srv/lib.so", sha256="0" * 64, package="numpy", loaded_by=None):
    return Dll(path, sha256, None, package, loaded_by, None, Dossier())


def edge(module, importer="requests", **changes):
    row = Import(
        importer, module, None, None, transitive=False, location=Location("/srv/app/x.py", 1, "<module>"), count=1
    )
    return dataclasses.replace(row, **changes)


def ability(name, package="numpy", kind="call"):
    return NotExercised(package, kind, name, Location("/srv/numpy/x.py", 1, "f"))


def call(callee, caller=None, count=None, package="requests"):
    def function(name):
        return Callee(f"/srv/{package}/x.py", name, 1, package)

    return Call(function(caller) if caller else None, function(callee), count)


def sequence(name="secret then network", package="requests", path=None, verdict="unjudged", paths=("/etc/a", "/etc/b")):
    """Acts of these paths, in this order."""
    steps = [
        SequenceStep(
            f"b{number}", 1, "open", {"path": each}, number, known=True, location=Location("/srv/x.py", number, "f")
        )
        for number, each in enumerate(paths)
    ]
    return Sequence(name, package, verdict, "builtin:sequences:1", None, path, steps, None)


def compared(a, b):
    return diff_reports(a, b, load_categories())


def told(a, b):
    """What differs, each in a few words."""
    return [(row.change, row.item, row.package, row.name) for row in compared(a, b).differences]


_TEXT = st.text(st.characters(exclude_categories=[]), max_size=20) | st.sampled_from(
    ["/tmp/tmpab12cd34", "/proc/4242/maps", "/tmp/x-aB3dE6", "127.0.0.1:40000", "0x7ffff7dd0000", "\udc80", "a`b|c", ""]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_ARGUMENTS = st.dictionaries(st.sampled_from(["path", "fd", "pid", "addr", "port", "x"]) | _TEXT, _VALUES, max_size=3)
_LOCATIONS = st.none() | st.builds(Location, st.none() | _TEXT, st.none() | st.integers(0, 9), st.none() | _TEXT)
_BEHAVIOURS = st.builds(
    make_behaviour,
    package=st.sampled_from(["requests", "numpy"]),
    category=st.sampled_from(["file", "network"]),
    level=st.sampled_from(["python", "native", "detached"]),
    verdict=st.sampled_from(["allowed", "violation", "unjudged"]),
    kind=st.sampled_from(["audit", "syscall", "import", "dll-load"]),
    name=st.sampled_from(["open", "openat", "socket.connect", "connect", "import x"]) | _TEXT,
    args=_ARGUMENTS,
    location=_LOCATIONS,
    object=st.none() | _TEXT,
    pid=st.integers(1, 5000),
    count=st.integers(1, 9),
)
_IMPORTS = st.builds(edge, _TEXT, st.sampled_from(["requests", "numpy"]), transitive=st.booleans(), location=_LOCATIONS)
_DLLS = st.builds(dll, _TEXT, st.sampled_from(["0" * 64, "1" * 64]), st.sampled_from([None, "numpy"]))
_CALLS = st.builds(call, st.sampled_from("fgh"), st.sampled_from([None, "f", "g"]), st.sampled_from([None, 1, 2]))
_SEQUENCES = st.builds(
    sequence,
    _TEXT,
    st.sampled_from(["requests", "numpy"]),
    st.none() | _TEXT,
    st.sampled_from(["unjudged", "violation"]),
    st.lists(_TEXT, max_size=3),
)
REPORTS = st.builds(
    lambda behaviours, **lists: report(*behaviours, **lists),
    st.lists(_BEHAVIOURS, max_size=6),
    imports=st.lists(_IMPORTS, max_size=4),
    dlls=st.lists(_DLLS, max_size=3),
    calls=st.lists(_CALLS, max_size=4),
    not_exercised=st.lists(st.builds(ability, _TEXT), max_size=3),
    sequences=st.lists(_SEQUENCES, max_size=3),
    coverage=st.sampled_from([ALL_SEEN, COVERAGE]),
)
