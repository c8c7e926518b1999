"""What was not seen to be done: which act counts for which place, and what is not known."""

import pytest

from pyxhon.errors import TraceError
from pyxhon.join import join_edges, join_unexercised
from pyxhon.policy.parse import load_categories
from pyxhon.trace.reader import open_trace
from pyxhon.trace.rows import AbilityRow, CallRow
from tests.unit.join.native import F
from tests.unit.join.recording import BOOT, IMPORT_MODULE, LIBRARY, SITE, Recording

FILE, OTHER, FAST = f"{SITE}/pkg/core.py", f"{SITE}/pkg/extra.py", f"{SITE}/pkg/_fast.so"
ON = {"audit": "uprobe", "imports": "uprobe", "calls": "off", "syscalls": "raw", "native": "native stacks"}
SEEN = {**ON, "calls": "uprobe RESUME: first executions"}
LINE = (FILE, "work", 20)
ELSEWHERE = (FILE, "work", 99)
LOADED = (FILE, "<module>", 1)
POPEN = (f"{LIBRARY}/subprocess.py", "Popen.__init__", 1026)


def site(kind, name, line=20, *, end=None, function="work", first=1, written="", level=0, reference=False):
    return [kind, name, written, level, line, end or line, function, first, reference]


class Trace(Recording):
    """One trace and what files could do; the module `pkg.core` was loaded."""

    def __init__(self, folder, *sites, coverage=ON, **process):
        super().__init__(folder, coverage=coverage, **process)
        self.audit("import", ["pkg.core", None, [], [], []], [])
        self.add_file(FILE, sites)

    def add_file(self, path, sites, reason=None, module="pkg.core"):
        functions = [(1, "work"), (5, "A.idle")]
        self.store.add_abilities([AbilityRow(0, path, "Pkg", "1.5", module, functions, list(sites), reason)])

    def ran(self, function="work", *, before=False):
        """Tell that a function of the file ran."""
        code = self._code(self.process, FILE, function)
        self.store.add_call(CallRow(None, self.process, 0, code, None, first_ns=None if before else 5))

    def compare(self):
        self.store.add_events(self.rows)
        self.store.commit(is_forced=True)
        with open_trace(self.path) as reader:
            return join_unexercised(reader, load_categories(), join_edges(reader))

    def verdict(self):
        """Give what is said of the only place."""
        (row,) = self.compare().exercises
        (found,) = [name for name in ("seen", "not_seen", "unknown") if getattr(row, name)]
        return found


@pytest.fixture
def trace(tmp_path):
    return lambda *sites, **process: Trace(tmp_path, *sites, **process)


def test_an_import_counts_on_its_line_by_the_name_that_is_written(trace):
    sites = [
        site("import", "json", written="json"),
        site("import", "zlib", written="zlib"),
        site("import", "json", 21, written="json"),
        site("import", "..late", written="late", level=2),
        site("import", ".near", written="", level=1),
    ]
    recording = trace(*sites)
    recording.statement("json", [LINE])
    recording.statement("late", [LINE], level=1)
    recording.statement("", [LINE], ["near"], level=1)
    recording.statement("zlib", [(f"{LIBRARY}/gzip.py", "<module>", 3), LINE])

    rows = [(row.name, row.location.line) for row in recording.compare().rows]

    assert rows == [("zlib", 20), ("json", 21), ("..late", 20)]


def test_relative_imports_are_told_by_absolute_names(trace):
    recording = trace(site("import", ".near", written="", level=1), site("import", "..", written="", level=2))
    recording.add_file(f"{SITE}/pkg/sub/__init__.py", [site("import", "..x", written="x", level=2)], None, "pkg.sub")

    assert {row.name for row in recording.compare().rows} == {"pkg.near", "..", "pkg.x"}


