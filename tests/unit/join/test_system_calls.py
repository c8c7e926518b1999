"""A system call is part of what an audit event told, of an import, or an act of its own with level and owner."""

import posixpath
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.join.native import (
    ANONYMOUS,
    CTYPES,
    EVAL,
    FAST,
    LIBC,
    LIBFFI,
    LIBSQLITE,
    LOADER,
    LONE,
    MEMFD,
    PROGRAM,
    PYTHON,
    SOCKET,
    SQLITE,
)
from tests.unit.join.recording import APP, BOOT, CREATE, IMPORT, LIBRARY, OTHER, PKG, READ, SITE, Recording

PEER = {"sockfd": 3, "addr": "127.0.0.1:80"}
CONNECT = [{"type": "socket"}, ["127.0.0.1", 80]]
BY_SOCKET = [LIBC, SOCKET, PYTHON, EVAL]
BY_INTERPRETER = [LIBC, PYTHON, EVAL]
BY_CTYPES = [LIBC, LIBFFI, LIBFFI, CTYPES, PYTHON, EVAL]
POPEN = (f"{LIBRARY}/subprocess.py", "Popen._execute_child", 1780)
SPAWN = (f"{LIBRARY}/subprocess.py", "Popen._execute_child", 1834)


def single(joined, **wanted):
    found = [row for row in joined.behaviours if all(getattr(row, name) == value for name, value in wanted.items())]
    assert len(found) == 1, joined.behaviours
    return found[0]


# --- what an audit event explains


def test_an_explained_call_is_no_second_behaviour(recording):
    recording.audit("socket.connect", CONNECT, [PKG, APP])
    recording.call("connect", PEER, BY_SOCKET, [PKG, APP], result="ECONNREFUSED", failed=1)

    row = single(recording.join())

    assert (row.kind, row.name, row.level, row.count) == ("audit", "socket.connect", "python", 1)
    assert row.signals == ("audit", "syscall")
    assert (row.result, row.failed) == ("ECONNREFUSED", 1)
    assert row.beneath.object == SOCKET.path
    assert [frame.object for frame in row.beneath.frames][:2] == [LIBC.path, SOCKET.path]


def test_more_acts_than_are_remembered_are_explained_all_the_same(recording, monkeypatch):
    monkeypatch.setattr("pyxhon.join.explaining._MAX_NOTES", 60)
    monkeypatch.setattr("pyxhon.join.behaviours._SLICE", 10)
    for number in range(200):
        recording.audit("open", [f"/srv/{number}.txt", "r", 0], [PKG, APP])
        recording.call("openat", {"path": f"/srv/{number}.txt", "flags": 0}, BY_INTERPRETER, [PKG, APP])

    rows = recording.join().behaviours

    assert len(rows) == 200
    assert {(row.kind, row.signals) for row in rows} == {("audit", ("audit", "syscall"))}


@pytest.mark.parametrize(
    ("acts", "calls", "failed"),
    [
        (1, [(1, 1)], [1]),
        (2, [(2, 1)], [1]),
        (1, [(5, 4)], [0]),  # tried again, and done at last
        (1, [(5, 5)], [1]),
        (3, [(2, 2)], [2]),
        (2, [(1, 1), (1, 1)], [2]),
        (2, [(1, 1), (1, 0)], [1]),
    ],
)
def test_no_more_acts_failed_than_there_were_and_only_those_that_certainly_did(recording, acts, calls, failed):
    recording.audit("socket.connect", CONNECT, [PKG, APP], count=acts)
    for count, failures in calls:
        recording.call("connect", PEER, BY_SOCKET, [PKG, APP], count=count, failed=failures)

    assert [row.failed for row in recording.join().behaviours] == failed


def test_two_acts_that_share_a_call_may_not_both_have_failed(recording):
    for mode in ("r", "rb"):
        recording.audit("open", ["/x", mode, 0], [PKG, APP])
    recording.call("openat", {"path": "/x", "flags": 0}, BY_INTERPRETER, [PKG, APP], count=2, failed=1)

    assert [row.failed for row in recording.join().behaviours] == [0, 0]


