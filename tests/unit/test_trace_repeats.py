"""Events stored one by one are counted as those that the kernel counted."""

import json

from pyxhon.cli import run_command_line
from pyxhon.trace.reader import open_trace
from tests.unit.report.recording import APP, HTTP, SOCKET, Recording

FETCH = ((SOCKET, "create_connection", 833), (HTTP, "get", 59), (APP, "main", 12))
PEER = [{"type": "socket.socket"}, ["127.0.0.1", 80]]


def record(path, *, is_counted):
    recording = Recording(path)
    stack, other = recording.stack(*FETCH), recording.stack((APP, "main", 20))
    for times in (3, 2):
        for _ in range(1 if is_counted else times):
            if not is_counted or times == 3:
                recording.add(
                    "socket.connect",
                    PEER,
                    stack,
                    count=5 if is_counted else 1,
                    failed=5 if is_counted else 1,
                    first_ns=1000,
                )
        if not is_counted or times == 3:
            recording.add("open", ["/etc/hosts", "r", 0], stack, first_ns=1001, count=2 if is_counted else 1)
    recording.add("open", ["/etc/hosts", "r", 0], other, first_ns=1002)
    recording.add("open", ["/etc/hosts", "r", 0], other, first_ns=1003, process=recording.worker)
    recording.add("open", ["/etc/hosts", "w", 0], other, first_ns=1004)
    recording.close()
    return path


def report_of(path, capsys):
    run_command_line(["report", str(path), "--format", "json", "--policy", "builtin:strict"])
    return json.loads(capsys.readouterr().out)


def test_repeats_are_one_act_with_its_first_number_and_all_times(tmp_path):
    with open_trace(record(tmp_path / "t.pyxhon", is_counted=False)) as reader:
        acts = reader.acts()
        stored = list(reader.events())

    assert len(stored) == 10
    assert [(act.id, act.name, act.count, act.failed) for act in acts] == [
        (1, "socket.connect", 5, 5),
        (4, "open", 2, 0),
        (8, "open", 1, 0),
        (9, "open", 1, 0),
        (10, "open", 1, 0),
    ]


def test_the_report_is_that_of_the_trace_with_counts(tmp_path, capsys):
    reports = [report_of(record(tmp_path / f"{way}.pyxhon", is_counted=way), capsys) for way in (False, True)]

    assert reports[0] == reports[1]
    assert max(row["count"] for row in reports[0]["behaviours"]) == 5


def test_what_is_written_meanwhile_is_read_again(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    recording.add("open", ["/a", "r", 0], None)
    recording.store.commit(is_forced=True)
    with open_trace(tmp_path / "t.pyxhon") as reader:
        before = len(reader.acts())
        recording.add("open", ["/b", "r", 0], None)
        recording.store.commit(is_forced=True)
        after = len(reader.acts())
    recording.close()

    assert (before, after) == (1, 2)


def test_acts_that_make_something_are_told_apart(tmp_path):
    recording = Recording(tmp_path / "t.pyxhon")
    numbers = [recording.add("mmap", {"prot": 4}, None, kind="memory") for _ in range(2)]
    recording.close()

    with open_trace(tmp_path / "t.pyxhon") as reader:
        assert [act.id for act in reader.acts()] == numbers
