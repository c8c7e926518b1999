"""One act is one behaviour, however many signals, stacks and repeats show it."""

import json
from pathlib import Path

import pytest

from pyxhon.errors import TraceError
from pyxhon.join import join, join_dlls
from pyxhon.join.arguments import decode_arguments
from pyxhon.policy.parse import load_categories
from pyxhon.trace.reader import open_trace
from tests.unit.join.native import CTYPES, EVAL, LIBC, LOADER, LONE, PYTHON
from tests.unit.join.recording import APP, CREATE, IMPORT, OTHER, PKG, POPEN, REQUEST, SITE, Recording

CONNECT = [{"type": "socket"}, ["127.0.0.1", 80]]


def test_equal_acts_by_different_ways_are_one(recording):
    recording.audit("socket.connect", CONNECT, [PKG, APP], count=2, failed=1)
    recording.audit("socket.connect", CONNECT, [REQUEST, PKG, OTHER, APP], count=3, first_ns=1)

    (behaviour,) = recording.join().behaviours

    assert (behaviour.count, behaviour.failed, behaviour.first_ns) == (5, 1, 1)
    assert behaviour.event == 2


@pytest.mark.parametrize(
    "change", [{"name": "socket.bind"}, {"arguments": [CONNECT[0], ["::1", 80]]}, {"frames": [OTHER, APP]}]
)
def test_acts_that_differ_stay_apart(recording, change):
    act = {"name": "socket.connect", "arguments": CONNECT, "frames": [PKG, APP]}
    recording.audit(**act)
    recording.audit(**{**act, **change})

    first, second = recording.join().behaviours

    assert first.id != second.id


def test_two_packages_that_reach_one_library_line_stay_apart(recording):
    recording.audit("socket.connect", CONNECT, [REQUEST, PKG, APP])
    recording.audit("socket.connect", CONNECT, [REQUEST, OTHER, APP])

    assert [behaviour.owner.name for behaviour in recording.join().behaviours] == ["Pkg", "other"]


def test_workers_have_one_behaviour_each_under_one_id(recording):
    worker = recording.add_process(pid=200, interpreter={"version": "3.12.1"})
    recording.audit("os.remove", ["/x", -1], [PKG, APP])
    recording.audit("os.remove", ["/x", -1], [PKG, APP], process=worker)

    first, second = recording.join().behaviours

    assert first.id == second.id
    assert (first.pid, second.pid) == (100, 200)


def test_id_is_the_same_live_and_offline(recording):
    recording.statement("socket", [PKG, APP])
    recording.audit("socket.connect", CONNECT, [PKG, APP])
    live = [behaviour.id for joined in recording.join(batches=2) for behaviour in joined.behaviours]

    with open_trace(recording.path) as reader:
        offline = [behaviour.id for behaviour in join(reader, None, load_categories()).behaviours]

    assert live == offline


def test_cut_arguments_make_a_cut_behaviour(recording):
    recording.audit("os.remove", ["/x", -1], [PKG, APP], is_truncated=True)

    assert recording.join().behaviours[0].is_truncated


def test_event_of_an_application_has_no_category(recording):
    recording.audit("my.event", ["a", 1], [APP])

    joined = recording.join()

    assert joined.behaviours == ()
    assert joined.uncategorised[0].arguments == {"argument_0": "a", "argument_1": 1}


def test_ctypes_load_seen_twice_is_one_behaviour(recording):
    load = recording.load("libz.so.1", [POPEN, PKG, APP])
    recording.audit("ctypes.dlopen", ["libz.so.1"], [POPEN, PKG, APP])

    joined = recording.join()
    (behaviour,) = joined.behaviours

    assert (behaviour.kind, behaviour.name, behaviour.level) == ("audit", "ctypes.dlopen", "python")
    assert (behaviour.signals, behaviour.count) == (("audit", "dll-load"), 1)
    assert load in {row.event for row in joined.loads}


def test_ctypes_load_split_over_batches_is_one_behaviour(recording):
    recording.audit("ctypes.dlopen", ["libz.so.1"], [PKG, APP])
    recording.load("libz.so.1", [PKG, APP])

    first, second = recording.join(batches=2)

    assert [behaviour.name for behaviour in first.behaviours] == ["ctypes.dlopen"]
    assert second.behaviours == ()


def test_load_below_a_python_frame_is_native(recording):
    recording.load("/opt/plugin.so", [PKG, APP])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.kind, behaviour.name, behaviour.level) == ("dll-load", "dlopen", "native")
    assert (behaviour.category, behaviour.owner.name) == ("dll", "Pkg")
    assert behaviour.arguments == {"path": "/opt/plugin.so", "flags": 2}


def test_load_without_a_python_frame_is_detached(recording):
    recording.load("/opt/plugin.so", [])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.level, behaviour.owner.name, behaviour.location) == ("detached", "unknown", None)


def test_load_by_another_program_is_that_programs(tmp_path):
    recording = Recording(tmp_path, interpreter=None, executable="/usr/bin/git")
    recording.load("/opt/plugin.so", [])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.level, behaviour.owner.name, behaviour.owner.origin) == ("detached", "git", "dll")