def test_what_the_loader_searches_in_vain_is_no_failure_of_the_load(recording):
    recording.audit("ctypes.dlopen", ["libz.so.1"], [PKG, APP])
    recording.load("libz.so.1", [PKG, APP])
    for folder in ("/a", "/b"):
        native = [LOADER, *BY_CTYPES]
        arguments = {"path": f"{folder}/libz.so.1", "flags": 0}
        recording.call("openat", arguments, native, [PKG, APP], result="ENOENT", count=3, failed=3)

    row = single(recording.join())

    assert (row.name, row.count, row.failed, row.result) == ("ctypes.dlopen", 1, 0, None)
    assert row.signals == ("audit", "dll-load", "syscall")


@pytest.mark.parametrize(
    "native, level, owner, path",
    [
        ([LIBC, FAST, PYTHON, EVAL], "native", "Pkg", FAST.path),
        ([LIBC, LONE, FAST, PYTHON, EVAL], "native", "lone.so", LONE.path),
        (BY_CTYPES, "native", "Pkg", CTYPES.path),
        ([LIBC, LONE, *BY_CTYPES[1:]], "native", "lone.so", LONE.path),
    ],
)
def test_the_same_call_from_the_same_line_by_other_code_is_told_apart(recording, native, level, owner, path):
    recording.audit("socket.connect", CONNECT, [PKG, APP])
    recording.call("connect", PEER, BY_SOCKET, [PKG, APP])
    recording.call("connect", PEER, native, [PKG, APP])

    joined = recording.join()

    assert len(joined.behaviours) == 2
    row = single(joined, kind="syscall")
    assert (row.level, row.owner.name, row.beneath.object) == (level, owner, path)
    assert row.location.line == PKG[2]


def test_a_native_thread_is_detached_and_belongs_to_its_dll(recording):
    recording.call("connect", PEER, [LIBC, LONE, LIBC], [], tid=101)

    row = single(recording.join())

    assert (row.level, row.owner.name, row.owner.origin, row.location) == ("detached", "lone.so", "dll", None)


@pytest.mark.parametrize(
    "change",
    [
        {"arguments": {"sockfd": 3, "addr": "127.0.0.1:81"}},
        {"frames": [OTHER, APP]},
        {"name": "bind"},
    ],
)
def test_another_call_is_not_explained(recording, change):
    recording.audit("socket.connect", CONNECT, [PKG, APP])
    recording.call(**{"name": "connect", "arguments": PEER, "native": BY_SOCKET, "frames": [PKG, APP], **change})

    assert single(recording.join(), kind="syscall").level == "native"


@pytest.mark.parametrize("path", ["/proc/{}/stat", "parts/{}/stat"])
def test_many_files_of_one_name_are_explained_each(recording, path):
    for number in range(100):
        recording.audit("open", [path.format(number), "r", 0], [PKG, APP])
        recording.call("openat", {"path": f"/{path.lstrip('/')}".format(number)}, BY_INTERPRETER, [PKG, APP])

    assert {row.kind for row in recording.join().behaviours} == {"audit"}


def test_files_of_one_name_are_explained_however_late(recording):
    for number in range(100):
        recording.audit("open", [f"/proc/{number}/stat", "r", 0], [PKG, APP])
    recording.call("openat", {"path": "/proc/1/stat"}, BY_INTERPRETER, [PKG, APP])

    assert {row.kind for row in recording.join().behaviours} == {"audit"}


def test_a_relative_path_is_explained(recording):
    recording.audit("open", ["data.txt", "r", 0], [PKG, APP])
    recording.call("openat", {"path": "/srv/data.txt", "flags": 0}, BY_INTERPRETER, [PKG, APP])

    assert single(recording.join()).signals == ("audit", "syscall")


def test_a_look_up_explains_what_the_resolver_does(recording):
    recording.audit("socket.getaddrinfo", ["example.org", 80, 0, 0, 0], [PKG, APP])
    recording.call("openat", {"path": "/etc/hosts", "flags": 0}, BY_SOCKET, [PKG, APP])
    recording.call("connect", {"sockfd": 4, "addr": "192.0.2.53:53"}, BY_SOCKET, [PKG, APP])

    assert single(recording.join()).name == "socket.getaddrinfo"


