"""Addresses and constants of real calls are shown as strace shows them."""

import errno
import json
import re
import socket
import struct
import subprocess
import sys

import pytest

from pyxhon.controls import SyscallArgument as Kind
from pyxhon.target.system_calls.declarations import find_call
from pyxhon.target.system_calls.decode import decode_arguments, decode_result
from pyxhon.target.system_calls.numbers import load_numbers
from tests.interpreters import CHECKOUT

PROGRAM = CHECKOUT / "tests/programs/system_call_arguments.py"
NOBODY = 0x3FFFFFF0  # no process has this number
ADDRESSES = [
    struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 8080, b"\x7f\0\0\1"),
    struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 0, bytes(4)),
    struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", 443, 0) + bytes(15) + b"\1" + bytes(4),
    struct.pack("=H", socket.AF_INET6) + struct.pack("!HIH", 53, 0, 0xFF02) + bytes(13) + b"\1\1\0\0\0",
    struct.pack("=H", socket.AF_UNIX) + b"/no/such/folder/socket\0",
    struct.pack("=H", socket.AF_UNIX) + b"no-such-socket\0",
    struct.pack("=H", socket.AF_UNIX) + b"\0no such name",
    struct.pack("=HHII", socket.AF_NETLINK, 0, 4242, 1),
    struct.pack("=HHII", socket.AF_VSOCK, 0, 1024, 3) + bytes(4),
]
# Harmless: they fail, or change nothing that outlives the program. A string is what a pointer leads to, in hexadecimal.
CALLS = [
    ("socket", 2, 0x80801, 0),
    ("socket", 10, 2, 0),
    ("socketpair", 999, 5, 0, 0),
    ("mmap", 0, 4096, 7, 0x22, -1, 0),
    ("mmap", 0, 4096, 5, 0x24022, -1, 0),
    ("mprotect", 1 << 46, 4096, 5),
    ("memfd_create", b"x\0".hex(), 3),
    ("unlinkat", -100, b"/no/such\0".hex(), 0x200),
    ("renameat2", -100, b"/no/such\0".hex(), -100, b"/no/other\0".hex(), 1),
    ("linkat", -100, b"/no/such\0".hex(), -100, b"/no/other\0".hex(), 0x1400),
    ("umount2", b"/no/such\0".hex(), 10),
    ("inotify_add_watch", -1, b"/no/such\0".hex(), 0x8000033B),
    ("setxattr", b"/no/such\0".hex(), b"user.x\0".hex(), 0, 0, 2),
    ("kill", NOBODY, 15),
    ("tgkill", NOBODY, NOBODY, 11),
    ("rt_sigqueueinfo", NOBODY, 10, 0),
    ("prctl", 38, 0, 0, 0, 0),
    ("prctl", 0x59616D61, 0, 0, 0, 0),
    ("ptrace", 0x4206, NOBODY, 0, 0),
    ("ptrace", 16, NOBODY, 0, 0),
    ("seccomp", 1, 2, 0),
    ("setns", -1, 0x40000000),
    ("unshare", 0x200),
    ("bpf", 5, 0, 0),
    ("keyctl", 6, 0, 0, 0, 0),
    ("sendto", -1, 0, 0, 0x4040, 0, 0),
    ("io_uring_register", -1, 9, 0, 0),
    ("setresuid", -1, -1, -1),
    *(("connect", -1, address.hex(), len(address)) for address in ADDRESSES),
    *(("sendto", -1, 0, 0, 0, address.hex(), len(address)) for address in ADDRESSES),
]


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """What strace printed of each call: its arguments and its result."""
    log = tmp_path_factory.mktemp("strace") / "log"
    lines = [json.dumps([load_numbers()[name][0], *arguments]) for name, *arguments in CALLS]
    names = ",".join(sorted({name for name, *_ in CALLS}))
    command = ["strace", "-X", "verbose", "-e", f"trace={names},futex", "-e", "signal=none", "-o", log]
    # The marker: a call that nothing else makes, before and after.
    marker = json.dumps([load_numbers()["kill"][0], NOBODY, 0])
    program = "\n".join([marker, *lines, marker])
    subprocess.run([*command, sys.executable, "-S", PROGRAM], input=program, text=True, check=True)
    shown = [line for line in log.read_text().splitlines() if not line.startswith(("futex", "+++"))]
    first, last = [number for number, line in enumerate(shown) if line.startswith(f"kill({NOBODY}, 0")]
    return shown[first + 1 : last]


def values_of(name, arguments):
    """What the probes would give of these arguments."""
    values = []
    for argument, value in zip(find_call(name).arguments, arguments, strict=False):
        raw = bytes.fromhex(value) if isinstance(value, str) else value
        if argument.kind is Kind.PATH:
            values += [raw.rstrip(b"\0").decode(), None]
        elif argument.kind is Kind.TEXT:
            values.append(raw.rstrip(b"\0").decode())
        elif argument.kind is Kind.SOCKET:
            values += [raw & 0xFFFFFFFF, None]
        elif argument.kind is Kind.ADDRESS:
            values.append(raw or None)
        elif argument.kind not in (Kind.HIDDEN, Kind.LENGTH):
            values.append(raw & 0xFFFFFFFF if argument.kind is not Kind.NUMBER else raw & (2**64 - 1))
    return values


def words(text):
    """Names of constants, each alone: the order of bits differs, and strace names what is zero."""
    return {word for word in re.findall(r"\b[A-Z]+[A-Z0-9]*_[A-Za-z0-9_]+|\bSIG[A-Z0-9]+", text) if word not in ZERO}


# Strace gives names to more than we do: where it is a number in ours.
ZERO = {"IPPROTO_IP", "IPPROTO_TCP", "AT_FDCWD", "AF_UNSPEC"}


def shown_address(line):
    """Rewrite strace's view of an address as ours."""
    port = re.search(r"htons\((\d+)\)", line)
    if match := re.search(r'inet_addr\("([^"]+)"\)', line):
        return f"{match[1]}:{port[1]}"
    if match := re.search(r'inet_pton\([^,]+, "([^"]+)"', line):
        scope = re.search(r"sin6_scope_id=(\d+)", line)[1]
        return f"[{match[1]}]:{port[1]}" if scope == "0" else f"[{match[1]}%{scope}]:{port[1]}"
    if match := re.search(r'sun_path=(@?)"([^"]*)"', line):
        return f"unix:{match[1]}{match[2]}" if match[1] or match[2].startswith("/") else f"unix:./{match[2]}"
    if match := re.search(r"nl_pid=(\d+), nl_groups=(\w+)", line):
        return f"netlink:{match[1]}/{int(match[2], 0):x}"
    match = re.search(r"svm_cid=(\w+), svm_port=(\w+)", line)
    return f"vsock:{int(match[1], 0)}/{int(match[2], 0)}"


@pytest.mark.parametrize("position", range(len(CALLS)), ids=[f"{n}-{call[0]}" for n, call in enumerate(CALLS)])
def test_a_call_is_shown_as_by_strace(traced, position):
    name, *arguments = CALLS[position]
    line = traced[position]
    assert line.startswith(f"{name}(")

    ours = decode_arguments(name, values_of(name, arguments))

    address = ours.pop("addr", "")
    if isinstance(address, str) and ":" in address:
        assert address == shown_address(line)
    else:
        assert words(json.dumps(ours)) == words(line.rpartition(" = ")[0])


def test_errors_are_named_as_by_strace(traced):
    errors = set(re.findall(r" = -1 (E[A-Z0-9]+) ", "\n".join(traced)))

    assert len(errors) > 5
    assert {decode_result(-getattr(errno, name)) for name in errors} == errors
