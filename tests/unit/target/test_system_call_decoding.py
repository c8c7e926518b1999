"""What the kernel tells of a system call is named and shown as people know it."""

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxhon.controls import SyscallArgument
from pyxhon.target.system_calls.addresses import show_address
from pyxhon.target.system_calls.classify import event_kind, io_uring_operation, is_act
from pyxhon.target.system_calls.declarations import load_calls
from pyxhon.target.system_calls.decode import decode_arguments, decode_result
from pyxhon.target.system_calls.paths import absolute_path

AT_FDCWD = -100 & 0xFFFFFFFF
UNREADABLE = {"unreadable": True}


def ipv4(host, port, family=socket.AF_INET):
    return struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


def ipv6(host, port, scope=0):
    address = socket.inet_pton(socket.AF_INET6, host)
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + address + struct.pack("=I", scope)


def unix(name):
    return struct.pack("=H", socket.AF_UNIX) + name


@pytest.mark.parametrize(
    "path, folders, expected",
    [
        ("/etc/passwd", None, "/etc/passwd"),
        ("/a//b/./c/", None, "/a/b/c"),
        ("/a/../b", None, "/a/../b"),  # a may be a link
        ("/../../b", None, "/b"),
        ("x", ["work", "srv"], "/srv/work/x"),
        ("./x/.", ["work", "srv"], "/srv/work/x"),
        ("../x", ["work", "srv"], "/srv/x"),  # the folder is real
        ("../../../x", ["work", "srv"], "/x"),
        ("y/../x", ["work"], "/work/y/../x"),
        ("x", [], "/x"),
        ("x", ["work", "srv", ""], "(unreachable)/srv/work/x"),
        ("../../../x", ["work", "srv", ""], "(unreachable)/x"),
        ("", ["memfd:x", ""], "memfd:x"),
        ("", ["memfd:x"], "/memfd:x"),
        (".", [], "/"),
        ("x", None, "x"),
        ("./x", None, "x"),
        (".", None, "."),
        ("../x", None, "../x"),
        ("/", None, "/"),
    ],
)
def test_a_path_is_absolute_where_that_can_be_told(path, folders, expected):
    assert absolute_path(path, folders) == expected


@pytest.mark.parametrize(
    "data, expected",
    [
        (ipv4("127.0.0.1", 80), "127.0.0.1:80"),
        (ipv4("127.0.0.1", 80)[:8], "127.0.0.1:80"),
        (ipv4("127.0.0.1", 80)[:7], "AF_INET/00507f0000"),
        (ipv6("::1", 443), "[::1]:443"),
        (ipv6("fe80::1", 443, 2), "[fe80::1%2]:443"),
        (ipv6("::1", 443)[:24], "[::1]:443"),
        (ipv6("::ffff:10.0.0.1", 1), "[::ffff:10.0.0.1]:1"),
        (unix(b"/run/x.sock\0rest"), "unix:/run/x.sock"),
        (unix(b"x.sock"), "unix:./x.sock"),
        (unix(b"@x"), "unix:./@x"),
        (unix(b"\0x"), "unix:@x"),
        (unix(b"\0x\0y\\"), "unix:@x\\x00y\\\\"),
        (unix(b"\0\xff"), "unix:@\\xff"),
        (unix(b""), "unix:"),
        (struct.pack("=HHII", socket.AF_NETLINK, 0, 12, 0x11), "netlink:12/11"),
        (struct.pack("=HHII", socket.AF_VSOCK, 0, 5000, 2), "vsock:2/5000"),
        (struct.pack("=H", 17) + struct.pack("!H", 3) + struct.pack("=i", 2), "packet:if2/0x0003"),
        (struct.pack("=H14sII64s", 38, b"hash", 0, 0, b"sha256"), "alg:hash/sha256"),
        (struct.pack("=HH", socket.AF_NETLINK, 0), "AF_NETLINK/0000"),
        (struct.pack("=H", 200) + b"12", "family_200/3132"),
        (bytes(16), "AF_UNSPEC"),
        (ipv4("10.1.2.3", 53, socket.AF_UNSPEC), "AF_UNSPEC:10.1.2.3:53"),
        (b"\2", "unreadable/02"),
        (b"", "unreadable/"),
    ],
)
def test_an_address_is_shown_as_its_family_says(data, expected):
    assert show_address(data) == expected


