"""Sequences are found in the acts of one package, in order and in time, and in no others."""

import dataclasses

import pytest

from pyxhon.policy.folders import find_visited
from pyxhon.policy.parse import load_builtin_sequences, load_policy
from pyxhon.policy.sequence_finding import Places, Watched, find_sequences
from tests.unit.policy.behaviours import TABLES, act, called, opened

SECOND = 10**9


@dataclasses.dataclass
class Row:
    """What is asked of a process."""

    id: int
    parent: int | None
    working_directory: str | None


SECRET = "/root/.ssh/id_rsa"


def at(second, behaviour, *, last=None, count=1, failed=0):
    last = second if last is None else last
    times = {"first_ns": int(second * SECOND), "last_ns": int(last * SECOND)}
    return dataclasses.replace(behaviour, count=count, failed=failed, **times)


def connected(peer="93.184.216.34:443", **more):
    return act("socket.connect", address=peer, **more)


def builtin(*behaviours, directories=None, visited=None):
    watched = [Watched(each, "unjudged") for each in load_builtin_sequences()]
    return find_sequences(behaviours, watched, TABLES, Places(directories or {}, visited or {}))


def names(*behaviours, **more):
    return [found.watched.rule.name for found in builtin(*behaviours, **more)]


@pytest.fixture
def user_defined(tmp_path):
    def find(text, *behaviours):
        path = tmp_path / "p.yaml"
        path.write_text(f"version: 1\nsequences:\n{text}", encoding="utf-8")
        watched = [Watched(each, "violation") for each in load_policy(path).sequences]
        return find_sequences(behaviours, watched, TABLES, Places({}))

    return find


def test_a_secret_read_and_then_a_peer():
    (found,) = builtin(at(1, opened(SECRET)), at(2, connected()))

    assert found.watched.rule.name == "secret then network"
    assert (found.owner.name, found.is_certain, found.note) == ("numpy", True, None)
    assert [(step.behaviour.name, step.time_ns) for step in found.steps] == [
        ("open", SECOND),
        ("socket.connect", 2 * SECOND),
    ]


@pytest.mark.parametrize(
    "acts",
    [
        (at(2, opened(SECRET)), at(1, connected())),
        (at(1, opened(SECRET)), at(62, connected())),
        (at(1, opened(SECRET)), at(2, connected(owner="requests"))),
        (at(1, opened(SECRET)), at(2, connected(origin="application"))),
        (at(1, opened(SECRET, "w")), at(2, connected())),
        (at(1, opened("/root/.sshd")), at(2, connected())),
        (at(1, opened(SECRET), failed=1), at(2, connected())),
        (at(1, opened(SECRET)), at(2, act("socket", kind="import"))),
        (at(1, opened(SECRET)), at(2, connected("unix:/run/nscd/socket"))),
        (at(1, opened(SECRET)),),
    ],
)
def test_other_orders_times_owners_and_acts_are_none(acts):
    assert names(*acts) == []


def test_a_connection_that_is_being_made_counts():
    assert names(at(1, opened(SECRET)), at(2, connected(), failed=1)) == ["secret then network"]


def test_the_processes_of_a_run_count_together():
    assert names(at(1, opened(SECRET, process=1)), at(2, connected(process=2))) == ["secret then network"]


def test_acts_beneath_python_count():
    acts = at(1, called("openat", path=SECRET, flags="O_RDONLY")), at(2, called("connect", addr="1.2.3.4:80"))

    assert names(*acts) == ["secret then network"]


def test_repeats_are_not_missed_and_what_is_not_known_is_said():
    (found,) = builtin(at(100, opened(SECRET)), at(1, connected(), last=500, count=40))

    assert not found.is_certain
    assert found.note.startswith("step 2 was counted 40 times: only the first and the last time are known")
    assert [step.is_known for step in found.steps] == [True, False]


def test_a_repeat_of_which_both_times_are_known_is_held_against_them():
    assert names(at(100, opened(SECRET)), at(1, connected(), last=500, count=2)) == []


def test_a_path_that_was_cut_may_be_the_one_and_it_is_told():
    (found,) = builtin(at(1, opened("/root/" + "./" * 500, is_truncated=True)), at(2, connected()))

    assert "an argument was cut" in found.note


def test_a_relative_path_starts_from_the_working_directory():
    acts = at(1, opened("id_rsa", process=7)), at(2, connected(process=7))

    assert names(*acts, directories={7: "/root/.ssh"}) == ["secret then network"]
    assert names(*acts) == []


def test_a_relative_path_may_start_from_where_the_process_went():
    acts = at(1, opened("id_rsa")), at(2, connected())
    chdir = act("os.chdir", path="/root"), act("os.chdir", path=".ssh")
    visited = find_visited([Row(1, None, "/srv"), Row(2, 1, None)], chdir, {})

    (found,) = builtin(*acts, visited=visited)

    assert visited[1] == visited[2] == ("/srv", "/root", "/srv/.ssh", "/root/.ssh")
    assert "it may have been in /srv/.ssh" in found.note
    assert names(*acts, visited={1: ("/srv",)}) == []
    assert find_visited([Row(1, None, "/srv")], chdir, {1: "/srv"}) == {}