@pytest.mark.parametrize(
    ("name", "act", "arguments", "frames", "expected"),
    [
        ("os.system", "os.system", ["x"], [LINE], "seen"),
        ("os.system", "os.system", ["x"], [ELSEWHERE], "not_seen"),
        ("os.system", "open", ["x", "r", 0], [LINE], "not_seen"),
        ("subprocess.run", "subprocess.Popen", ["x", [], None, None], [POPEN, LINE], "seen"),
        ("os.popen", "subprocess.Popen", ["x", [], None, None], [POPEN, LINE], "seen"),
        ("shutil.copy", "open", ["x", "r", 0], [(f"{LIBRARY}/shutil.py", "copy", 1), LINE], "seen"),
        ("exec", "exec", [{"code": "x"}], [LINE], "seen"),
        ("eval", "compile", [None, "x"], [LINE], "seen"),
        ("open", "open", ["x", "r", 0], [LINE], "seen"),
        ("open", "os.listdir", ["x"], [ELSEWHERE], "not_seen"),
        ("os.getpid", "os.listdir", ["x"], [LINE], "seen"),
        ("os.getpid", "os.listdir", ["x"], [ELSEWHERE], "unknown"),
        ("pickle.loads", "os.listdir", ["x"], [ELSEWHERE], "unknown"),
        ("globals", "os.listdir", ["x"], [ELSEWHERE], "unknown"),
    ],
)
def test_a_call_counts_by_an_act_on_its_lines(name, act, arguments, frames, expected, trace):
    recording = trace(site("call", name))
    recording.audit(act, arguments, frames)

    assert recording.verdict() == expected


def test_an_act_on_any_line_of_a_call_counts(trace):
    recording = trace(site("call", "os.system", 18, end=22), site("call", "os.system", 21, end=400))
    recording.audit("os.system", ["x"], [LINE])

    assert [row.location.line for row in recording.compare().rows] == [21]


def test_a_call_beneath_python_counts(trace):
    recording = trace(site("call", "os.kill"))
    recording.call("kill", {"pid": 1}, [], [LINE])

    assert recording.verdict() == "seen"


def test_a_dll_counts_by_its_load(trace):
    recording = trace(site("dll-import", "libm.so.6"), site("dll-import", "libz.so", 21))
    recording.load("/lib/libm.so.6", [LINE])

    assert [(row.kind, row.name, row.category) for row in recording.compare().rows] == [
        ("dll-import", "libz.so", "dll")
    ]


def test_an_import_by_a_call_counts_as_what_it_raises(trace):
    recording = trace(
        site("import", "json", written="__import__"),
        site("import", "json", 21, written="__import__"),
        site("import", "json", 22, written="importlib.import_module"),
        site("import", "json", 23, written="importlib.import_module"),
    )
    recording.statement("json", [LINE])
    recording.audit("open", ["/x/json.py", "r", 0], [*IMPORT_MODULE, (FILE, "work", 22)])
    row = recording.compare()

    assert [(each.name, each.location.line) for each in row.rows] == [("json", 21)]
    assert row.exercises[0].unknown == {"import": 1}


def test_where_functions_are_seen_what_did_not_run_is_sure(trace):
    recording = trace(
        site("call", "os.getpid", function="A.idle", first=5),
        site("call", "os.getpid", 21),
        site("call", "os.system", 22),
        coverage=SEEN,
    )
    recording.ran()
    found = recording.compare()

    assert [(row.name, row.location.line, row.is_sure) for row in found.rows] == [
        ("os.getpid", 20, True),
        ("os.system", 22, False),
    ]
    assert found.exercises[0].unknown == {"call": 1}


@pytest.mark.parametrize(
    "coverage", [{**ON, "calls": "unavailable: x"}, {**SEEN, "calls": "RESUME; lower bounds: a JIT"}]
)
def test_where_functions_are_not_all_seen_nothing_is_sure(coverage, trace):
    assert trace(site("call", "os.getpid"), coverage=coverage).verdict() == "unknown"


def test_lost_functions_make_it_unknown(trace):
    recording = trace(site("call", "os.getpid"), coverage=SEEN)
    recording.store.set_losses({(None, "calls", "functions_ring_full"): 3})

    assert recording.verdict() == "unknown"


def test_what_nobody_loaded_did_not_run(trace):
    recording = trace()
    recording.add_file(OTHER, [site("call", "os.getpid"), site("import", "pty", written="pty")], None, "pkg.extra")

    assert [(row.name, row.is_sure) for row in recording.compare().rows] == [("os.getpid", True), ("pty", True)]


