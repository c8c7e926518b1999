"""Calls of Python functions asked for by name: acts of who calls them."""

import pytest

from tests.unit.join.recording import (
    APP,
    APP_MODULE,
    BOOT,
    HOOK,
    IMPORT,
    LIBRARY,
    LOADER,
    OTHER,
    PKG,
    PKG_MODULE,
    POPEN,
    REQUEST_MODULE,
    RUN,
    SITE,
    STRING,
    THREAD,
)

GIVEN = {"args": {"self": {"type": "Session"}, "timeout": 5}}


def call(recording, name, frames, arguments=None, **columns):
    """Give the one act of a call; the first frame is the function itself."""
    recording.add("call", name, arguments, frames, **columns)
    joined = recording.join()
    (behaviour,) = (*joined.behaviours, *joined.uncategorised)
    return behaviour


def test_a_call_is_an_act_of_the_frame_around_the_function(recording):
    behaviour = call(recording, "other.mod:helper", [OTHER, PKG, APP], GIVEN, count=3)

    assert (behaviour.kind, behaviour.name, behaviour.level, behaviour.count) == (
        "call",
        "other.mod:helper",
        "python",
        3,
    )
    assert (behaviour.owner.name, behaviour.chain) == ("Pkg", ("application", "Pkg"))
    assert (behaviour.location.file, behaviour.location.line) == (f"{SITE}/pkg/core.py", 20)
    assert [frame.function for frame in behaviour.python_stack] == ["helper", "work", "main"]
    assert behaviour.arguments == {"self": "<Session>", "timeout": 5}
    assert (behaviour.category, behaviour.module) == (None, "other.mod")


def test_the_same_stack_serves_other_signals_unchanged(recording):
    recording.add("call", "other.mod:helper", GIVEN, [OTHER, PKG, APP])
    recording.audit("os.system", [{"bytes": "true"}], [OTHER, PKG, APP])

    joined = recording.join()

    assert [(row.name, row.owner.name) for row in (*joined.behaviours, *joined.uncategorised)] == [
        ("os.system", "other"),
        ("other.mod:helper", "Pkg"),
    ]


@pytest.mark.parametrize(
    ("name", "frames", "owner", "category", "module"),
    [
        ("subprocess:Popen.__init__", [POPEN, PKG, APP], "Pkg", "os", "subprocess"),
        ("subprocess:Popen.__init__", [POPEN, APP], "application", "os", "subprocess"),
        ("__main__:main", [APP, APP_MODULE], "application", None, "app"),
        ("app:main", [APP, THREAD], "stdlib", None, "app"),
        ("<string>:<module>", [STRING, PKG, APP], "Pkg", None, None),
        ("pkg.core:work", [PKG, STRING, OTHER], "other", None, "pkg.core"),
        ("__main__:<module>", [APP_MODULE], "stdlib", None, "app"),
        ("socket:main", [APP, APP_MODULE], "application", None, "app"),
    ],
)
def test_owner_and_category_of_a_call(recording, name, frames, owner, category, module):
    behaviour = call(recording, name, frames)

    assert (behaviour.owner.name, behaviour.category, behaviour.module) == (owner, category, module)


def test_the_code_of_a_module_is_called_by_its_importer(recording):
    behaviour = call(recording, "pkg.core:<module>", [PKG_MODULE, *RUN, *IMPORT, OTHER, APP])

    assert (behaviour.owner.name, behaviour.location.line) == ("other", 30)


def test_what_a_standard_module_imports_it_imports_for_its_importer(recording):
    frames = [PKG_MODULE, *RUN, *IMPORT, REQUEST_MODULE, *RUN, *IMPORT, APP]

    assert call(recording, "pkg.core:<module>", frames).owner.name == "application"


def test_a_module_that_is_only_called_as_a_standard_one_has_no_category(recording):
    recording.store.add_file(0, "/srv/socket.py", ("application", "application", None, "socket", None))

    assert (
        call(recording, "socket:create_connection", [("/srv/socket.py", "create_connection", 5), PKG]).category is None
    )


def test_an_import_hook_is_called_by_the_importer(recording):
    assert call(recording, "hook:Finder.exec_module", [HOOK, *IMPORT, PKG, APP]).owner.name == "Pkg"