def test_a_database_is_opened_by_a_library_of_an_extension(recording):
    native = [LIBC, LIBSQLITE, SQLITE, PYTHON, EVAL]
    recording.audit("sqlite3.connect", ["/srv/a.db"], [PKG, APP])
    recording.call("openat", {"path": "/srv/a.db", "flags": 0}, native, [PKG, APP])
    recording.call("openat", {"path": "/srv/a.db-journal", "flags": 0}, native, [PKG, APP])

    joined = recording.join()

    assert single(joined, kind="audit").signals == ("audit", "syscall")
    assert single(joined, kind="syscall").owner.name == "libsqlite3.so.0.8.6"


def test_an_event_raised_by_python_code_explains_its_function(recording):
    recording.audit("subprocess.Popen", ["ls", ["ls"], None, None], [POPEN, PKG, APP])
    recording.call("vfork", {}, BY_INTERPRETER, [SPAWN, PKG, APP])

    assert single(recording.join()).signals == ("audit", "syscall")


def test_what_a_forked_child_does_for_its_parent_is_explained(recording):
    recording.audit("subprocess.Popen", ["ls", ["ls"], None, None], [POPEN, PKG, APP])
    child = recording.add_process(
        pid=200, parent=recording.process, origin="fork", interpreter={"version": "3.12.1"}, started_ns=5
    )
    recording.call("execve", {"path": "/bin/ls"}, BY_INTERPRETER, [SPAWN, PKG, APP], process=child)

    assert single(recording.join()).signals == ("audit", "syscall")


def test_without_a_native_stack_the_python_stack_decides(recording):
    recording.audit("os.remove", ["/x", -1], [PKG, APP])
    recording.call("unlink", {"path": "/x"}, [], [PKG, APP])

    assert single(recording.join()).signals == ("audit", "syscall")


def test_an_explained_call_split_over_batches_is_no_behaviour(recording):
    recording.audit("os.remove", ["/x", -1], [PKG, APP])
    recording.call("unlink", {"path": "/x"}, BY_INTERPRETER, [PKG, APP])

    first, second = recording.join(batches=2)

    assert (len(first.behaviours), second.behaviours) == (1, ())


def test_a_call_that_raises_no_event_is_native_without_an_object(recording):
    recording.call("listen", {"sockfd": 3}, BY_INTERPRETER, [PKG, APP])

    row = single(recording.join())

    assert (row.level, row.owner.name, row.beneath.object, row.category) == ("native", "Pkg", None, "network")


# --- imports, and interpreters that start


def test_what_an_import_does_belongs_to_the_import(recording):
    folder = {"path": f"{SITE}/pkg", "flags": "O_RDONLY|O_DIRECTORY"}
    recording.audit("open", [f"{SITE}/pkg/core.py", "rb", 0], [*READ, *IMPORT, APP])
    recording.call("openat", {"path": f"{SITE}/pkg/core.py", "flags": 0}, BY_INTERPRETER, [*READ, *IMPORT, APP])
    recording.call("openat", folder, BY_INTERPRETER, [(BOOT, "_find_spec", 5), *IMPORT, APP])
    recording.call("mkdir", {"path": f"{SITE}/pkg/__pycache__"}, BY_INTERPRETER, [*READ, *IMPORT, APP])

    joined = recording.join()

    assert joined.behaviours == ()
    assert joined.fates == {"import": 4}


def test_what_the_loader_does_for_an_extension_belongs_to_the_import(recording):
    native = [LOADER, LIBC, PYTHON, EVAL]
    recording.audit("import", ["pkg._fast", FAST.path, None, None, None], [*CREATE, *IMPORT, APP])
    recording.load(FAST.path, [*CREATE, *IMPORT, APP])
    recording.call("openat", {"path": FAST.path, "flags": 0}, native, [*CREATE, *IMPORT, APP], result=4)
    recording.call("mmap", {"prot": "PROT_EXEC", "fd": 4}, native, [*CREATE, *IMPORT, APP], kind="memory")

    joined = recording.join()

    assert {row.kind for row in joined.behaviours} == {"import"}
    assert joined.fates == {"import": 4}


