"""What was done beneath Python, in the report: objects, stacks, makers, loads, and the section of the text."""

import dataclasses
import io

import jsonschema
import pytest
from rich.cells import cell_len

from pyxhon.report.model import Load, Location, Maker, NativeFrame
from pyxhon.report.text import write_text
from tests.unit.report.recording import APP, HTTP, Recording
from tests.unit.report.sample import make_behaviour, make_location, make_report
from tests.unit.report.test_as_json import SCHEMA
from tests.unit.report.test_build import behaviour_of, package_of, report_as_json

LIBC, FAST, LIBPYTHON = "/lib/libc.so.6", "/site/requests/_fast.so", "/usr/lib/libpython3.11.so.1.0"
POLICY = """
version: 1
packages:
  requests:
    allow: F-N-D-O-B
    native: deny
"""


def record_native(path):
    """Record a package whose DLL connects from a line of its own, and from a thread."""
    recording = Recording(path)
    store, process = recording.store, recording.process
    roles = {LIBC: "c_library", FAST: "library", LIBPYTHON: "interpreter"}
    objects = {file: store.add_native_object(root=0, path=file, role=role) for file, role in roles.items()}
    store.add_file(0, FAST, ("distribution", "requests", "2.31.0", "requests._fast", None))

    def native(*frames):
        stack = store.add_native_stack(process=process, is_truncated=False, is_guessed=False, end_reason="bottom")
        rows = [(objects[file], symbol, 4096, "cfi", symbol == "eval", 0) for file, symbol in frames]
        store.add_native_frames(stack, rows)
        return stack

    line = recording.stack((HTTP, "get", 59), (APP, "main", 12))
    beneath = native((LIBC, "connect"), (FAST, "phone_home"), (FAST, None), (LIBPYTHON, None), (LIBPYTHON, "eval"))
    peer = {"sockfd": 3, "addr": "192.0.2.1:443"}
    recording.add("connect", peer, line, kind="syscall", native_stack=beneath, result="ECONNREFUSED")
    made = recording.add("clone3", {"flags": "CLONE_THREAD"}, line, kind="syscall", native_stack=beneath)
    store.add_thread(process, 4300, 5)
    store.set_creator(process, 4300, made)
    stack = native((LIBC, "connect"), (FAST, "body"), (LIBC, None))
    recording.add("connect", peer, None, kind="syscall", native_stack=stack, tid=4300)
    recording.close()
    return path


@pytest.fixture
def trace(tmp_path):
    return record_native(tmp_path / "native.pyxhon")


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    return str(tmp_path / "policy.yaml")


def written(report):
    out = io.StringIO()
    write_text(report, out)
    return out.getvalue()


def section(text):
    return text.partition("Invisible at Python level")[2].partition("\n\n")[0]


def make_native(**changes):
    row = make_behaviour(
        id="n1", level="native", kind="syscall", name="connect", args={"sockfd": 3, "addr": "192.0.2.1:443"},
        object=FAST, verdict="unjudged", rule=None, signals=["syscall"],
        native_stack=[NativeFrame(LIBC, "connect", 1), NativeFrame(FAST, "phone_home", 2),
                      NativeFrame(LIBPYTHON, None, 3), NativeFrame(LIBPYTHON, "eval", 4)],
    )  # fmt: skip
    return dataclasses.replace(row, **changes)


def make_detail(behaviour, **changes):
    detail = dataclasses.replace(
        make_report().details[0], id=behaviour.id, pid=behaviour.pid, mixed_stack=["n0", "n1", "n2", "p0", "p1"],
        native_confidence="exact", truncated=False,
    )  # fmt: skip
    return dataclasses.replace(detail, **changes)


def report_of(*behaviours, **changes):
    details = [make_detail(row, **changes) for row in behaviours]
    return make_report(behaviours=list(behaviours), details=details)


# From a trace


def test_native_acts_are_valid_under_the_contract(trace):
    jsonschema.validate(report_as_json(trace)[1], SCHEMA)


def test_a_native_act_has_its_object_stack_and_result(trace):
    data = report_as_json(trace)[1]
    row = behaviour_of(data, "connect")
    detail = next(each for each in data["details"] if each["id"] == row["id"])

    assert (row["package"], row["level"], row["kind"], row["category"]) == ("requests", "native", "syscall", "network")
    assert (row["object"], row["result"]) == (FAST, "ECONNREFUSED")
    assert row["native_stack"][1] == {"object": FAST, "symbol": "phone_home", "offset": 4096}
    assert row["location"] == {"file": HTTP, "line": 59, "function": "get"}
    assert detail["mixed_stack"] == ["n0", "n1", "n2", "n3", "p0", "p1"]
    assert (detail["native_confidence"], detail["native_doubt"]) == ("exact", None)


