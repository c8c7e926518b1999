"""Importing is not using, and who imports what."""

import pytest

from tests.unit.join.recording import (
    APP,
    APP_MODULE,
    BOOT,
    CREATE,
    EXECUTE,
    HOOK,
    IMPORT,
    IMPORT_MODULE,
    LIBRARY,
    LOADER,
    OTHER,
    PKG,
    PKG_INIT,
    PKG_MODULE,
    READ,
    REQUEST_MODULE,
    RUN,
    SEARCH,
    SITE,
    STRING,
)

CODE = [{"code": "<module>"}]
DATA = [{"bytes": "\\xe3"}]


def edges_of(recording):
    return {(row.importer, row.module): row for row in recording.join().imports}


@pytest.mark.parametrize(
    "name, arguments, frames",
    [
        ("open", [f"{LIBRARY}/x.py", "rb", 0], READ),
        ("open", [f"{LIBRARY}/__pycache__/x.cpython-312.pyc", "rb", 0], READ),
        ("open", [f"{LIBRARY}/__pycache__/x.cpython-312.pyc.1400", None, 193], READ),
        ("open", [3, "wb", 0], READ),
        ("os.listdir", [LIBRARY], SEARCH),
        ("marshal.loads", DATA, READ),
        ("exec", CODE, RUN),
        ("compile", ["x = 1", "/x.py"], READ),
        ("os.mkdir", [f"{LIBRARY}/__pycache__", 511, -1], READ),
        ("os.rename", ["/a.pyc.1", "/a.pyc", -1, -1], READ),
        ("open", ["/srv/no suffix", "rb", 0], [("<frozen zipimport>", "_read_directory", 403), *SEARCH[1:]]),
    ],
)
def test_work_of_the_import_system_is_no_behaviour_of_the_importer(recording, name, arguments, frames):
    recording.audit(name, arguments, [*frames, *IMPORT, PKG, APP], is_truncated=name == "marshal.loads")

    joined = recording.join()

    assert [row.name for row in (*joined.behaviours, *joined.uncategorised) if row.kind == "audit"] == []


@pytest.mark.parametrize(
    "name, arguments, frames",
    [
        ("open", ["/etc/passwd", "rb", 0], READ),  # a loader made to read what is no module
        ("open", ["/x" * 500, "rb", 0], READ),
        ("socket.connect", [{"type": "socket"}, ["127.0.0.1", 80]], RUN),
        ("open", ["/data/table.py", "rb", 0], [READ[0], (f"{LIBRARY}/pkgutil.py", "get_data", 640)]),
        ("open", ["/data/table.py", "rb", 0], READ[:3]),  # loader.exec_module() called by hand: no import sees it
        ("exec", CODE, RUN[:2]),
    ],
)
def test_what_no_import_explains_is_a_behaviour(recording, name, arguments, frames):
    imports = IMPORT if frames in (READ, RUN) else []
    recording.audit(name, arguments, [*frames, *imports, PKG, APP], is_truncated="/x/x" in str(arguments))

    assert [behaviour.owner.name for behaviour in recording.join().behaviours] == ["Pkg"]


def test_exec_by_a_package_is_a_behaviour(recording):
    recording.audit("exec", CODE, [PKG, APP])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.category, behaviour.arguments) == ("builtins", {"code_object": "<code <module>>"})


def test_top_level_code_that_opens_a_file_is_a_behaviour(recording):
    recording.audit("open", [f"{SITE}/pkg/data.py", "r", 0], [PKG_MODULE, *RUN, *IMPORT, APP_MODULE])

    assert [behaviour.owner.name for behaviour in recording.join().behaviours] == ["Pkg"]


def test_file_opened_by_an_import_hook_is_the_hooks(recording):
    recording.audit("open", ["/srv/secret.py", "rb", 0], [HOOK, *RUN[2:], *IMPORT, APP])

    assert [behaviour.owner.name for behaviour in recording.join().behaviours] == ["hook"]


def test_hook_that_leaves_the_work_to_importlib_imports(recording):
    recording.audit("open", ["/srv/app/other.py", "rb", 0], [*READ[:3], HOOK, *RUN[2:], *IMPORT, APP])

    assert recording.join().behaviours == ()


def test_import_of_a_module_with_a_category_is_a_behaviour_at_its_line(recording):
    recording.statement("socket", [PKG, APP], count=3)

    (behaviour,) = recording.join().behaviours

    assert (behaviour.kind, behaviour.name, behaviour.category) == ("import", "import socket", "network")
    assert (behaviour.module, behaviour.count, behaviour.level) == ("socket", 3, "python")
    assert (behaviour.owner.name, behaviour.location.line) == ("Pkg", 20)


