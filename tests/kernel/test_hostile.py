"""Targets that lie, flood and tamper: everything stays bounded, escaped and counted, and PyXhon ends as it should."""

import dataclasses
import json
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from pyxhon.cpython.layout import load_layout
from pyxhon.trace.reader import open_trace
from tests.interpreters import Interpreter, every_python
from tests.kernel.commands import eventually, has_event, pyxhon, says, started
from tests.targets import PROGRAMS, running

pytestmark = pytest.mark.usefixtures("needs_bpf")

PYTHON = Interpreter(sys.executable, sys.version_info[:3])
ALLOW_ALL = 'version: 1\nextends: [builtin:categories]\npackages: {"*": {allow: [file, network, dll, os, builtins]}}\n'
MOST_BYTES = 8 << 20  # of a trace or report: a single one of the texts given to the target is 4 MiB
LONGEST_TEXT = 1 << 16
MOST_BYTES_OF_ARGUMENTS = 8 << 10  # of one event, all in all
SAFE_TEXTS = [
    "\x1b[31mred\x1b[0m",
    "two\nlines\r\tand\x0b\x0cmore",
    "separators \u2028\u2029\x85",
    "astral \U0001f40d \U0010ffff",
]


def record(trace, python, program, *arguments, options=()):
    """Record one of tests/programs; gives what it printed."""
    command = python.command(PROGRAMS / program, *arguments)
    done = pyxhon("record", "-q", "-o", trace, *options, "--", *command)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def opened(trace):
    """Give how often each path was opened, as far as the trace tells."""
    paths = {}
    with open_trace(trace) as reader:
        for row in reader.events():
            if row.kind == "audit" and row.name == "open" and isinstance(row.arguments[0], str):
                paths[row.arguments[0]] = paths.get(row.arguments[0], 0) + row.count
    return paths


def losses_of(trace):
    """Give what was lost of acts; code is copied where there is room for it."""
    with open_trace(trace) as reader:
        for row in reader.counters():
            assert row.seen == row.stored + row.repeated + row.lost, row
        totals = Counter()
        for row in reader.losses():
            totals[row.reason] += row.count if row.signal != "code" else 0
        return +totals


def check_shown(trace, most_bytes=MOST_BYTES):
    """Check that all that can be shown of a trace is bounded and cannot harm who looks at it; gives the statuses."""
    text, data = pyxhon("report", trace), pyxhon("report", trace, "--format", "json")
    assert (text.stderr, data.stderr) == (b"", b"")
    shown = text.stdout.decode("utf-8", "strict")
    harmful = {c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}}
    assert not harmful
    assert max(map(len, shown.split("\n"))) <= 100
    json.loads(data.stdout.decode("utf-8", "strict"))
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data.stdout)
    assert max(len(text.stdout), len(data.stdout), trace.stat().st_size) < most_bytes
    return text.returncode, data.returncode


@every_python(min=(3, 11))
def test_hostile_strings_are_bounded_and_escaped(python, tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, python, "hostile_strings.py", "\x1b[31margument", b"\xff\xfe")

    assert check_shown(trace) == (0, 0)
    assert set(losses_of(trace)) <= {"python_stack_truncated", "native_stack_truncated"}
    assert {f"/nonexistent/{text}" for text in SAFE_TEXTS} <= set(opened(trace))
    with open_trace(trace) as reader:
        rows = list(reader.events())
    long = [
        row for row in rows if (row.kind, row.name) == ("audit", "open") and "/nonexistent/xxx" in str(row.arguments[0])
    ]
    assert [row.is_truncated for row in long] == [True]
    assert max(len(json.dumps(row.arguments)) for row in rows) < LONGEST_TEXT


def test_a_process_full_of_hostile_names_can_be_attached_to(tmp_path):
    trace = tmp_path / "t.pyxhon"
    with (
        running(PYTHON, "hostile_strings.py", "attach", "\x1b[31m", "\u202e") as target,
        started("record", "-q", "-o", trace, target.pid) as tracer,
    ):
        eventually(lambda: says(trace, lambda reader: reader.modules()), tracer)
        target.finish()

    assert tracer.returncode == 0
    assert set(check_shown(trace)) <= {0, 4}  # what is no module, and what is too much, is said to be unreadable
    with open_trace(trace) as reader:
        modules = reader.modules()
        [process] = reader.processes()
    assert "\x1b[31mred\x1b[0m" in {row.name for row in modules}
    assert max(len(row.name) for row in modules) <= LONGEST_TEXT
    assert process.arguments[-2:] == ["\x1b[31m", "\u202e"]


@every_python(min=(3, 8))
def test_code_objects_that_lie_hide_nothing(python, tmp_path):
    trace = tmp_path / "t.pyxhon"

    said = record(trace, python, "hostile_code.py")

    assert set(said.split()) <= set(opened(trace))
    assert set(losses_of(trace)) <= {"python_stack_truncated", "native_stack_truncated", "line_unknown"}
    assert check_shown(trace) == (0, 0)


def layout_of(python):
    layout = load_layout(".".join(map(str, python.version)), is_free_threaded=False)
    return json.dumps(dataclasses.asdict(layout))