def test_a_constructor_acts_for_its_dll_at_the_line_that_imports(recording):
    native = [LIBC, FAST, LOADER, LIBC, PYTHON, EVAL]
    recording.audit("import", ["pkg._fast", FAST.path, None, None, None], [*CREATE, *IMPORT, APP])
    recording.call("unlink", {"path": "/x"}, native, [*CREATE, *IMPORT, APP])

    row = single(recording.join(), kind="syscall")

    assert (row.owner.name, row.level, row.location.line) == ("Pkg", "native", APP[2])
    assert row.beneath.object == FAST.path


def test_an_interpreter_that_starts_is_one_act_of_the_standard_library(recording):
    for path in ("/etc/ld.so.cache", "/usr/lib/libm.so.6"):
        recording.call("openat", {"path": path, "flags": 0}, [LOADER, LOADER], [])

    joined = recording.join()
    row = single(joined)

    assert (row.owner.name, row.level, row.count, row.arguments) == ("stdlib", "detached", 2, {})
    assert joined.fates == {"interpreter": 2}


UNWINDER = f"{posixpath.dirname(LIBC.path)}/libgcc_s.so.1"
ENDING = [
    *(LOADER, LIBC, LOADER, LIBC),
    *(LIBC.but(symbol="__libc_unwind_link_get"), LIBC.but(symbol="pthread_exit"), PYTHON, EVAL),
]


def load_unwinder(recording, path, native, frames):
    recording.call("openat", {"path": "/etc/ld.so.cache", "flags": 0}, native, frames)
    recording.call("openat", {"path": path, "flags": 0}, native, frames)
    recording.call("mmap", {"prot": "PROT_EXEC", "fd": 3, "path": path}, native, frames, kind="memory")


@pytest.mark.parametrize("path", [UNWINDER, UNWINDER.removeprefix("/usr")])
def test_what_the_c_library_loads_to_end_a_thread_is_not_the_packages(recording, path):
    load_unwinder(recording, path, ENDING, [PKG, APP])

    joined = recording.join()

    assert {(row.owner.name, row.level) for row in joined.behaviours} == {("stdlib", "detached")}
    assert [(load.path, load.owner.name, load.way) for load in joined.loads] == [(path, "stdlib", "dlopen")]
    assert joined.fates == {"interpreter": 3}


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("/tmp/libgcc_s.so.1", ENDING),  # as LD_LIBRARY_PATH leads there
        (UNWINDER, [LOADER, LIBC, LOADER, LIBC, PYTHON, EVAL]),
        (UNWINDER, [LOADER, FAST, *ENDING[4:]]),
        (f"{UNWINDER}.evil", ENDING),
    ],
)
def test_another_dll_or_another_call_is_an_act_of_its_own(recording, path, native):
    recording.call("mmap", {"prot": "PROT_EXEC", "fd": 3, "path": path}, native, [PKG, APP], kind="memory")

    assert single(recording.join(), kind="memory").owner.name != "stdlib"


ALLOCATING = [LIBC, LIBC.but(symbol="get_nprocs"), LIBC.but(symbol="free"), PYTHON, EVAL]
ONLINE = {"path": "/sys/devices/system/cpu/online", "flags": 0o2000000}


def test_what_the_allocator_reads_is_not_the_packages(recording):
    recording.call("openat", ONLINE, ALLOCATING, [PKG, APP])
    recording.call(
        "openat", {"path": "/proc/sys/vm/overcommit_memory", "flags": 0}, [*ALLOCATING[:3], FAST, EVAL], [PKG, APP]
    )

    row = single(recording.join())

    assert (row.owner.name, row.level, row.count, row.arguments) == ("stdlib", "detached", 2, {})


@pytest.mark.parametrize(
    "arguments, native",
    [
        (ONLINE, [LIBC, LIBC.but(symbol="get_nprocs"), LIBC.but(symbol="sysconf"), PYTHON, EVAL]),
        (ONLINE, [LIBC, FAST.but(symbol="free"), PYTHON, EVAL]),
        (ONLINE, [LIBC, PYTHON.but(symbol="free"), EVAL]),
        ({"path": "/etc/shadow", "flags": 0}, ALLOCATING),
        ({"path": "/proc/stat", "flags": 1}, ALLOCATING),
        ({"path": "/proc/stat"}, ALLOCATING),
    ],
)
def test_what_anybody_else_reads_is_the_packages(recording, arguments, native):
    recording.call("openat", arguments, native, [PKG, APP])

    assert single(recording.join()).owner.name == "Pkg"