@pytest.mark.parametrize(
    "act",
    [
        ("audit", "import", ["pkg.extra", None, [], [], []], []),
        ("audit", "open", [f"{SITE}/pkg/__pycache__/extra.cpython-312.pyc", "r", 0], []),
        ("audit", "os.listdir", ["/"], [(OTHER, "other", 1)]),
    ],
)
def test_what_may_have_been_loaded_may_have_run(act, trace):
    recording = trace()
    recording.add(*act)
    recording.add_file(OTHER, [site("call", "os.getpid")], None, "pkg.extra")

    assert recording.verdict() == "unknown"


def test_without_audit_events_only_what_did_not_run_is_told(trace):
    recording = trace(site("call", "os.system"), coverage={**ON, "audit": "unavailable: x"})

    assert recording.verdict() == "unknown"


def test_a_function_handed_over_counts_where_it_acts_or_nowhere(trace):
    recording = trace(site("call", "os.system", reference=True), site("call", "os.kill", 21, reference=True))
    recording.audit("os.system", ["x"], [(f"{LIBRARY}/threading.py", "Thread.run", 3)])
    found = recording.compare()

    assert [row.name for row in found.rows] == ["os.kill"]
    assert found.exercises[0].unknown == {"call": 1}


def test_what_was_done_before_the_trace_began_is_not_told(trace):
    recording = trace(
        site("import", "json", function="<module>", first=0, written="json"),
        site("import", "winreg", 21, function="<module>", first=0, written="winreg"),
        site("import", ".name", 22, function="<module>", first=0, written="", level=1),
        site("call", "os.system", 23, function="<module>", first=0),
        site("call", "os.kill", 24),
        site("call", "os.fork", 25, function="A.idle", first=5),
        origin="attach",
        coverage=SEEN,
    )
    recording.store.add_modules(
        recording.process, [("pkg", None, False), ("pkg.core", FILE, False), ("json", "", False)]
    )
    recording.ran(before=True)
    found = recording.compare()

    assert [row.name for row in found.rows] == ["winreg", "os.fork"]
    assert found.exercises[0].began_late
    assert found.exercises[0].unknown == {"import": 2, "call": 2}


def test_of_an_extension_module_that_was_not_mapped_nothing_was_done(trace):
    recording = trace()
    recording.add_file(FAST, [_library("libx.so", "needed"), _library("system", "symbol")], None, "pkg._fast")
    rows = recording.compare().rows

    assert [(row.name, row.category, row.is_sure) for row in rows] == [("libx.so", "dll", True), ("system", "os", True)]
    assert {(row.location.file, row.location.line, row.location.function) for row in rows} == {(FAST, None, None)}


def test_of_a_mapped_one_what_it_did_beneath_python_counts(trace):
    recording = trace()
    names = ("libx.so", "needed"), ("connect", "symbol"), ("execve", "symbol"), ("getenv", "symbol")
    recording.add_file(FAST, [_library(*name) for name in names], None, "pkg._fast")
    recording.store.add_dll(recording.process, FAST)
    recording.call("connect", {"addr": "x"}, [F(FAST)], [LINE])
    found = recording.compare()

    assert [row.name for row in found.rows] == ["execve"]
    assert found.exercises[0].seen == {"dll-import": 2}
    assert found.exercises[0].unknown == {"dll-import": 1}


def test_files_that_could_not_be_read_are_counted(trace):
    recording = trace()
    recording.add_file(OTHER, [], "no time left", "pkg.extra")
    (row,) = recording.compare().exercises

    assert (row.files, row.functions, row.unread) == (2, 2, {"no time left": 1})


@pytest.mark.parametrize("row", [["odd", "x", "", 0, 1, 1, "f", 1, False], ["call", "x"], 5])
def test_a_site_that_is_none_is_damage(row, trace):
    with pytest.raises(TraceError, match="table ability"):
        trace(row).compare()


def test_a_trace_without_distributions_has_none(tmp_path):
    recording = Recording(tmp_path)
    recording.audit("os.system", ["x"], [(BOOT, "f", 1)])
    with open_trace(recording.path) as reader:
        assert join_unexercised(reader, load_categories(), ()).rows == ()


def _library(name, how):
    return site("dll-import", name, 0, function="", first=0, written=how)