def test_of_the_folders_of_a_process_a_bounded_number_is_kept():
    chdir = [act("os.chdir", path=f"d{number}") for number in range(100)]

    assert len(find_visited([Row(1, None, "/srv")], chdir, {})[1]) == 16


def test_a_file_is_written_and_then_run():
    (found,) = builtin(
        at(1, opened("/opt/x", "wb")),
        at(2, opened("/opt/y", "wb")),
        at(3, act("subprocess.Popen", executable="/opt/x", args=["/opt/x"], cwd=None, env=None)),
        at(4, act("subprocess.Popen", executable="/bin/cat", args=["/bin/cat", "/opt/y"], cwd=None, env=None)),
    )

    assert (found.watched.rule.name, found.path) == ("written then run", "/opt/x")


def test_each_file_that_is_run_is_told():
    written = [at(number, opened(f"/opt/{number}", "wb")) for number in range(5)]
    run = [at(9, act("os.exec", path=f"/opt/{number}", args=[], env=None)) for number in range(3)]

    assert [found.path for found in builtin(*written, *run)] == ["/opt/0", "/opt/1", "/opt/2"]


def test_a_file_is_fetched_written_and_run_through_links_of_proc():
    acts = (
        at(1, connected()),
        at(2, opened("/proc/self/root/tmp/x", "wb")),
        at(3, opened("/tmp/x", "wb")),
        at(4, act("os.system", command="chmod +x /tmp/x; /tmp/x")),
    )

    assert names(*acts) == ["network then program", "written then run"]


def test_a_dll_is_written_and_loaded():
    acts = at(1, opened("/opt/a/evil.so", "wb")), at(2, act("ctypes.dlopen", name="/opt/a/../a/evil.so"))

    assert names(*acts) == ["written then loaded"]


def test_code_is_executed_after_a_peer_was_contacted():
    assert names(at(1, connected()), at(2, act("exec", code_object="<code>"))) == ["network then code"]
    assert names(at(1, connected()), at(12, act("exec", code_object="<code>"))) == []


@pytest.mark.parametrize(
    "second, name",
    [
        (act("os.exec", path="/proc/self/fd/5", args=[], env=None), "memory file then program"),
        (called("execve", path="/dev/fd/5"), "memory file then program"),
        (called("execveat", path=""), "memory file then nameless program"),
        (act("ctypes.dlopen", name="/proc/self/fd/5"), "memory file then DLL"),
    ],
)
def test_a_memory_file_is_run_or_loaded(second, name):
    made = called("memfd_create", name="x")

    assert names(at(1, made), at(2, second)) == [name]
    assert names(at(2, made), at(1, second)) == []


@pytest.mark.parametrize(
    "path",
    [
        "/etc/cron.d/x",
        "/var/spool/cron/crontabs/root",
        "/etc/systemd/system/x.service",
        "/home/a/.config/systemd/user/x.service",
        "/home/a/.bashrc",
        "/root/.profile",
        "/etc/profile.d/x.sh",
        "/home/a/.config/autostart/x.desktop",
        "/home/a/.ssh/authorized_keys",
        "/usr/lib/python3/dist-packages/x.pth",
        "/home/a/.local/lib/python3.11/site-packages/usercustomize.py",
        "/x/sitecustomize.py",
        "/etc/ld.so.preload",
    ],
)
def test_what_makes_itself_last_is_found_when_written_and_not_when_read(path):
    (found,) = builtin(at(1, opened(path, "w")))

    assert found.watched.rule.name.startswith("persistence by ")
    assert found.path == path
    assert names(at(1, opened(path))) == []


def test_a_rename_onto_such_a_file_writes_it():
    (name,) = names(at(1, act("os.rename", src="/tmp/x", dst="/x/a.pth")))

    assert name == "persistence by Python"


def test_a_sequence_of_the_user_by_names_and_any_category(user_defined):
    text = "  - {name: s, steps: [{name: 'os.ch*'}, {name: 'os.ch*'}, {kind: import, name: socket}]}"
    acts = (at(1, act("os.chdir", path="/a")), at(2, act("os.chdir", path="/b")), at(3, act("socket", kind="import")))

    assert [len(found.steps) for found in user_defined(text, *acts)] == [3]
    assert user_defined(text, *acts[1:]) == ()


def test_an_excepted_package_is_not_looked_at(user_defined):
    text = "  - {name: s, except: [numpy], steps: [{name: os.fork}]}"

    assert user_defined(text, at(1, act("os.fork"))) == ()
    assert len(user_defined(text, at(1, act("os.fork", owner="other")))) == 1


def test_looking_for_the_builtin_ones_takes_little_time_for_each_act():
    acts = [at(number, opened(f"/srv/data/{number}", "w")) for number in range(20_000)]

    assert names(*acts, at(1, connected())) == []
