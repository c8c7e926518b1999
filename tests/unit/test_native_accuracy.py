"""What the comparison with strace stands on: its log is read right, and differences get the right reason."""

import pytest

from tests.interpreters import CHECKOUT

LOG = r"""8.000001 read(0<pipe:[12]>, "g", 1) = 1
 > /usr/lib/x86_64-linux-gnu/libc.so.6(read+0xd) [0xf82ad]
8.913118 execve("/usr/bin/python3", ["/usr/bin/python3", "t.py"], 0x5560944c9ad8 /* 35 vars */) = 0
 > /usr/bin/dash() [0xe3e3]
9.000001 openat(AT_FDCWD</tmp>, "a \"b\", (\303\244", O_RDONLY|O_CLOEXEC) = 3</tmp/a \"b\", (ä>
 > /usr/lib/x86_64-linux-gnu/libc.so.6(__open64+0x45) [0xf82ad]
 > /tmp/x/lib.so(work+0x7) [0x1007]
 > /usr/bin/python3.11(_PyEval_EvalFrameDefault+0x8f0) [0x12b9e0]
9.000002 connect(4<socket:[7]>, {sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}) = -1 EINPROGRESS (Now)
9.000003 connect(4<socket:[7]>, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::1", &a)}) = 0
9.000004 connect(5<socket:[8]>, {sa_family=AF_UNIX, sun_path=@"abstract"}, 11) = 0
9.000005 bind(9<socket:[9]>, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0
9.000006 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f26e263c000
9.000007 mmap(NULL, 8192, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</tmp/x/lib.so>, 0) = 0x7f26e263c000
9.000008 write(1</tmp/out>, "x", 1) = 1
9.000009 write(4<TCP:[127.0.0.1:5->127.0.0.1:80]>, "x) = 5", 6) = 6
9.000009 accept4(3<TCP:[127.0.0.1:81]>, NULL, NULL, 0) = 5<TCP:[127.0.0.1:81->127.0.0.1:50000]>
9.000009 sendto(5<TCP:[127.0.0.1:81->127.0.0.1:50000]>, "x", 1, 0, NULL, 0) = 1
9.000009 write(4<UNIX-STREAM:[1->2,"a.socket"]>, "x", 1) = 1
9.000010 chdir("sub")   = 0
9.000011 unlink(".//relative") = 0
9.000012 renameat2(7</tmp/d>, "old", AT_FDCWD</tmp/sub>, "/new", RENAME_NOREPLACE) = -1 ENOENT (None)
9.000013 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9, si_uid=0} ---
 > /usr/lib/x86_64-linux-gnu/libc.so.6(read+0xd) [0xf82ad]
9.000014 clone3({flags=CLONE_VM|CLONE_THREAD, child_tid=0x7f, exit_signal=0} => {parent_tid=[101]}, 88) = 101
 > /usr/lib/x86_64-linux-gnu/libc.so.6(__xmknodat+0x229) [0x1098d9]
9.000015 accept4(4<socket:[7]>,  <unfinished ...>) = ?
9.000016 +++ exited with 0 +++
"""
THREAD_LOG = """9.500001 sendto(4<socket:[7]>, "x", 1, 0, NULL, 0 <unfinished ...>
9.500002 <... sendto resumed>)      = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
9.500003 +++ exited with 0 +++
"""


@pytest.fixture
def acts_of_log(accuracy, tmp_path):
    (tmp_path / "strace.100").write_text(LOG)
    (tmp_path / "strace.101").write_text(THREAD_LOG)
    acts = accuracy("acts")
    roles = acts.Roles(frozenset(["/usr/bin/python3.11"]), "/usr/lib/x86_64-linux-gnu")
    return acts.oracle_acts(accuracy("strace_log").read_log(tmp_path / "strace"), 100, roles, "/tmp")


def test_the_sensitive_calls_of_a_log_are_read_with_what_they_touch(acts_of_log):
    told = [(act.tid, act.name, act.subject, act.result) for act in acts_of_log]

    assert told == [
        (100, "openat", '/tmp/a "b", (ä', 3),
        (100, "connect", "127.0.0.1:80", "EINPROGRESS"),
        (100, "connect", "[::1]:80", 0),
        (100, "connect", "unix:@abstract", 0),
        (100, "bind", "netlink:0/0", 0),
        (100, "mmap", "/tmp/x/lib.so", 0x7F26E263C000),
        (100, "write", "127.0.0.1:80", 6),
        (100, "accept4", "", 5),
        (100, "sendto", "", 1),
        (100, "write", "", 1),
        (100, "unlink", "/tmp/sub/relative", 0),
        (100, "renameat2", "/tmp/d/old /new", "ENOENT"),
        (100, "clone3", "", 101),
        (100, "accept4", "", None),
        (101, "sendto", "", "ERESTARTSYS"),
    ]


def test_a_thread_belongs_to_its_process(acts_of_log):
    assert {act.pid for act in acts_of_log} == {100}


def test_the_innermost_object_that_is_no_system_s_is_responsible(acts_of_log):
    opened = acts_of_log[0]

    assert opened.objects == ("/tmp/x/lib.so", "(interpreter)")
    assert opened.responsible == "/tmp/x/lib.so"


def test_a_library_that_only_has_the_name_of_the_c_library_is_responsible(accuracy):
    roles = accuracy("acts").Roles(frozenset(), "/usr/lib/x86_64-linux-gnu")

    assert roles.of("/usr/lib/x86_64-linux-gnu/libc.so.6") == ""
    assert roles.of("/tmp/libc.so.6") == "/tmp/libc.so.6"


