"""The trace: readable while written, valid after a crash, refused when it is something else."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pyxhon.errors import OutputError, TraceError
from pyxhon.trace.reader import open_trace
from pyxhon.trace.rows import AbilityRow, CallFlowRow, CallRow, CodeRow, EventRow, SourceRow
from pyxhon.trace.store import Store, clean, signed


def _event(number: int, process: int) -> EventRow:
    return EventRow(
        number, process, 7, "audit", "open", ["/x", "r", 0], None, None, None, 1, 0, 5, 5, "uprobe", is_truncated=False
    )


def _add_process(store: Store) -> int:
    return store.add_process(pid=7, parent_pid=1, origin="attach", started_ns=1, arguments=["a", "\udc80"])


def test_a_trace_is_read_while_it_is_written(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        process = _add_process(store)
        store.add_events([_event(store.next_event_id(), process)])
        store.commit(is_forced=True)

        with open_trace(tmp_path / "t.pyxhon") as reader:
            assert [event.name for event in reader.events()] == ["open"]
            assert reader.processes()[0].arguments == ["a", "\udc80"]


def test_a_trace_is_valid_up_to_the_last_commit_after_a_crash(tmp_path):
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from tests.unit.test_trace import _add_process, _event
from pyxhon.trace.store import Store
store = Store(Path({str(tmp_path)!r}) / "t.pyxhon")
process = _add_process(store)
store.add_events([_event(store.next_event_id(), process)])
store.commit(is_forced=True)
store.add_events([_event(store.next_event_id(), process)])
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert len(list(reader.events())) == 1


def test_the_file_says_what_it_is(tmp_path):
    with Store(tmp_path / "t.pyxhon"):
        pass

    database = sqlite3.connect(tmp_path / "t.pyxhon")
    names = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    assert database.execute("PRAGMA user_version").fetchone() == (4,)
    assert {
        "process",
        "thread",
        "event",
        "python_stack",
        "native_stack",
        "code",
        "dll",
        "loss",
        "call",
        "call_flow",
    } <= names
    assert {"function_info", "function_ran", "import_module", "bytecode_flow"} <= names
    database.close()


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + bytes(100)])
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "x.pyxhon"
    path.write_bytes(content)

    with pytest.raises(TraceError):
        open_trace(path)


def test_a_newer_trace_is_refused(tmp_path):
    with Store(tmp_path / "t.pyxhon"):
        pass
    database = sqlite3.connect(tmp_path / "t.pyxhon")
    database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(TraceError, match="99"):
        open_trace(tmp_path / "t.pyxhon")


def test_a_trace_is_never_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("keep")
    (tmp_path / "t.pyxhon").symlink_to(victim)

    with pytest.raises(OutputError, match="not a regular file"):
        Store(tmp_path / "t.pyxhon")

    assert victim.read_text() == "keep"


def test_an_unwritable_place_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match="cannot write the trace"):
        Store(tmp_path / "missing" / "t.pyxhon")


def test_text_of_a_target_is_made_storable():
    assert clean("a\udc80b") == "a\ufffdb"
    assert clean(None) is None
    assert len(clean("x" * 10_000_000) or "") <= 1 << 16


def test_unsigned_numbers_survive_as_signed_ones():
    assert signed(1) == 1
    assert signed((1 << 64) - 1) == -1


def _add_code(store: Store, process: int, name: str, line: int = 1) -> int:
    return store.add_code(
        process=process,
        address=line,
        file="/app/a.py",
        qualified_name=name,
        first_line=line,
        line_table=b"",
        line_table_bytes=0,
        bytecode=None,
    )


def test_functions_that_ran_are_read_as_they_were_stored(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        process = _add_process(store)
        main, inner = _add_code(store, process, "main"), _add_code(store, process, "inner", 9)
        seen = store.add_call(CallRow(None, process, 0, main, None))
        counted = store.add_call(CallRow(None, process, 7, inner, main, 1, 0, 5, 5))
        store.update_call_counts([(3, 2, 8, counted)])

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert list(reader.calls()) == [
            CallRow(seen, process, 0, main, None),
            CallRow(counted, process, 7, inner, main, 3, 2, 5, 8),
        ]
        assert reader.called_codes()[inner] == CodeRow(inner, process, "/app/a.py", "inner", 9)
        reader.check()


def test_the_flow_of_calls_is_in_order_of_time_per_thread(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        process = _add_process(store)
        main = _add_code(store, process, "main")
        store.add_call_flow([(process, 8, 5, "start", main, None, None), (process, 7, 6, "start", main, None, None)])
        store.add_call_flow([(process, 8, 4, "start", main, main, None), (process, 7, 9, "return", main, None, 3)])

    with open_trace(tmp_path / "t.pyxhon") as reader:
        rows = list(reader.call_flow())
        assert [(row.tid, row.time_ns) for row in rows] == [(7, 6), (7, 9), (8, 4), (8, 5)]
        assert rows[1] == CallFlowRow(4, process, 7, 9, "return", main, None, 3)


def test_what_a_source_defines_is_read_as_it_was_stored(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        store.add_source(0, "/app/a.py", [(1, "main")])
        store.add_source(0, "/app/b.py", "no such file")

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert reader.sources() == [
            SourceRow(0, "/app/a.py", [(1, "main")], None),
            SourceRow(0, "/app/b.py", None, "no such file"),
        ]


def test_what_a_file_could_do_is_read_as_it_was_stored(tmp_path):
    site = ["call", "os.system", "", 0, 3, 3, "f", 2, False]
    rows = [
        AbilityRow(0, "/site/a.py", "pkg", "1.0", "a", [[2, "f"]], [site], None),
        AbilityRow(0, "/site/b.py", "pkg", None, None, None, None, "no time left"),
    ]
    with Store(tmp_path / "t.pyxhon") as store:
        store.add_abilities(rows)

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert list(reader.abilities()) == rows


def test_json_of_abilities_that_is_none_is_damage(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        store.add_abilities([AbilityRow(0, "/site/a.py", "pkg", "1.0", "a", [], [], None)])
    with sqlite3.connect(tmp_path / "t.pyxhon") as database:
        database.execute("UPDATE ability SET sites = '['")
    database.close()

    with open_trace(tmp_path / "t.pyxhon") as reader, pytest.raises(TraceError, match="JSON"):
        list(reader.abilities())


def test_a_call_of_no_code_object_is_damage(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        store.add_call(CallRow(None, _add_process(store), 0, 12, None))

    with open_trace(tmp_path / "t.pyxhon") as reader, pytest.raises(TraceError, match="names another that is missing"):
        reader.check()


def test_a_trace_of_the_version_before_is_refused_clearly(tmp_path):
    with Store(tmp_path / "t.pyxhon"):
        pass
    with sqlite3.connect(tmp_path / "t.pyxhon") as database:
        database.execute("PRAGMA user_version = 3")

    with pytest.raises(TraceError, match="has trace version 3, this PyXhon reads 4"):
        open_trace(tmp_path / "t.pyxhon")


def test_numbers_that_a_target_made_up_do_not_end_the_recording(tmp_path):
    with Store(tmp_path / "t.pyxhon") as store:
        process = _add_process(store)
        file = store.add_native_object(
            root=1, path="/x", role="library", device="0:9", inode=(1 << 64) - 1, is_deleted=False
        )
        stack = store.add_native_stack(process=process, is_truncated=False, is_guessed=False, end_reason="bottom")

        store.add_native_frames(stack, [(file, None, offset, "cfi", False, 0) for offset in (-5, 1 << 63, 3 << 63)])

    with sqlite3.connect(tmp_path / "t.pyxhon") as database:
        assert database.execute("SELECT inode FROM native_object").fetchall() == [(-1,)]
        assert [offset for (offset,) in database.execute("SELECT offset FROM native_frame")] == [-5, *[-(1 << 63)] * 2]