@every_python(min=(3, 8))
def test_a_target_that_tampers_with_its_interpreter_hides_no_event(python, tmp_path):
    trace = tmp_path / "t.pyxhon"

    said = record(trace, python, "hostile_memory.py", layout_of(python), "events")

    count = int(said.split()[-1])
    with open_trace(trace) as reader:
        seen = {row.name for row in reader.events()}
        raced = sum(row.count for row in reader.events() if row.name == "race")
    assert count > 100
    assert {f"hostile.{number}" for number in range(count)} <= seen
    assert raced == 3000
    assert "unaccounted" not in losses_of(trace)
    most_bytes = MOST_BYTES + raced * MOST_BYTES_OF_ARGUMENTS  # what is scribbled over can be another each time
    assert check_shown(trace, most_bytes) == (4, 4)  # it says itself that there was something unreadable


@every_python(min=(3, 12))
def test_a_target_that_tampered_with_its_interpreter_can_be_attached_to(python, tmp_path):
    trace = tmp_path / "t.pyxhon"
    with running(python, "hostile_memory.py", layout_of(python), "snapshot") as target:
        count = int(target.hear())

        done = pyxhon("record", "-q", "-o", trace, "--duration", "0.1", target.pid)

        target.finish()
    assert (done.returncode, done.stderr) == (0, b"")
    with open_trace(trace) as reader:
        assert len(reader.processes()) == count + 1
    assert losses_of(trace)["unreadable"] > 0
    assert check_shown(trace) == (4, 4)


def test_ever_other_arguments_from_one_line_are_merged_counted_and_no_clean_bill(tmp_path):
    trace, policy = tmp_path / "t.pyxhon", tmp_path / "policy.yaml"
    policy.write_text(ALLOW_ALL)

    record(trace, PYTHON, "floods.py", "arguments", 10000)

    paths = opened(trace)
    assert sum(count for path, count in paths.items() if path.startswith("/nonexistent/")) == 10000
    assert len(paths) < 3000
    assert losses_of(trace)["arguments_merged"] > 7000
    assert pyxhon("report", trace, "--policy", policy).returncode == 4
    policy.write_text(ALLOW_ALL.replace("]}}", "], files: {read: ['/**']}}}"))
    assert pyxhon("report", trace, "--policy", policy).returncode == 3  # of a merged path nobody knows whether it may
    check_shown(trace)


def test_ever_other_places_are_all_recorded(tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, "floods.py", "places", 2000)

    assert opened(trace)["/nonexistent/place"] == 2000
    assert not losses_of(trace)
    assert check_shown(trace) == (0, 0)


def test_each_of_many_short_lived_children_is_recorded_with_its_exit_code(tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, "floods.py", "forks", 500)

    assert {f"/nonexistent/{number}": 1 for number in range(500)}.items() <= opened(trace).items()
    assert not losses_of(trace)
    with open_trace(trace) as reader:
        children = [row for row in reader.processes() if row.origin == "fork"]
    assert sorted(row.exit_code for row in children) == sorted(number % 256 for number in range(500))


def test_a_storm_of_execs_is_recorded_whole(tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, "floods.py", "execs", 25)

    assert {f"/nonexistent/{number}": 1 for number in range(26)}.items() <= opened(trace).items()
    assert not losses_of(trace)
    with open_trace(trace) as reader:
        assert len(reader.processes()) == 26


def test_a_ring_buffer_too_small_is_no_clean_bill(tmp_path):
    trace = tmp_path / "t.pyxhon"

    record(trace, PYTHON, "floods.py", "places", 3000, options=("--buffer", "4K"))

    assert losses_of(trace)["ring_full"] > 0
    assert check_shown(trace) == (4, 4)


def test_a_python_that_begins_before_its_probes_is_no_clean_bill(tmp_path):
    # A shell is started: which Python it will run is known only when it does.
    trace, python = tmp_path / "t.pyxhon", tmp_path / "unheard-of"
    Path(tmp_path / "python3").symlink_to(sys.executable)
    python.write_bytes(Path(sys.executable).resolve().read_bytes())
    python.chmod(0o755)
    command = ["sh", "-c", f"PYTHONHOME={sys.base_prefix} {python} -c 'open(\"/etc/hostname\")'; true"]

    done = pyxhon("record", "-q", "-o", trace, "--", *command)

    assert (done.returncode, done.stderr) == (0, b"")
    assert losses_of(trace)["python_untraced"] == 1
    assert check_shown(trace) == (4, 4)


@pytest.fixture
def gone(tmp_path, monkeypatch):
    """The working directory: a folder that can be removed."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_command_whose_working_directory_is_gone_is_traced(tmp_path, gone, monkeypatch):
    trace = tmp_path / "t.pyxhon"
    monkeypatch.setenv("PYXHON_CACHE_DIR", str(tmp_path / "cache"))  # empty: the probes are compiled there, too
    gone.rmdir()

    done = pyxhon("record", "-q", "-o", trace, "--", sys.executable, "-c", "open('/nonexistent/seen')")

    assert done.returncode == 0, done.stderr
    assert opened(trace)["/nonexistent/seen"] == 1
    assert check_shown(trace) == (0, 0)


def test_a_process_whose_working_directory_is_gone_can_be_attached_to(tmp_path, gone):
    trace = tmp_path / "t.pyxhon"
    with running(PYTHON, "opens.py") as target, started("record", "-q", "-o", trace, target.pid) as tracer:
        gone.rmdir()

        eventually(lambda: ask(target, "relative/path") and has_event(trace, "open", "relative/path"), tracer)
        target.finish()

    assert tracer.returncode == 0
    assert check_shown(trace) == (0, 0)


def ask(target, path):
    target.tell(path)
    return target.hear() == "done"