def _act(acts, number, name="openat", objects=("lib", "(interpreter)"), subject="/x"):
    return acts.Act(1, 1, number, name, subject, 0, objects, acts.responsible_of(objects))


def test_what_only_one_side_saw_is_told_apart(accuracy):
    acts, comparing = accuracy("acts"), accuracy("comparing")
    theirs = [_act(acts, 1), _act(acts, 2, subject="/y"), _act(acts, 3, name="unlink")]
    ours = [(_act(acts, 1), 1), (_act(acts, 2, subject="/z"), 1), (_act(acts, 4, name="mkdir"), 2)]

    comparison = comparing.compare(theirs, ours)

    assert len(comparison.pairs) == 1
    assert [(a.subject, b.subject) for a, b in comparison.respelled] == [("/y", "/z")]
    assert [act.name for act in comparison.missed] == ["unlink"]
    assert [act.name for act in comparison.extra] == ["mkdir", "mkdir"]


def test_counts_that_do_not_add_up_are_missing(accuracy):
    acts, comparing = accuracy("acts"), accuracy("comparing")

    missing = comparing.count_missing([_act(acts, 1), _act(acts, 2), _act(acts, 3)], [(_act(acts, 1), 2)])

    assert missing == {("openat", "/x"): 1}


@pytest.mark.parametrize(
    "name, theirs, ours, reason",
    [
        ("clone3", (), ("lib", "(interpreter)"), "GAVE_UP_AT_CLONE"),
        ("openat", (), ("anon:7f00", "(interpreter)"), "ANONYMOUS"),
        ("openat", (), ("lib",), "GAVE_UP"),
        ("openat", ("(interpreter)", "lib"), ("(interpreter)",), "WE_GAVE_UP"),
        ("openat", ("other", "(interpreter)"), ("lib", "(interpreter)"), "OTHER"),
    ],
)
def test_a_difference_has_its_reason(accuracy, name, theirs, ours, reason):
    acts, comparing = accuracy("acts"), accuracy("comparing")

    given = comparing.reason_of(_act(acts, 1, name, theirs), _act(acts, 1, name, ours))

    assert given == getattr(comparing, reason)


def _behaviour(name, arguments, line=3):
    stack = [{"file": "/app.py", "function": "work", "line": line}]
    row = {"name": name, "args": arguments, "level": "native", "last_ns": 100, "pid": 1, "tid": 1, "count": 1}
    return row | {"package": "lib", "object": "/lib.so", "python_stack": stack}


@pytest.mark.parametrize(
    "behaviour, is_explained",
    [
        (_behaviour("openat", {"path": "/tmp/x"}), True),
        (_behaviour("openat", {"path": "/tmp/other"}), False),
        (_behaviour("openat", {"path": "/tmp/x"}, line=4), False),
        (_behaviour("unlink", {"path": "/tmp/x"}), False),
    ],
)
def test_an_audit_event_explains_only_its_own_act(accuracy, behaviour, is_explained):
    levels = accuracy("levels")
    heard = levels.Heard(50, 1, 1, "open", ("/tmp/x", "r", "0"), (("/app.py", "work", 3),))

    [checked] = levels.check_levels({"behaviours": [behaviour]}, [heard])

    assert (checked.explained_by is not None) == is_explained


SAID = """PID 7 - process
TID 7:
#0  0x00007f55fed3bbd3
#1  0x000056371b6e83f2
TID 8:
#0  0x00007f55fed3bbd3
TID 9:
"""
COMPLAINED = """eu-stack: dwfl_thread_getframes tid 8 at 0x7f55fed3bbd3 in <unknown>: No DWARF information found
eu-stack: dwfl_thread_getframes tid 9 at 0x7f55fed3bbd3 in /lib/a b.so: Invalid register
"""


def test_the_stacks_of_libdw_are_read_with_what_ended_them(accuracy):
    stacks = accuracy("libdw_stacks").read_stacks(SAID, COMPLAINED)

    assert {tid: (stack.addresses, stack.error) for tid, stack in stacks.items()} == {
        7: ([0x7F55FED3BBD3, 0x56371B6E83F2], None),
        8: ([0x7F55FED3BBD3], "<unknown>: No DWARF information found"),
        9: ([], "/lib/a b.so: Invalid register"),
    }


def test_stacks_are_the_same_or_shorter_or_different(accuracy):
    compared = accuracy("native_stacks").Compared()
    ours = [("/a.so", 1), ("/b.so", 2), ("/c.so", 3)]

    compared.add("one", ours, tuple(ours))
    compared.add("two", ours[:2], ours)
    compared.add("three", [*ours[:2], ("/d.so", 4)], ours)
    compared.add("four", [*ours, ("/d.so", 4)], ours)

    assert (compared.stacks, compared.same, compared.frames) == (4, 1, 12)
    assert compared.shorter == ["two at frame 2 of 2/3: theirs b.so+0x2, ours b.so+0x2 > c.so+0x3"]
    assert compared.differences == [
        "three at frame 2 of 3/3: theirs b.so+0x2 > d.so+0x4, ours b.so+0x2 > c.so+0x3",
        "four at frame 3 of 4/3: theirs c.so+0x3 > d.so+0x4, ours c.so+0x3",
    ]


def test_only_the_part_between_its_markers_is_replaced(accuracy):
    page = (CHECKOUT / "docs/native-accuracy.md").read_text(encoding="utf-8")

    replaced = accuracy("accuracy_page").replace_part(page, "native", "new")

    before, rest = page.split("<!-- accuracy: native -->")
    assert (
        replaced
        == f"{before}<!-- accuracy: native -->\n\nnew\n\n<!-- end: native -->"
        + rest.partition("<!-- end: native -->")[2]
    )