@pytest.mark.parametrize("frame", [(BOOT, "_find_and_load", 1360), (LOADER, "PathFinder.find_spec", 1500)])
def test_the_import_systems_own_functions_are_part_of_the_import(recording, frame):
    recording.add("call", "importlib._bootstrap:any", None, [frame, *IMPORT, PKG, APP])

    joined = recording.join()

    assert (joined.behaviours, joined.uncategorised, joined.fates) == ((), (), {"import": 1})


def test_a_function_of_an_unknown_file_has_no_module(recording):
    behaviour = call(recording, "?:?", [(None, "x", 1), PKG, APP])

    assert (behaviour.owner.name, behaviour.category, behaviour.module) == ("Pkg", None, None)


def test_a_call_without_a_stack_is_nobodys(recording):
    behaviour = call(recording, "m:f", [], GIVEN)

    assert (behaviour.owner.name, behaviour.location, behaviour.module) == ("stdlib", None, None)


def test_calls_with_other_arguments_or_from_elsewhere_are_other_acts(recording):
    for line, timeout in ((20, 5), (20, 5), (20, 6), (21, 5)):
        given = {"args": {"timeout": timeout}}
        recording.add("call", "other.mod:helper", given, [OTHER, (f"{SITE}/pkg/core.py", "work", line), APP])

    assert sorted(row.count for row in recording.join().uncategorised) == [1, 1, 2]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, {}),
        ([], {}),
        ({"args": 5}, {}),
        ({"args": {}}, {}),
        (
            {"args": {"a": 1, "b": "x", "c": None, "d": 2.5, "e": True}},
            {"a": 1, "b": "x", "c": None, "d": 2.5, "e": True},
        ),
        ({"args": {"a": {"bytes": "ab"}}}, {"a": "ab"}),
        ({"args": {"a": {"bytes": "ab", "length": 9}}}, {"a": "ab… (9 bytes)"}),
        ({"args": {"a": {"type": "T"}, "b": {"unreadable": True}}}, {"a": "<T>", "b": "<unreadable>"}),
        ({"args": {"args": [1, {"bytes": "x"}]}}, {"args": [1, "x"]}),
        (
            {"args": {"kwargs": {"dict": {"type": "x", "bytes": {"bytes": "y"}}}}},
            {"kwargs": {"type": "x", "bytes": "y"}},
        ),
        ({"args": {"a": {"dict": {"k": [1]}, "length": 30}}}, {"a": {"k": [1]}}),
        ({"args": {"a": {"entries": {}}}}, {"a": {"entries": {}}}),
        (
            {"args": {"a": {"entries": {"k": {"bytes": "x"}}, "length": 30}}},
            {"a": {"entries": {"k": "x"}, "length": 30}},
        ),
        ({"args": {"a": {"items": [1, {"type": "T"}], "length": 30}}}, {"a": [1, "<T>", "… (30 in all)"]}),
        ({"args": {"a": [{"items": [], "length": 2}]}}, {"a": [["… (2 in all)"]]}),
    ],
)
def test_arguments_are_shown_by_parameter_in_their_order(recording, stored, shown):
    behaviour = call(recording, "other.mod:helper", [OTHER, PKG, APP], stored)

    assert behaviour.arguments == shown
    assert list(behaviour.arguments) == list(shown)


def test_an_audit_event_keeps_the_arguments_of_its_calls(recording):
    recording.audit("os.system", [{"bytes": "true"}], [PKG, APP])
    given = {"self": None, "args": [{"bytes": "true"}], "kwargs": {}}
    recording.add("call", "os.system", given, [PKG, APP])
    recording.add("call", "os.system", given, [PKG, APP])
    recording.add("call", "os.system", given | {"args": ["cut"]}, [PKG, APP], is_truncated=True)

    (behaviour,) = recording.join().behaviours

    assert behaviour.calls == ({"self": None, "args": ["true"], "kwargs": {}}, None)


def test_the_standard_library_shows_its_module(recording):
    behaviour = call(recording, "threading:Thread.run", [THREAD, PKG, APP])

    assert (behaviour.python_stack[0].file, behaviour.module) == (f"{LIBRARY}/threading.py", "threading")