def test_a_threads_act_says_who_made_the_thread(trace):
    data = report_as_json(trace)[1]
    row = next(each for each in data["behaviours"] if each["level"] == "detached")
    detail = next(each for each in data["details"] if each["id"] == row["id"])

    made = detail["made_by"]
    assert (made["kind"], made["subject"], made["package"], made["object"]) == ("thread", "4300", "requests", FAST)
    assert made["location"]["line"] == 59


def test_the_matrix_counts_levels_apart(trace):
    use = package_of(report_as_json(trace)[1], "requests")["categories"]["network"]

    assert (use["python"], use["native"], use["detached"]) == (0, 1, 1)


def test_a_policy_can_deny_what_no_event_explains(trace, policy):
    status, data = report_as_json(trace, policy)

    assert status == 3
    assert {row["verdict"] for row in data["behaviours"]} == {"violation"}


# The text


def test_the_section_names_dll_act_line_and_functions():
    text = section(written(report_of(make_native())))

    assert "(1 act)" in text
    assert "/site/requests/_fast.so for requests 2.31.0" in text
    assert "N connect sockfd=3 addr=192.0.2.1:443" in text
    assert "/srv/app/fetch.py:12" in text
    assert "connect < phone_home\n" in text + "\n"


def test_without_native_acts_there_is_no_section():
    assert "Invisible" not in written(make_report(behaviours=[make_behaviour()]))


def test_the_interpreters_own_acts_come_last():
    own = make_native(id="n2", object=None, name="listen", first_ns=1)

    text = section(written(report_of(own, make_native())))

    assert text.index("_fast.so") < text.index("interpreter and C library for requests")


def test_starting_interpreters_share_a_line():
    start = make_native(
        id="n3", package="stdlib", level="detached", object=None, args={}, name="openat", count=23, location=None
    )

    text = section(written(report_of(start, make_native())))

    assert "(1 act)" in text
    assert "as they start and end: openat \N{MULTIPLICATION SIGN}23" in text


def test_makers_and_doubts_stand_beneath_the_act():
    made = Maker("thread", "4300", "requests", FAST, Location("/srv/a.py", 7, "f"))

    text = section(
        written(report_of(make_native(), made_by=made, native_confidence="suspect", native_doubt="a reason"))
    )

    assert "thread 4300 made by requests in /site/requests/_fast.so at /srv/a.py:7" in text
    assert "suspect: a reason" in text


def test_long_lists_are_cut():
    rows = [make_native(id=f"n{number}", name=f"call{number}") for number in range(30)]

    assert "and 22 more (--full shows them)" in section(written(report_of(*rows)))


def test_a_violation_beneath_python_shows_the_mixed_stack():
    text = written(report_of(make_native(verdict="violation"))).partition("Violations")[2]

    stack = text[text.index("stack ") :]
    assert stack.index("[libc.so.6] connect") < stack.index("[_fast.so] phone_home") < stack.index("socket.py:833")


def test_frames_whose_place_is_not_known_are_marked():
    row = make_native(verdict="violation")

    text = written(report_of(row, mixed_stack=["n0", "n1", "?", "p0"])).partition("Violations")[2]

    assert text.index("phone_home") < text.index("? where the following frames lie") < text.index("socket.py:833")


def test_a_dll_tells_by_which_way_it_came():
    path = make_report().dlls[0].path
    loads = [Load(path, 4242, "preload", None, "requests", make_location())]

    assert f"{path} loaded by requests preloaded at" in " ".join(written(make_report(loads=loads)).split())


@pytest.mark.parametrize("text", ["x" * 3000, "\x1b[2J\u202e" * 50, "\u65e5" * 300, "", "?"])
def test_hostile_names_stay_printable_and_within_the_columns(text):
    frames = [NativeFrame(text, text, 1)] * 5
    row = make_native(object=text, name=text, native_stack=frames, verdict="violation", package=text)
    made = Maker(text, text, text, text, Location(text, None, text))

    lines = written(report_of(row, made_by=made, native_confidence="suspect", native_doubt=text)).split("\n")

    assert all(line.isprintable() for line in lines)
    assert max(map(cell_len, lines)) <= 100


def test_acts_that_differ_only_in_their_arguments_share_a_line():
    rows = [make_native(id=f"n{number}", args={"addr": f"192.0.2.1:{number}"}) for number in range(30)]

    text = section(written(report_of(*rows)))

    assert "connect addr=192.0.2.1:0 (and 29 more)" in text
    assert "\N{MULTIPLICATION SIGN}360" in text