@pytest.mark.parametrize(
    "name, values, expected",
    [
        ("openat", [AT_FDCWD, "x", ["work"], 0, 0o777], {"path": "/work/x", "flags": 0}),
        ("openat", [AT_FDCWD, "/x", None, 0o101, 0o644], {"path": "/x", "flags": 0o101, "mode": 0o644}),
        ("openat", [5, "x", None, 0, 0], {"dirfd": 5, "path": "x", "flags": 0}),
        ("openat", [AT_FDCWD, "x", None, 0, 0], {"dirfd": "AT_FDCWD", "path": "x", "flags": 0}),
        ("openat", [AT_FDCWD, None, None, 0, 0], {"path": UNREADABLE, "flags": 0}),
        ("openat", [AT_FDCWD, "", ["work"], 0, 0], {"dirfd": "AT_FDCWD", "path": "", "flags": 0}),
        (
            "openat2",
            [AT_FDCWD, "/x", None, struct.pack("=QQQ", 0o101, 0o600, 0x12)],
            {"path": "/x", "flags": 0o101, "mode": 0o600, "resolve": "RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT"},
        ),
        ("i386:unlink", ["x", ["a"]], {"path": "/a/x"}),
        ("unlinkat", [3, "x", ["a"], 0x200], {"path": "/a/x", "flags": "AT_REMOVEDIR"}),
        (
            "renameat2",
            [3, "x", ["a"], AT_FDCWD, "y", None, 2],
            {"oldpath": "/a/x", "newdirfd": "AT_FDCWD", "newpath": "y", "flags": "RENAME_EXCHANGE"},
        ),
        ("symlinkat", ["../t", 4, "l", ["d"]], {"target": "../t", "linkpath": "/d/l"}),
        ("utimensat", [7, None, None, 0], {"dirfd": 7, "flags": 0}),
        (
            "fchownat",
            [7, "", ["f", "d"], 0, 0xFFFFFFFF, 0x1000],
            {"path": "/d/f", "owner": 0, "group": -1, "flags": "AT_EMPTY_PATH"},
        ),
        ("mount", [None, "/mnt", None, "tmpfs", 0], {"target": "/mnt", "filesystemtype": "tmpfs", "flags": 0}),
        (
            "socket",
            [10, 0x80802, 17],
            {"domain": "AF_INET6", "type": "SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC", "protocol": 17},
        ),
        ("connect", [3, ipv4("10.0.0.1", 53)], {"sockfd": 3, "addr": "10.0.0.1:53"}),
        ("connect", [3, None], {"sockfd": 3, "addr": UNREADABLE}),
        (
            "sendto",
            [3, ipv4("10.0.0.1", 53), 0x4000, None],
            {"sockfd": 3, "addr": "10.0.0.1:53", "flags": "MSG_NOSIGNAL"},
        ),
        ("sendto", [3, None, 0, ipv4("10.0.0.2", 53)], {"sockfd": 3, "flags": 0, "addr": "10.0.0.2:53"}),
        (
            "sendto",
            [3, ipv4("10.0.0.1", 53), 0, ipv4("10.0.0.2", 53)],
            {"sockfd": 3, "flags": 0, "addr": "10.0.0.2:53"},
        ),
        ("sendmsg", [3, None, b"", 0], {"sockfd": 3, "flags": 0}),
        ("write", [9, unix(b"")], {"fd": 9, "addr": "unix:"}),
        ("splice", [9, 4, ipv6("::1", 80)], {"fd_in": 9, "fd_out": 4, "addr": "[::1]:80"}),
        ("execve", ["./run", ["d"], ["run", "-x"]], {"path": "/d/run", "argv": ["run", "-x"]}),
        ("execve", ["/bin/true", None], {"path": "/bin/true"}),
        ("execveat", [AT_FDCWD, "/bin/true", None, 0], {"path": "/bin/true", "flags": 0}),
        ("fork", [], {}),
        ("clone", [0x1200011], {"flags": "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"}),
        ("clone3", [0x10100], {"flags": "CLONE_VM|CLONE_THREAD"}),
        ("kill", [0xFFFFFFFF, 9], {"pid": -1, "sig": "SIGKILL"}),
        ("tgkill", [10, 11, 35], {"tgid": 10, "tid": 11, "sig": "SIGRTMIN+1"}),
        ("ptrace", [0x4206, 7], {"request": "PTRACE_SEIZE", "pid": 7}),
        ("prctl", [4, 0], {"option": "PR_SET_DUMPABLE", "arg2": 0}),
        ("prctl", [15, 0x7FFF0000], {"option": "PR_SET_NAME"}),
        (
            "mmap",
            [4096, 5, 0x22, 0xFFFFFFFF, 0],
            {
                "length": 4096,
                "prot": "PROT_READ|PROT_EXEC",
                "flags": "MAP_PRIVATE|MAP_ANONYMOUS",
                "fd": -1,
                "offset": 0,
            },
        ),
        (
            "mprotect",
            [0x7F0000000000, 4096, 7],
            {"addr": "0x7f0000000000", "len": 4096, "prot": "PROT_READ|PROT_WRITE|PROT_EXEC"},
        ),
        (
            "i386:mmap",
            [struct.pack("=8I", 0, 4096, 7, 0x22, 0xFFFFFFFF, 0, 1, 2)],
            {"args": [0, 4096, 7, 0x22, 0xFFFFFFFF, 0, 1, 2]},
        ),
        ("i386:socketcall", [3, bytes(32)], {"call": "connect", "args": [0] * 8}),
        ("bpf", [5], {"cmd": "BPF_PROG_LOAD"}),
        (
            "capset",
            [struct.pack("=6I8x", 1, 2, 3, 4, 5, 6)],
            {"datap": {"effective": "0x400000001", "permitted": "0x500000002", "inheritable": "0x600000003"}},
        ),
        (
            "perf_event_open",
            [struct.pack("=IIQ16x", 1, 128, 9), 0, 0xFFFFFFFF, 0xFFFFFFFF, 8],
            {"attr": {"type": "PERF_TYPE_SOFTWARE", "config": 9}, "pid": 0, "cpu": -1, "group_fd": -1, "flags": 8},
        ),
        ("personality", [0x0400000], {"persona": "READ_IMPLIES_EXEC"}),
        ("sethostname", [b"box"], {"name": "box"}),
        ("rt_sigaction", [11, 1], {"signum": "SIGSEGV", "act": True}),
        ("no_such_call", [1], {}),
    ],
)
def test_arguments_are_named_and_shown(name, values, expected):
    assert decode_arguments(name, values) == expected


