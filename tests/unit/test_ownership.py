"""What is written of DLLs when a recording ends: hash, dossier, and how they compare with RECORD."""

import base64
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from pyxhon.dossier.budget import Allowance
from pyxhon.ownership import Ownership
from pyxhon.trace.reader import open_trace
from pyxhon.trace.rows import CallRow
from pyxhon.trace.store import Store
from tests.unit.dossier.builds import SIX, build


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def recorded(tmp_path):
    """Give a DLL of a distribution that recorded its hash."""
    site = tmp_path / "site-packages"
    (site / "evil-1.5.dist-info").mkdir(parents=True)
    shutil.copy(build(tmp_path, "six", SIX), site / "six.so")
    digest = base64.urlsafe_b64encode(hashlib.sha256((site / "six.so").read_bytes()).digest()).rstrip(b"=").decode()
    (site / "evil-1.5.dist-info" / "RECORD").write_text(f"six.so,sha256={digest},1\n")
    (site / "evil-1.5.dist-info" / "METADATA").write_text("Name: evil\nVersion: 1.5\n")
    return site / "six.so"


class Session:
    """A recording of our own process that sees nothing but DLLs."""

    def __init__(self, path):
        self.path = path
        self.store = Store(path)
        self.ownership = Ownership(self.store)
        self.root = self.ownership.root_of(os.getpid())
        self.process = self.store.add_process(
            pid=1, parent_pid=0, origin="attach", arguments=[], started_ns=1, root=self.root, coverage={},
            working_directory=str(path.parent),
        )  # fmt: skip

    def code(self, file, name):
        return self.store.add_code(
            process=self.process, address=1, file=file, qualified_name=name, first_line=1, line_table_bytes=0
        )

    def call(self, file, name, caller=None):
        self.store.add_call(CallRow(None, self.process, 0, self.code(file, name), caller))

    def see(self, *paths):
        for path in map(str, paths):
            self.store.add_dll(self.process, path)
            self.ownership.see_dll(self.root, path)

    def finish(self):
        """Give the rows of the DLLs and of whose they are, by file name."""
        self.ownership.finish()
        self.ownership.close()
        with self.store:
            pass
        with open_trace(self.path) as reader:
            reader.check()
            dlls = {Path(row.path).name: row for row in reader.dlls()}
            return dlls, {Path(path).name: row for (_, path), row in reader.files().items()}


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path / "trace.pyxhon")


def test_sources_of_functions_that_ran_tell_what_they_define(session, tmp_path, recorded):
    (tmp_path / "app.py").write_text("def ran(): pass\ndef idle(): pass\n")
    (recorded.parent / "six.py").write_text("def broken(:\n")
    session.call("app.py", "ran", caller=session.code(str(recorded.parent / "none.py"), "caller"))
    session.call(str(recorded.parent / "six.py"), "broken")
    session.call(os.__file__, "getenv")
    session.call("<string>", "made")

    _, files = session.finish()

    with open_trace(session.path) as reader:
        found = {row.path: row.functions or row.reason for row in reader.sources()}
    assert found == {
        "app.py": [(1, "ran"), (2, "idle")],
        str(recorded.parent / "six.py"): "its source cannot be parsed: SyntaxError",
    }
    assert files["app.py"].origin == "application"
    assert "none.py" in files


def test_where_no_function_was_seen_no_parser_is_started(session, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)

    assert session.finish() == ({}, {})


def test_a_dll_gets_hash_build_id_and_dossier(session, recorded):
    session.see(recorded)

    dlls, _ = session.finish()

    row = dlls["six.so"]
    assert row.sha256 == hashlib.sha256(recorded.read_bytes()).hexdigest()
    assert len(row.build_id) == 40
    assert (row.dossier["raw_syscalls"], row.dossier["record"]) == (6, "as recorded")


