"""Trace files and reports: damaged ones are refused, those that cannot be written are told, nothing else is harmed."""

import os
import random
import shutil
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pyxhon.errors import PyxhonError
from pyxhon.reporting import report_file
from pyxhon.session_options import TraceOptions
from tests.kernel.commands import pyxhon, refusal, with_mounts
from tests.targets import PROGRAMS

pytestmark = pytest.mark.usefixtures("needs_bpf")

NOT_A_TRACE = "is not a PyXhon trace; give the .pyxhon file that `pyxhon record -o` wrote"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A trace of a small real run."""
    trace = tmp_path_factory.mktemp("whole") / "t.pyxhon"
    done = pyxhon("record", "-q", "-o", trace, "--", sys.executable, "-c", "import json, ctypes; open('/etc/hostname')")
    assert done.returncode == 0, done.stderr
    return trace


@pytest.fixture
def trace(whole, tmp_path):
    """A copy of it to damage."""
    return Path(shutil.copy(whole, tmp_path))


def test_a_finished_trace_is_one_file(whole):
    assert [path.name for path in whole.parent.iterdir()] == [whole.name]


def test_a_trace_can_be_reported_where_nothing_can_be_written(whole):
    folder = whole.parent
    before = with_mounts(f"mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}")

    done = pyxhon("report", whole, before=before)

    assert done.returncode == 0, done.stderr
    assert b"open path=/etc/hostname" in done.stdout


@pytest.mark.parametrize("content", [b"", b"hello\n", b"SQLite format 3\0", "sqlite"], ids=repr)
def test_a_foreign_file_is_refused(content, tmp_path):
    path = tmp_path / "foreign.db"
    if content == "sqlite":
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE event (id INTEGER)")
    else:
        path.write_bytes(content)

    said = refusal(pyxhon("report", path))

    assert said.startswith(f"{path} is ")
    assert said.endswith((NOT_A_TRACE, "; record it again"))


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")

    assert refusal(pyxhon("report", tmp_path / "fifo")) == f"{tmp_path / 'fifo'} {NOT_A_TRACE}"
    assert refusal(pyxhon("report", tmp_path)) == f"{tmp_path} {NOT_A_TRACE}"
    assert refusal(pyxhon("report", tmp_path / "none")) == f"cannot read {tmp_path / 'none'}: No such file or directory"


@pytest.mark.parametrize("kept", [100, 4096, 5000, "half", "all but a byte"])
def test_a_trace_cut_short_is_refused(kept, trace):
    size = trace.stat().st_size
    os.truncate(trace, {"half": size // 2, "all but a byte": size - 1}.get(kept, kept))

    assert refusal(pyxhon("report", trace)).startswith(f"{trace} is damaged: ")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("PRAGMA user_version = 99", "has trace version 99, this PyXhon reads 4; use the PyXhon that wrote it"),
        ("PRAGMA application_id = 1", NOT_A_TRACE),
        ("DROP TABLE event", "is damaged: table event is not as PyXhon makes it"),
        ("ALTER TABLE process RENAME COLUMN coverage TO x", "is damaged: table process is not as PyXhon makes it"),
        ("UPDATE event SET python_stack = 'x'", "is damaged: table event holds what it cannot"),
        ("UPDATE event SET arguments = '{['", "is damaged: a JSON column holds something else"),
        (f"UPDATE event SET arguments = '{'[' * 100000}'", "is damaged: a JSON column holds something else"),
        ("DELETE FROM process", "is damaged: a row names another that is missing"),
        ("DELETE FROM meta", "the trace does not say when and where it was taken ('host')"),
        ("UPDATE code SET file = CAST(x'ff' AS TEXT)", "is damaged: "),
    ],
    ids=lambda text: text[:30],
)
def test_a_trace_that_says_what_no_trace_says_is_refused(change, what, trace):
    with closing(sqlite3.connect(trace)) as database:
        database.execute(change)
        database.commit()

    assert what in refusal(pyxhon("report", trace))


@pytest.mark.parametrize("seed", range(60))
def test_a_trace_with_flipped_bytes_is_reported_or_refused(seed, trace):
    chance = random.Random(seed)
    content = bytearray(trace.read_bytes())
    for _ in range(chance.choice((1, 3, 20, 200))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    trace.write_bytes(content)
    report = trace.with_name("report")

    try:
        report_file(trace, TraceOptions(report_path=report, report_format=chance.choice(("text", "json"))))
    except PyxhonError:
        assert not report.exists()
    else:
        assert report.stat().st_size


@pytest.mark.parametrize("option", ["-o", "--report"])
@pytest.mark.parametrize("name", ["none/x", "", "file/x"], ids=["no folder", "a folder", "no folder but a file"])
def test_an_output_that_cannot_be_written_is_told_before_the_command_is_run(option, name, tmp_path):
    (tmp_path / "file").touch()

    said = refusal(pyxhon("run", option, tmp_path / name, "--", "touch", tmp_path / "made"))

    assert said.startswith(f"cannot write {option} {tmp_path / name}: ")
    assert "; name " in said
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("option", ["-o", "--report"])
def test_an_output_on_a_read_only_disk_is_told(option, tmp_path):
    before = with_mounts(f"mount -t tmpfs -o ro none {tmp_path}")

    said = refusal(pyxhon("run", option, tmp_path / "x", "--", "true", before=before))

    assert said == f"cannot write {option} {tmp_path / 'x'}: Read-only file system; name another file"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("elsewhere"), lambda path: device(path)])
def test_a_trace_never_takes_the_place_of_what_is_no_file(make, tmp_path):
    path = tmp_path / "precious"
    make(path)
    before = path.lstat()

    said = refusal(pyxhon("record", "-o", path, "--", "touch", tmp_path / "made"))

    assert said == f"cannot write the trace {path}: it is not a regular file; choose another place with -o"
    after = path.lstat()
    assert (after.st_mode, after.st_ino, after.st_mtime_ns) == (before.st_mode, before.st_ino, before.st_mtime_ns)
    assert not (tmp_path / "made").exists()


def device(path):
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))  # as /dev/null


@pytest.mark.parametrize("option", ["-o", "--report"])
def test_a_full_disk_is_told(option, tmp_path):
    before = with_mounts(f"mount -t tmpfs -o size=64k none {tmp_path}; cat /dev/zero > {tmp_path}/full 2>&- || true")

    said = refusal(pyxhon("run", "-q", option, tmp_path / "x", "--", "true", before=before))

    assert str(tmp_path / "x") in said
    assert "No space left on device; " in said or "database or disk is full; " in said


def test_a_disk_that_fills_up_while_tracing_is_told_and_what_was_written_stays_readable(tmp_path):
    disk, trace = tmp_path / "disk", tmp_path / "t.pyxhon"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=2m none {disk}; status=0; "$@" || status=$?; cp {disk}/* {tmp_path}; exit $status'
    command = [sys.executable, PROGRAMS / "fills_the_disk.py"]

    said = refusal(pyxhon("record", "-q", "-o", disk / trace.name, "--", *command, before=with_mounts(script)))

    assert said == f"cannot write the trace {disk / trace.name}: database or disk is full; choose another place with -o"
    report = pyxhon("report", trace)
    assert report.returncode == 4, report.stderr


@pytest.mark.parametrize("how", [">&-", "> /dev/full"])
def test_a_standard_output_that_takes_nothing_is_told(how, whole):
    done = pyxhon("report", whole, before=("sh", "-c", f'"$@" {how}', "sh"))

    assert refusal(done).startswith("cannot write the report to standard output: ")


def test_a_run_without_standard_streams_is_traced(tmp_path):
    report = tmp_path / "report"
    command = [sys.executable, "-c", "open('/nonexistent/streamless')"]

    done = pyxhon("run", "--report", report, "--", *command, before=("sh", "-c", '"$@" <&- >&- 2>&-', "sh"))

    assert done.returncode == 0
    assert b"open path=/nonexistent/streamless" in report.read_bytes()