@pytest.mark.parametrize("are_merged", [False, True])
def test_what_was_cut_of_an_import_is_its_lists_unless_acts_were_merged(recording, are_merged):
    recording.audit("import", ["socket", None, ["/usr/lib"], [], []], [PKG, APP], is_truncated=True)
    recording.statement("ssl", [PKG, APP], fromlist=["a"] * 6, is_truncated=True)
    recording.audit("import", ["ctypes." + "x" * 250, None, [], [], []], [PKG, APP], is_truncated=True)
    recording.audit("import", ["_x", "/x/" + "y" * 250 + ".so", [], [], []], [PKG, APP], is_truncated=True)
    if are_merged:
        recording.store.set_losses({(None, "audit", "arguments_merged"): 1})

    cut = {row.module[:6]: row.is_truncated for row in recording.join().behaviours}

    assert cut == {"socket": are_merged, "ssl": are_merged, "ctypes": True, "_x": True}


def test_import_without_a_category_is_kept_apart(recording):
    recording.statement("json", [PKG, APP])

    joined = recording.join()

    assert joined.behaviours == ()
    assert [behaviour.module for behaviour in joined.uncategorised] == ["json"]


def test_statement_and_fresh_load_are_one_edge(recording):
    recording.audit("import", ["socket", None, ["/usr/lib"], [], []], [PKG, APP])
    recording.statement("socket", [PKG, APP], count=5)

    joined = recording.join()

    assert [(row.module, row.count) for row in joined.imports] == [("socket", 5)]
    assert [behaviour.signals for behaviour in joined.behaviours] == [("audit", "import")]


def test_failed_import_is_counted_as_failed(recording):
    recording.statement("missing", [PKG, APP], count=2)
    recording.audit("import", ["missing", None, [], [], []], [PKG, APP], count=2, failed=2)

    edge = edges_of(recording)["Pkg", "missing"]

    assert (edge.count, edge.failed, edge.package) == (2, 2, None)


def test_import_by_the_standard_library_is_transitive(recording):
    recording.statement("socket", [REQUEST_MODULE, *RUN, *IMPORT, PKG, APP])

    joined = recording.join()

    assert [(row.importer, row.module, row.is_transitive) for row in joined.imports] == [("Pkg", "socket", True)]
    assert joined.behaviours == ()


def test_import_by_exec_is_direct(recording):
    recording.statement("ftplib", [STRING, PKG, APP])

    (behaviour,) = recording.join().behaviours

    assert (behaviour.owner.name, behaviour.location.line) == ("Pkg", 20)


def test_import_in_a_modules_body_is_the_modules(recording):
    recording.statement("smtplib", [PKG_INIT, *RUN, *IMPORT, APP_MODULE])

    assert ("Pkg", "smtplib") in edges_of(recording)


@pytest.mark.parametrize(
    "importer, name, level, module",
    [
        (PKG, "sub", 1, "pkg.sub"),
        (PKG, "", 1, "pkg"),
        (PKG_INIT, "sub", 1, "pkg.sub"),
        (OTHER, "x.y", 1, "other.x.y"),
        (OTHER, "x", 3, "...x"),
        ((f"{SITE}/zope/event/__init__.py", "<module>", 1), "interface", 2, "zope.interface"),
    ],
)
def test_relative_import_is_resolved_by_the_importers_module(recording, importer, name, level, module):
    recording.statement(name, [importer, APP], level=level)

    assert [row.module for row in recording.join().imports] == [module]


def test_names_of_a_from_list_are_edges_where_they_are_modules(recording):
    recording.statement("urllib", [PKG, APP], fromlist=["request", "quote"], count=4)

    edges = edges_of(recording)

    assert set(edges) == {("Pkg", "urllib"), ("Pkg", "urllib.request")}
    assert edges["Pkg", "urllib.request"].count == 4


def test_submodule_loaded_for_a_from_list_is_the_importers(recording):
    passing = [(BOOT, "_call_with_frames_removed", 488), (BOOT, "_handle_fromlist", 1415)]
    recording.statement("other", [PKG, APP], fromlist=["mod"])
    recording.statement("other.mod", [*passing, PKG, APP], level=0)
    recording.audit("import", ["other.mod", None, [], [], []], [*passing, PKG, APP])

    edges = edges_of(recording)

    assert (edges["Pkg", "other.mod"].count, edges["Pkg", "other.mod"].is_transitive) == (1, False)


def test_parent_is_imported_by_the_importer_of_the_child(recording):
    passing = [(BOOT, "_call_with_frames_removed", 488), *IMPORT]
    recording.statement("xml.sax", [PKG, APP])
    recording.statement("xml", [*passing, PKG, APP])

    assert {key: row.is_transitive for key, row in edges_of(recording).items()} == {
        ("Pkg", "xml.sax"): False,
        ("Pkg", "xml"): False,
    }