@pytest.mark.parametrize(
    "value, expected",
    [
        (0, 0),
        (7, 7),
        (-2, "ENOENT"),
        (2**64 - 13, "EACCES"),
        (-512, "ERESTARTSYS"),
        (-4000, "E4000"),
        (0x7F0000000000, 0x7F0000000000),
    ],
)
def test_a_result_is_a_number_or_the_name_of_an_error(value, expected):
    assert decode_result(value) == expected


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("mprotect", {}, "memory"),
        ("i386:mmap", {}, "memory"),
        ("memfd_create", {}, "memory"),
        ("ptrace", {"request": "PTRACE_TRACEME"}, "tamper"),
        ("bpf", {}, "tamper"),
        ("prctl", {"option": "PR_SET_DUMPABLE", "arg2": 0}, "tamper"),
        ("prctl", {"option": "PR_SET_DUMPABLE", "arg2": 1}, "syscall"),
        ("prctl", {"option": "PR_SET_PDEATHSIG"}, "syscall"),
        ("openat", {"path": "/proc/self/mem", "flags": 2}, "tamper"),
        ("openat", {"path": "/proc/self/mem", "flags": 0}, "syscall"),
        ("x32:openat", {"path": "/proc/12/task/13/mem", "flags": 1}, "tamper"),
        ("openat", {"path": "/proc/self/../self/mem", "flags": 1}, "tamper"),
        ("creat", {"path": "/proc/12/mem"}, "tamper"),
        ("openat", {"path": "/sys/kernel/tracing/uprobe_events", "flags": 0}, "tamper"),
        ("openat", {"path": "/sys/kernel/debug/tracing", "flags": 0}, "tamper"),
        ("openat", {"path": UNREADABLE, "flags": 1}, "syscall"),
        ("openat", {"path": "/home/x/mem", "flags": 1}, "syscall"),
    ],
)
def test_attempts_to_disturb_tracing_are_told_apart(name, arguments, expected):
    assert event_kind(name, arguments) == expected


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("clone", {"flags": "CLONE_VM|CLONE_THREAD"}, False),
        ("clone3", {"flags": "CLONE_VM|CLONE_THREAD"}, False),
        ("clone", {"flags": "SIGCHLD"}, True),
        ("prctl", {"option": "PR_SET_NAME"}, False),
        ("prctl", {"option": "PR_SET_SECCOMP"}, True),
        ("prctl", {"option": 4711}, True),
        ("splice", {"fd_in": 1}, False),
        ("splice", {"addr": "unix:"}, True),
        ("shmat", {"shmflg": "SHM_RDONLY"}, False),
        ("shmat", {"shmflg": "SHM_EXEC"}, True),
        ("i386:socketcall", {"call": "recvmsg"}, False),
        ("i386:socketcall", {"call": "connect"}, True),
        ("i386:mmap", {"args": [0, 4096, 3, 0]}, False),
        ("i386:mmap", {"args": [0, 4096, 7, 0]}, True),
        ("mmap", {}, True),
        ("unlink", {"path": "/x"}, True),
    ],
)
def test_what_only_explains_later_acts_is_no_act(name, arguments, expected):
    assert is_act(name, arguments) is expected