def test_a_call_that_may_hide_a_function_is_nobodys_own(recording):
    recording.audit("os.remove", ["/y", -1], [APP])
    recording.call("unlink", {"path": "/x"}, [LIBC, LIBC.but(flags=2), LIBC], [])

    row = single(recording.join(), kind="syscall")

    assert (row.owner.name, row.beneath.confidence) == ("unknown", "suspect")


# --- who made it


def test_a_thread_without_a_dll_on_its_stack_belongs_to_whoever_made_it(recording):
    maker = recording.call("clone3", {"flags": "CLONE_THREAD"}, [LIBC, FAST, PYTHON, EVAL], [PKG, APP])
    recording.store.add_thread(recording.process, 101, 15)
    recording.store.set_creator(recording.process, 101, maker)
    recording.call("unlink", {"path": "/x"}, [LIBC, LIBC], [], tid=101)

    row = single(recording.join())

    assert (row.level, row.owner.name, row.location.line) == ("detached", "Pkg", PKG[2])
    assert (row.beneath.made_by.kind, row.beneath.made_by.object) == ("thread", FAST.path)


def test_makers_that_made_each_other_end(recording):
    numbers = [recording.call("clone3", {"flags": "CLONE_THREAD"}, [LIBC, LIBC], [], tid=tid) for tid in (101, 102)]
    for tid, number in ((101, numbers[1]), (102, numbers[0])):
        recording.store.add_thread(recording.process, tid, 0)
        recording.store.set_creator(recording.process, tid, number)
    recording.call("unlink", {"path": "/x"}, [LIBC, LIBC], [], tid=101)

    assert single(recording.join(), name="unlink").owner.name == "unknown"


def test_anonymous_code_belongs_to_whoever_made_it_executable(recording):
    made = recording.call(
        "mmap", {"length": 8192, "prot": "PROT_EXEC", "fd": -1}, [LIBC, LONE, PYTHON, EVAL], [OTHER, APP], kind="memory"
    )
    recording.store.add_provenance(recording.process, ("anonymous", "7f0000000000"), made, 12)
    recording.call("unlink", {"path": "/x"}, [ANONYMOUS, FAST, EVAL], [PKG, APP])

    row = single(recording.join(), kind="syscall")

    assert (row.owner.name, row.beneath.object) == ("lone.so", ANONYMOUS.path)
    assert (row.beneath.made_by.object, row.beneath.made_by.location.line) == (LONE.path, OTHER[2])


def test_a_memfd_belongs_to_whoever_made_it(recording):
    made = recording.call("memfd_create", {"name": "hidden"}, [LIBC, LONE, EVAL], [OTHER, APP], kind="memory", result=5)
    recording.store.add_provenance(recording.process, ("memfd", "5"), made, 12)
    recording.call("unlink", {"path": "/x"}, [LIBC, MEMFD, EVAL], [PKG, APP])

    row = single(recording.join(), kind="syscall")

    assert (row.owner.name, row.beneath.object, row.location.line) == ("lone.so", "memfd:hidden", PKG[2])


def test_code_that_nobody_is_known_to_have_made_belongs_to_its_caller(recording):
    recording.call("unlink", {"path": "/x"}, [ANONYMOUS, FAST, EVAL], [OTHER, APP])

    row = single(recording.join())

    assert (row.owner.name, row.beneath.object) == ("Pkg", ANONYMOUS.path)


def test_a_signal_handler_is_detached_and_its_dll_answers(recording):
    native = [LIBC, LONE, LIBC, PYTHON.but(how="signal"), EVAL]
    recording.audit("os.remove", ["/x", -1], [PKG, APP])
    recording.call("unlink", {"path": "/x"}, native, [PKG, APP])

    row = single(recording.join(), kind="syscall")

    assert (row.level, row.owner.name) == ("detached", "lone.so")