def test_a_dll_that_was_changed_before_says_so(session, recorded):
    with recorded.open("ab") as file:
        file.write(b"x")
    session.see(recorded)

    dlls, files = session.finish()

    assert dlls["six.so"].dossier["record"] == "changed since installation"
    assert (files["six.so"].package, files["six.so"].detail) == ("evil", {"record": "changed since installation"})


def test_a_dll_that_was_changed_and_restored_while_recording_says_so(session, recorded):
    honest = recorded.read_bytes()
    recorded.write_bytes(honest + b"x")
    session.see(recorded)
    session.ownership.work()
    recorded.write_bytes(honest)

    dlls, files = session.finish()

    assert dlls["six.so"].dossier["record"] == "changed since installation"
    assert files["six.so"].detail == {"record": "changed since installation"}


def test_a_large_dll_is_held_against_its_record(session, recorded):
    with recorded.open("r+b") as file:
        file.truncate(40 << 20)
    session.see(recorded)
    session.ownership.work()

    dlls, files = session.finish()

    assert dlls["six.so"].dossier["record"] == "changed since installation"
    assert files["six.so"].detail == {"record": "changed since installation"}


def test_a_dll_that_nobody_recorded_says_so(session, recorded):
    sneaked = recorded.parent / "evil" / "sneaked.so"
    sneaked.parent.mkdir()
    shutil.copy(recorded, sneaked)
    with (recorded.parent / "evil-1.5.dist-info" / "RECORD").open("a") as file:
        file.write("evil/__init__.py,,\n")
    session.see(sneaked)

    dlls, files = session.finish()

    assert dlls["sneaked.so"].dossier["record"] == "not in RECORD"
    assert files["sneaked.so"].origin == "dll"


def test_what_is_no_elf_file_or_gone_or_cut_ends_nothing(session, recorded, tmp_path):
    script, pipe, cut = tmp_path / "script.so", tmp_path / "pipe.so", tmp_path / "cut.so"
    script.write_text("#!/bin/sh\n")
    os.mkfifo(pipe)
    cut.write_bytes(recorded.read_bytes()[:2000])
    session.see(script, pipe, cut, tmp_path / "absent.so", "relative.so", recorded)

    dlls, _ = session.finish()

    assert dlls["script.so"].sha256 == hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    assert [dlls[name].dossier for name in ("script.so", "pipe.so", "absent.so", "relative.so")] == [None] * 4
    assert dlls["cut.so"].dossier["partial"][0].startswith("not looked at: truncated")
    assert dlls["six.so"].dossier["raw_syscalls"] == 6


def test_when_the_time_of_all_is_up_each_other_dll_says_so(session, recorded):
    session.ownership._allowance = Allowance(seconds=0.0)
    session.see(recorded)

    dlls, _ = session.finish()

    assert dlls["six.so"].dossier["partial"] == ["not looked at: the time for all files was up"]
    assert dlls["six.so"].dossier["record"] == "as recorded"
    assert dlls["six.so"].sha256 is not None


def test_a_module_is_named_at_once_and_by_the_entries_of_sys_path_known_so_far(tmp_path):
    session = Session(tmp_path / "t.pyxhon")
    file = str(tmp_path / "src" / "ns" / "mod.py")

    before = session.ownership.module_names(session.root, file, None)
    session.ownership.add_search_paths(session.root, [str(tmp_path / "src"), "relative"])
    after = session.ownership.module_names(session.root, file, None)
    session.ownership.close()

    assert (before, after) == (("mod",), ("ns.mod",))


def test_a_qualified_name_is_found_in_the_source(tmp_path):
    session = Session(tmp_path / "t.pyxhon")
    (tmp_path / "mod.py").write_text("class Session:\n    def send(self): pass\n")
    find = session.ownership.qualified_name

    found = [
        find(session.root, str(tmp_path / "mod.py"), place) for place in ((2, "send"), (1, "send"), (2, "<lambda>"))
    ]
    missing = [find(session.root, path, (2, "send")) for path in ("<string>", "mod.py", str(tmp_path / "none.py"))]
    session.ownership.close()

    assert found == ["Session.send", None, None]
    assert missing == [None, None, None]