def test_operations_of_io_uring_have_names():
    assert [io_uring_operation(number) for number in (18, 47, 62, 200)] == [
        "openat",
        "send_zc",
        "pipe",
        "operation_200",
    ]


@given(data=st.binary(max_size=128))
@settings(max_examples=300)
def test_any_bytes_make_an_address(data):
    assert isinstance(show_address(data), str)


@given(family=st.sampled_from([0, 1, 2, 10, 16, 17, 38, 40]), data=st.binary(max_size=126))
@settings(max_examples=300)
def test_only_ip_addresses_look_like_one(family, data):
    from pyxhon.policy.peers import read_peer

    shown = show_address(struct.pack("=H", family) + data)

    peer = read_peer(shown)
    assert peer is None or family in (1, 2, 10)
    assert peer is None or (peer.socket is not None) == (family == 1)


slot = st.one_of(
    st.none(),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=130),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
)


@given(name=st.sampled_from(sorted(load_calls())), values=st.lists(slot, max_size=12))
@settings(max_examples=600)
def test_any_values_give_arguments_that_json_can_hold(name, values):
    import json

    arguments = decode_arguments(name, values)

    json.dumps(arguments)
    event_kind(name, arguments)
    is_act(name, arguments)


def right_slots(kind):
    """Slots as the probes give them."""
    return {
        SyscallArgument.PATH: ["/p", None],
        SyscallArgument.SOCKET: [3, None],
        SyscallArgument.TEXT: ["t"],
        SyscallArgument.ADDRESS: [ipv4("1.2.3.4", 5)],
        SyscallArgument.MESSAGE: [ipv4("1.2.3.4", 5)],
        SyscallArgument.BYTES: [b"b"],
        SyscallArgument.OPEN_HOW: [bytes(24)],
        SyscallArgument.WORDS: [bytes(32)],
        SyscallArgument.ARGUMENT_LIST: [["a"]],
        SyscallArgument.HIDDEN: [],
        SyscallArgument.LENGTH: [],
    }.get(kind, [1])


@pytest.mark.parametrize("name", load_calls())
def test_every_call_decodes_what_its_rule_asks_for(name):
    call = load_calls()[name]

    arguments = decode_arguments(name, [slot for one in call.arguments for slot in right_slots(one.kind)])

    assert UNREADABLE not in arguments.values()
    assert "dirfd" not in arguments  # its path is absolute