def test_a_program_belongs_to_whoever_executed_it(recording):
    child = recording.add_process(pid=200, parent=recording.process, origin="fork", started_ns=5, interpreter=None)
    recording.call("execve", {"path": "/usr/bin/git"}, [LIBC, FAST, EVAL], [PKG, APP], process=child, first_ns=6)
    git = recording.add_process(
        pid=200, parent=child, origin="exec", started_ns=7, interpreter=None, executable="/usr/bin/git"
    )
    recording.call("unlink", {"path": "/x"}, [LIBC, PROGRAM], [], process=git, tid=200)

    row = single(recording.join(), name="unlink")

    assert row.level == "detached"
    assert row.beneath.object == PROGRAM.path
    assert row.beneath.made_by.kind == "program"


def test_an_operation_of_a_kernel_thread_belongs_to_the_rings_maker(recording):
    made = recording.call("io_uring_setup", {"entries": 8}, [LIBC, LONE, EVAL], [PKG, APP], result=5)
    recording.store.add_provenance(recording.process, ("ring", "ffff1"), made, 12)
    recording.call("openat", {"ring": "ffff1", "path": "/x"}, [], [], kind="io_uring", tid=999)

    row = single(recording.join(), kind="io_uring")

    assert (row.level, row.owner.name, row.beneath.object) == ("detached", "lone.so", LONE.path)
    assert row.beneath.made_by.kind == "ring"
    assert row.arguments == {"path": "/x"}


# --- tampering, identity, conservation


def test_tampering_is_an_act_of_its_own_kind(recording):
    recording.call("openat", {"path": "/proc/self/mem", "flags": 2}, [LIBC, LONE, EVAL], [PKG, APP])

    row = single(recording.join())

    assert (row.kind, row.category, row.name) == ("tamper", "os", "openat")


def test_tampering_by_python_code_is_marked(recording):
    recording.audit("open", ["/proc/self/mem", "r+", 2], [PKG, APP])
    recording.call("openat", {"path": "/proc/self/mem", "flags": 2}, BY_INTERPRETER, [PKG, APP])

    assert single(recording.join()).signals == ("audit", "syscall", "tamper")


def test_two_dlls_that_do_the_same_have_an_id_each(recording):
    recording.call("unlink", {"path": "/x"}, [LIBC, FAST, EVAL], [PKG, APP])
    recording.call("unlink", {"path": "/x"}, [LIBC, LONE, EVAL], [PKG, APP])
    recording.call("unlink", {"path": "/x"}, BY_INTERPRETER, [PKG, APP])

    assert len({row.id for row in recording.join().behaviours}) == 3


def test_anonymous_code_keeps_its_id_wherever_it_lies(recording):
    recording.call("unlink", {"path": "/x"}, [ANONYMOUS, FAST, EVAL], [PKG, APP])
    recording.call("unlink", {"path": "/x"}, [ANONYMOUS.but(path="anon:7e0000000000"), FAST, EVAL], [PKG, APP])

    assert len({row.id for row in recording.join().behaviours}) == 1


def test_a_thread_that_is_made_is_no_act(recording):
    recording.call("clone", {"flags": "CLONE_VM|CLONE_THREAD"}, [LIBC, FAST, EVAL], [PKG, APP])

    joined = recording.join()

    assert joined.behaviours == ()
    assert len(joined.uncategorised) == 1


NATIVE = st.lists(
    st.sampled_from([LIBC, LOADER, PYTHON, EVAL, FAST, LONE, SOCKET, CTYPES, LIBFFI, ANONYMOUS, MEMFD, PROGRAM]),
    max_size=6,
)
PYTHON_STACKS = st.sampled_from([[], [APP], [PKG, APP], [*CREATE, *IMPORT, APP], [*READ, *IMPORT, PKG, APP]])
ARGUMENTS = st.sampled_from([{}, PEER, {"path": "/x"}, {"path": f"{SITE}/pkg/core.py", "flags": 0}, {"fd": 3}, None])
NAMES = st.sampled_from(["connect", "openat", "unlink", "mmap", "execve", "clone", "ptrace", "i386:unlink", "odd"])
CALLS = st.tuples(NAMES, ARGUMENTS, NATIVE, PYTHON_STACKS, st.sampled_from(["syscall", "memory", "io_uring", "tamper"]))
AUDITS = st.sampled_from(
    [("open", ["/x", "r", 0]), ("os.remove", ["/x", -1]), ("socket.connect", CONNECT), ("ctypes.dlopen", ["x.so"])]
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(AUDITS, PYTHON_STACKS), max_size=4), st.lists(CALLS, max_size=8))
def test_every_event_ends_in_exactly_one_place(tmp_path_factory, audits, calls):
    recording = Recording(tmp_path_factory.mktemp("property"))
    for (name, arguments), frames in audits:
        recording.audit(name, arguments, frames)
    for name, arguments, native, frames, kind in calls:
        recording.call(name, arguments, native, frames, kind=kind)

    joined = recording.join()

    fates = Counter(joined.fates)
    rows = (*joined.behaviours, *joined.uncategorised)
    assert fates.total() == len(audits) + len(calls)
    counted = sum(row.count for row in rows if row.kind != "import")
    assert counted == fates["behaviour"] + fates["interpreter"]


