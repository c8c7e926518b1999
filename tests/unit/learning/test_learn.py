"""A learned policy allows all that was seen and nothing else, whatever the program called its things."""

import dataclasses

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.cli import run_command_line
from pyxhon.join import Frame
from pyxhon.learning.learn import learn, read_seen
from pyxhon.learning.seen import SeenTrace
from pyxhon.policy.judge import judge, summarize
from pyxhon.policy.parse import read_policy
from tests.unit.policy.behaviours import TABLES, act, called, opened
from tests.unit.report.recording import record_service

TIMES = "\N{MULTIPLICATION SIGN}"


def seen(*acts, directories=None, lost=0):
    return SeenTrace(
        "t.pyxhon",
        tuple(each for each in acts if each.category),
        tuple(each for each in acts if not each.category),
        directories or {},
        lost,
    )


def verdicts(text, *acts, directories=None):
    return [row.verdict for row in judge(acts, read_policy(text.encode(), "p"), directories)]


def at(behaviour, file, line, function):
    frame = Frame(file, line, function)
    return dataclasses.replace(behaviour, location=frame, python_stack=(frame,))


def test_what_was_seen_is_allowed_and_all_else_is_a_violation():
    acts = [
        act("ctypes", kind="import"),
        opened("/srv/a.txt"),
        act("os.putenv", key="A", value="b"),
        act("socket.connect", address="127.0.0.1:80"),
        called("ptrace"),
    ]

    text = learn([seen(*acts)])

    assert verdicts(text, *acts) == ["allowed"] * 5
    others = [
        act("socket", kind="import"),
        opened("/srv/b.txt"),
        opened("/srv/a.txt", "w"),
        act("os.system", command="x"),
        act("socket.connect", address="127.0.0.1:81"),
        called("bpf"),
        opened("/srv/a.txt", owner="other"),
        called("openat", path="/srv/a.txt", flags="O_RDONLY"),
    ]
    assert verdicts(text, *others) == ["violation"] * 8


def test_each_rule_says_what_it_was_learned_from():
    text = learn([seen(at(opened("/srv/a.txt"), "/x/site-packages/numpy/io.py", 12, "load"))])

    (line,) = [line for line in text.splitlines() if "- /srv/a.txt" in line]
    assert line.endswith(f"# open {TIMES}1; …/numpy/io.py:12 load")


def test_a_path_that_cannot_be_told_is_allowed_as_an_argument_and_the_list_stays():
    removed = act("os.remove", path="a.txt", dir_fd=3)

    text = learn([seen(opened("/srv/a.txt", "w"), removed)])

    others = [
        act("os.remove", path="b.txt", dir_fd=3),
        act("os.remove", path="/etc/a.txt", dir_fd=-1),
        opened("/x", "w"),
    ]
    assert verdicts(text, opened("/srv/a.txt", "w"), removed) == ["allowed", "allowed"]
    assert verdicts(text, *others) == ["violation"] * 3
    assert "NOT TIGHT" not in text


def test_many_paths_that_cannot_be_told_are_one_argument():
    removed = [act("os.remove", path=f"{name}.txt", dir_fd=3) for name in "abcde"]

    text = learn([seen(*removed)])

    assert 'args: {path: "*.txt"}' in text
    assert verdicts(text, act("os.remove", path="f.txt", dir_fd=3), act("os.remove", path="f.py", dir_fd=3)) == [
        "allowed",
        "violation",
    ]


def test_what_was_cut_leaves_the_list_out_and_says_so():
    acts = opened("/srv/a.txt"), opened("/srv/b.txt", is_truncated=True)

    text = learn([seen(*acts)])

    assert verdicts(text, *acts) == ["allowed", "allowed"]
    assert "NOT TIGHT: no list files.read, for an argument was cut" in text


def test_relative_paths_are_told_where_the_directory_is_known():
    text = learn([seen(opened("a.txt"), directories={1: "/srv"})])

    assert "/srv/a.txt" in text


def test_a_command_that_is_run_is_the_only_one():
    first, second = (
        act("subprocess.Popen", executable=name, args=[name], cwd=None, env=None) for name in ("git", "sh")
    )

    text = learn([seen(first)])

    assert verdicts(text, first, second) == ["allowed", "violation"]


def test_names_of_tempfile_are_any():
    made = at(act("tempfile.mkdtemp", fullpath="/tmp/work-abcdefgh"), "/usr/lib/python3.11/tempfile.py", 3, "mkdtemp")
    written = opened("/tmp/work-abcdefgh/out", "w")

    text = learn([seen(made, written)])

    assert verdicts(text, opened("/tmp/work-12345678/out", "w"), opened("/tmp/other/out", "w")) == [
        "allowed",
        "violation",
    ]


def test_a_folder_that_tempfile_was_given_is_itself():
    asked = at(opened("/srv/given_folder", "rb"), "/usr/lib/python3.11/tempfile.py", 3, "NamedTemporaryFile")

    assert "- /srv/given_folder " in learn([seen(asked)])


def test_a_version_in_a_command_is_kept():
    text = learn([seen(act("os.exec", path="/opt/python3.11.2/bin/python3.11", args=[], env=None))])

    assert "args: {path: /opt/python3.11.2/bin/python3.11}" in text


def test_a_program_that_is_its_own_owner_has_an_entry():
    ran = called("openat", owner="ls", origin="dll", path="/srv", flags="O_RDONLY")

    text = learn([seen(ran)])

    assert "\n  dll:ls:" in text or '\n  "dll:ls":' in text
    assert verdicts(text, ran, dataclasses.replace(ran, owner=act("x", owner="cat", origin="dll").owner)) == [
        "allowed",
        "violation",
    ]