def test_asking_for_the_program_itself_loads_nothing(recording):
    recording.load(None, [PKG, APP])

    assert recording.join().behaviours == ()


def test_dlls_name_who_loaded_them(recording):
    fast, plain = f"{SITE}/pkg/_fast.so", "/usr/lib/libz.so.1"
    recording.audit("import", ["pkg._fast", fast, None, None, None], [*CREATE, *IMPORT, PKG, APP])
    recording.audit("ctypes.dlopen", ["libz.so.1"], [OTHER, APP])
    recording.store.add_dll(recording.process, fast, build_id="ab", event=1)
    recording.store.add_dll(recording.process, plain)
    recording.store.add_dll(recording.process, "/usr/lib/libc.so.6")
    joined = recording.join()

    with open_trace(recording.path) as reader:
        found = {row.path: row for row in join_dlls(reader, joined)}

    assert (found[fast].package, found[fast].loaded_by, found[fast].load_location.line) == ("Pkg", "Pkg", 20)
    assert (found[plain].package, found[plain].loaded_by) == (None, "other")
    assert (found["/usr/lib/libc.so.6"].loaded_by, found["/usr/lib/libc.so.6"].load_location) == (None, None)


@pytest.mark.parametrize(
    "address, shown",
    [
        (["127.0.0.1", 80], "127.0.0.1:80"),
        (["::1", 443, 0, 0], "[::1]:443"),
        (["example.org", 1], "example.org:1"),
        ("/run/x.sock", "unix:/run/x.sock"),
        ("\0name", "unix:@name"),
        ({"bytes": "\\x00name"}, "unix:@name"),
        ([0, 0], [0, 0]),
        (["h", 70000], ["h", 70000]),
        ([{"bytes": "h"}, 1], "h:1"),
        (None, None),
        ([], []),
    ],
)
def test_addresses_are_shown_as_people_write_them(address, shown):
    arguments = decode_arguments(load_categories(), "socket.connect", [{"type": "socket"}, address])

    assert arguments == {"self": "<socket>", "address": shown}


@pytest.mark.parametrize("values", [None, "text", 7, [], {}, [[[]]], [{"a": 1, "b": 2}]])
def test_odd_arguments_are_carried_or_dropped(values):
    assert json.dumps(decode_arguments(load_categories(), "open", values))


def test_event_of_a_process_that_is_not_there_is_a_damaged_trace(recording):
    recording.audit("os.remove", ["/x", -1], [APP])
    recording.rows[0] = type(recording.rows[0])(**{**_columns(recording.rows[0]), "process": 77})

    with pytest.raises(TraceError, match="process 77"):
        recording.join()


def test_join_reads_nothing_but_the_trace(recording, monkeypatch):
    recording.audit("os.remove", ["/x", -1], [PKG, APP])
    monkeypatch.setattr(Path, "read_bytes", None)

    assert len(recording.join().behaviours) == 1


def _columns(row):
    return {name: getattr(row, name) for name in row.__slots__}


def test_dlls_name_the_way_they_came(recording):
    native = [LOADER, LIBC, CTYPES, EVAL]
    recording.audit("ctypes.dlopen", ["libone.so.1"], [PKG, APP])
    for path in ("/opt/libone.so.1.5", "/opt/libtwo.so"):
        recording.call("mmap", {"fd": 3, "path": path}, native, [PKG, APP], kind="memory")
    recording.call("mmap", {"fd": 3, "path": "/opt/hand.so"}, [LIBC, LONE, EVAL], [PKG, APP], kind="memory")
    recording.call("mmap", {"fd": 3, "path": "/usr/lib/libm.so.6"}, [LOADER, LOADER], [], kind="memory")
    for path in ("/opt/libone.so.1.5", "/opt/libtwo.so", "/opt/hand.so", "/usr/lib/libm.so.6", "/usr/bin/python3"):
        recording.store.add_dll(recording.process, path)
    joined = recording.join()

    with open_trace(recording.path) as reader:
        found = {row.path: (row.way, row.loader, row.loaded_by) for row in join_dlls(reader, joined)}

    assert found == {
        "/opt/libone.so.1.5": ("ctypes", None, "Pkg"),
        "/opt/libtwo.so": ("needed", "libone.so.1", "Pkg"),
        "/opt/hand.so": ("by_hand", LONE.path, "lone.so"),
        "/usr/lib/libm.so.6": ("start", None, None),
        "/usr/bin/python3": (None, None, None),
    }


def test_a_dlopen_by_c_code_belongs_to_the_dll_that_calls_it(recording):
    recording.load("/opt/plugin.so", [PKG, APP])
    recording.call("openat", {"path": "/opt/plugin.so", "flags": 0}, [LOADER, LIBC, LONE, PYTHON, EVAL], [PKG, APP])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.kind, behaviour.level, behaviour.owner.name) == ("dll-load", "native", "lone.so")
    assert (behaviour.signals, behaviour.beneath.object) == (("dll-load", "syscall"), LONE.path)