def add_needs(recording, dossiers):
    for path, needed in dossiers.items():
        recording.store.add_dll(recording.process, path)
        loader = "/lib64/ld-linux-x86-64.so.2" if "/bin/" in path else None
        recording.store.set_dossier(path, {"needed": needed, "loader": loader})


def test_a_dll_of_a_program_whose_file_was_not_read_is_not_said_to_be_preloaded(recording):
    add_needs(recording, {f"{LIBRARY}/libm.so.6": [], LONE.path: []})
    recording.call("mmap", {"prot": "PROT_EXEC", "fd": 3, "path": LONE.path}, [LOADER, LOADER], [], kind="memory")

    assert [row.kind for row in recording.join().behaviours] != ["tamper"]


def test_a_preloaded_dll_is_tampering_by_itself(recording):
    add_needs(recording, {"/usr/bin/python3.12": ["libm.so.6"], f"{LIBRARY}/libm.so.6": [], LONE.path: []})
    for path in (LONE.path, f"{LIBRARY}/libm.so.6"):
        recording.call("mmap", {"prot": "PROT_EXEC", "fd": 3, "path": path}, [LOADER, LOADER], [], kind="memory")

    row = single(recording.join(), kind="tamper")

    assert (row.owner.name, row.category, row.arguments) == ("lone.so", "os", {"path": LONE.path})


def test_what_c_code_does_through_pythons_functions_is_the_dlls(recording):
    recording.audit("socket.connect", CONNECT, [OTHER, APP])
    recording.call("connect", PEER, [LIBC, SOCKET, PYTHON, FAST, PYTHON, EVAL], [OTHER, APP])

    row = single(recording.join())

    assert (row.kind, row.level, row.owner.name, row.chain) == (
        "audit",
        "python",
        "Pkg",
        ("application", "other", "Pkg"),
    )
    assert row.location.line == OTHER[2]


def test_where_c_code_and_python_do_the_same_the_python_frame_answers(recording):
    recording.audit("socket.connect", CONNECT, [OTHER, APP])
    recording.call("connect", PEER, [LIBC, SOCKET, PYTHON, FAST, PYTHON, EVAL], [OTHER, APP])
    recording.call("connect", PEER, BY_SOCKET, [OTHER, APP])

    assert single(recording.join()).owner.name == "other"


def test_an_overwritten_probe_belongs_to_whoever_made_it_writable(recording):
    recording.call("openat", {"path": "/proc/self/mem", "flags": 2}, [LIBC, LONE, EVAL], [PKG, APP])
    recording.call("probe overwritten", {"address": "7f00"}, [], [], kind="tamper")

    row = single(recording.join(), name="probe overwritten")

    assert (row.owner.name, row.beneath.object, row.location.line) == ("lone.so", LONE.path, PKG[2])
    assert row.beneath.made_by.kind == "writer"


@pytest.mark.parametrize("path, kind", [(LIBC.path, "tamper"), ("/tmp/libc.so.6", "memory")])
def test_making_text_writable_is_tampering_where_probes_may_be(recording, path, kind):
    change = {"addr": "7f00", "len": 4096, "prot": "PROT_READ|PROT_WRITE|PROT_EXEC", "path": path}
    recording.call("mprotect", change, [LIBC, LONE, EVAL], [PKG, APP], kind="memory")

    assert single(recording.join(), name="mprotect").kind == kind