def test_what_the_import_system_needs_for_itself_is_transitive(recording):
    recording.statement("_io", [*READ, *IMPORT, PKG, APP], by_c=True)

    assert [row.is_transitive for row in recording.join().imports] == [True]


def test_private_module_that_the_interpreters_c_code_needs_is_transitive(recording):
    recording.statement("_strptime", [PKG, APP], by_c=True)
    recording.statement("socket", [PKG, APP], by_c=True)

    assert {row.module: row.is_transitive for row in recording.join().imports} == {"_strptime": True, "socket": False}


def test_import_module_is_an_edge_of_its_caller(recording):
    frames = [*READ, *IMPORT, *IMPORT_MODULE, PKG, APP]
    recording.audit("open", [f"{SITE}/other/__pycache__/late.cpython-312.pyc", "rb", 0], frames)
    recording.audit("open", [f"{SITE}/other/late.py", "rb", 0], frames)

    edge = edges_of(recording)["Pkg", "other.late"]

    assert (edge.count, edge.is_transitive, edge.package, edge.location.line) == (1, False, None, 20)


def test_extension_module_outside_the_standard_library_is_a_dll(recording):
    path = f"{SITE}/pkg/_fast.so"
    recording.statement("pkg._fast", [PKG_INIT, APP], count=2)
    recording.audit("import", ["pkg._fast", None, [], [], []], [PKG_INIT, APP])
    recording.audit("import", ["pkg._fast", path, None, None, None], [*CREATE, *IMPORT, PKG_INIT, APP])
    load = recording.load(path, [*CREATE, *IMPORT, PKG_INIT, APP])

    joined = recording.join()
    (behaviour,) = joined.behaviours

    assert (behaviour.category, behaviour.name, behaviour.count) == ("dll", "import pkg._fast", 2)
    assert behaviour.arguments == {"filename": path}
    assert behaviour.signals == ("audit", "dll-load", "import")
    assert [(row.event, row.owner.name) for row in joined.loads if row.event == load] == [(load, "Pkg")]


def test_extension_module_of_the_standard_library_has_its_modules_category(recording):
    path = f"{LIBRARY}/lib-dynload/_json.so"
    recording.audit("import", ["_json", path, None, None, None], [*CREATE, *IMPORT, PKG, APP])

    assert recording.join().behaviours == ()


def test_extension_module_known_from_the_snapshot_is_a_dll(recording):
    recording.store.add_modules(recording.process, [("pkg._fast", f"{SITE}/pkg/_fast.so", True)])
    recording.statement("pkg._fast", [APP])

    assert [behaviour.category for behaviour in recording.join().behaviours] == ["dll"]


@pytest.mark.parametrize("phase", [CREATE, EXECUTE])
def test_initialisation_of_an_extension_module_acts_for_its_owner(recording, phase):
    outer = [*IMPORT, APP]
    recording.audit("import", ["lone", f"{SITE}/lone.so", None, None, None], [*CREATE, *outer])
    recording.audit("socket.connect", [{"type": "socket"}, ["127.0.0.1", 1]], [*phase, *outer])
    recording.audit("exec", CODE, [*phase, *outer])
    recording.statement("smtplib", [*phase, *outer], by_c=True)
    recording.audit("os.listdir", ["/etc"], [STRING, *phase, *outer])
    recording.load("/tmp/more.so", [*phase, *outer])

    found = {behaviour.name: behaviour.owner.name for behaviour in recording.join().behaviours}

    assert found.pop("import lone") == "application"
    assert set(found) == {"socket.connect", "exec", "import smtplib", "os.listdir", "dlopen"}
    assert set(found.values()) == {"lone.so"}


def test_extension_module_of_the_importing_package_acts_at_the_importing_line(recording):
    outer = [*IMPORT, PKG_INIT, APP]
    recording.audit("import", ["pkg._fast", f"{SITE}/pkg/_fast.so", None, None, None], [*CREATE, *outer])
    recording.statement("smtplib", [*CREATE, *outer], by_c=True)

    found = {behaviour.name: behaviour for behaviour in recording.join().behaviours}

    assert found["import smtplib"].owner.name == "Pkg"
    assert found["import smtplib"].location.file == f"{SITE}/pkg/__init__.py"


def test_unqualified_names_of_old_versions_keep_a_modules_exec_an_import(recording):
    run = [(BOOT, "_call_with_frames_removed", 219), (LOADER, "exec_module", 843), (BOOT, "_load_unlocked", 686)]
    recording.audit("exec", CODE, [*run, *IMPORT, PKG, APP])

    assert recording.join().behaviours == ()