def test_one_package_alone_says_nothing_of_others():
    text = learn([seen(opened("/a"), opened("/b", owner="other"))], "other")

    assert list(yaml.safe_load(text)["packages"]) == ["other"]


def test_what_was_lost_is_said():
    assert "INCOMPLETE: 3 events were lost" in learn([seen(opened("/a"), lost=3)])


HOSTILE = [
    "a\n  evil: {allow: F-N-D-O-B}\nx",
    "# x",
    "a: b",
    "'\"",
    "x\u2028y\x85z",
    "\ud800",
    "*",
    "]}",
    "%TAG",
    "\x00",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_cannot_say_anything_else(name):
    acts = [
        at(opened(f"/srv/{name}/x"), f"/srv/{name}.py", 1, name),
        act("import os", owner=name, kind="audit", category="os"),
        act(name, kind="import", category="dll", filename=f"/x/{name}.so"),
        act("socket.getaddrinfo", host=name, port=80),
        act("socket.connect", address=f"unix:/run/{name}"),
        act("os.system", command=name),
        act(f"{name}:f", kind="call", category="os"),
    ]

    text = learn([SeenTrace(name, tuple(acts), (), {}, 0)])

    plain = yaml.safe_load(text)
    assert set(plain) == {"version", "packages"}
    assert {"numpy", "*"} < set(plain["packages"])
    assert len(plain["packages"]) == 3
    assert "evil" not in plain["packages"]
    assert set(verdicts(text, *acts)) == {"allowed"}


_NAMES = st.one_of(
    st.sampled_from([*HOSTILE, "numpy", "stdlib", "libx.so", "ls", "a.b", "--", "é"]), st.text(max_size=8)
)
_OWNERS = st.tuples(
    _NAMES.filter(bool), st.sampled_from(["distribution", "application", "stdlib", "unknown", "dll"])
).map(lambda owner: owner if owner[1] in {"distribution", "dll"} else (owner[1], owner[1]))
_PATHS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["/proc/12/maps", "/root/x", "/tmp/tmpabcdefgh", "/proc/self/root/x", "/", "a/../b", ":memory:"]),
    st.integers(0, 3),
    st.none(),
)
_VALUES = st.one_of(_PATHS, st.sampled_from(["127.0.0.1:80", "[::1]:5", "unix:@a", "h:1", ["::1", 80, 0, 0], "127.1"]))
_EVENTS = st.sampled_from(sorted(TABLES.audit_events))
_CALLS = st.sampled_from(["openat", "unlink", "connect", "mmap", "execve", "ptrace", "i386:open", "clone3"])


@st.composite
def behaviours(draw):
    owner, origin = draw(_OWNERS)
    more = {"owner": owner, "origin": origin, "is_truncated": draw(st.booleans()) and draw(st.booleans())}
    kind = draw(st.sampled_from(["audit", "audit", "import", "syscall", "call", "dll-load"]))
    if kind == "import":
        name = draw(st.one_of(st.sampled_from(["os", "os.path", "ctypes", "http.client"]), _NAMES))
        given = {"filename": draw(_PATHS)} if draw(st.booleans()) else {}
        return act(name or "x", kind=kind, category=draw(st.sampled_from(["os", "dll", None])), **more, **given)
    if kind == "syscall":
        values = {"path": draw(_PATHS), "addr": draw(_VALUES), "flags": "O_RDWR"}
        return called(draw(_CALLS), level=draw(st.sampled_from(["native", "detached"])), **more, **values)
    if kind == "call":
        return act(
            draw(_NAMES) + ":f", kind=kind, category=draw(st.sampled_from(["os", None])), args=[], kwargs={}, **more
        )
    if kind == "dll-load":
        return act(
            "dlopen",
            kind=kind,
            category="dll",
            level=draw(st.sampled_from(["python", "native"])),
            path=draw(_PATHS),
            **more,
        )
    event = draw(_EVENTS)
    return act(
        event, **more, **{name: draw(_VALUES) for name in TABLES.audit_events[event].arguments if name not in more}
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(behaviours(), min_size=1, max_size=25), st.sampled_from([{}, {1: "/srv"}]))
def test_whatever_is_seen_is_allowed_and_its_packages_accepted(acts, directories):
    if not any(each.category for each in acts):
        return

    text = learn([seen(*acts, directories=directories)])

    policy = read_policy(text.encode(), "p")
    judged = judge(acts, policy, directories)
    assert [row for row in judged if row.behaviour.category and row.verdict != "allowed"] == []
    assert [row for row in judged if row.verdict == "violation"] == []
    assert {row.suggestion for row in summarize(judged, policy)} == {"Accept"}
    assert learn([seen(*acts, directories=directories)]) == text


def test_a_policy_is_learned_from_the_command_line_and_accepts_its_trace(tmp_path, capsys):
    trace = record_service(tmp_path / "t.pyxhon")

    assert run_command_line(["policy", "learn", str(trace), "-o", str(tmp_path / "p.yaml")]) == 0

    assert capsys.readouterr().out == ""
    assert run_command_line(["report", str(trace), "--policy", str(tmp_path / "p.yaml")]) in {0, 4}
    assert run_command_line(["policy", "learn", str(trace)]) == 0
    text = (tmp_path / "p.yaml").read_text()
    assert text in capsys.readouterr().out
    assert learn([read_seen(trace)]) == text


def test_a_package_that_did_nothing_is_refused_with_the_nearest(tmp_path, capsys):
    trace = record_service(tmp_path / "t.pyxhon")

    assert run_command_line(["policy", "learn", str(trace), "--package", "request"]) == 1

    assert "did you mean 'requests'?" in capsys.readouterr().err
