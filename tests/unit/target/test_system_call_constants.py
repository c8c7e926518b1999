"""The names of constants have the numbers that the kernel's and the C library's headers give them."""

import os
import subprocess

import pytest

from pyxhon.target.system_calls.constants import load_constants, show_bits, show_mixed, show_one

# linux/sched.h, linux/fcntl.h and linux/inotify.h define again what the C library's headers define.
HEADERS = """
sys/socket.h linux/net.h fcntl.h linux/fs.h linux/openat2.h sys/xattr.h sys/mount.h sys/inotify.h sched.h linux/mman.h
linux/memfd.h sys/shm.h linux/prctl.h asm/ptrace.h linux/ptrace.h linux/seccomp.h linux/bpf.h linux/keyctl.h
linux/io_uring.h linux/personality.h linux/reboot.h linux/perf_event.h signal.h
"""

NAMES = sorted({name for group in load_constants().values() for name in group.names.values()})

# In no header of glibc 2.36 and Linux 6.1: taken from include/uapi of later kernels, or known to the kernel alone.
NEWER = {
    "BPF_TOKEN_CREATE", "CLONE_CLEAR_SIGHAND", "CLONE_DETACHED", "CLONE_INTO_CGROUP", "MFD_EXEC", "MFD_NOEXEC_SEAL",
    "PR_GET_AUXV", "PR_GET_MDWE", "PR_GET_MEMORY_MERGE", "PR_SET_MDWE", "PR_SET_MEMORY_MERGE",
}  # fmt: skip


def program(lines):
    includes = "\n".join(f"#include <{header}>" for header in HEADERS.split())
    body = "\n".join(lines)
    return f"#define _GNU_SOURCE\n{includes}\n#include <stdio.h>\nint main(void) {{\n{body}\nreturn 0;\n}}\n"


def find_missing(folder):
    (folder / "missing.c").write_text(program(f"(void)({name});" for name in NAMES))
    command = ["gcc", "-w", "-fsyntax-only", "-fmax-errors=0", folder / "missing.c"]
    environment = {**os.environ, "LC_ALL": "C"}
    messages = subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stderr
    return {name for name in NAMES if f"'{name}' undeclared" in messages}


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """What a compiled program says of each name that the headers have."""
    folder = tmp_path_factory.mktemp("constants")
    missing = find_missing(folder)
    lines = [f'printf("{name} %lld\\n", (long long)({name}));' for name in NAMES if name not in missing]
    (folder / "values.c").write_text(program(lines))
    subprocess.run(["gcc", "-w", "-o", folder / "values", folder / "values.c"], check=True)
    output = subprocess.run([folder / "values"], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in (line.split() for line in output.splitlines())}


@pytest.mark.parametrize("group", load_constants())
def test_numbers_are_those_of_the_headers(group, values):
    ours = {name: number for number, name in load_constants()[group].names.items() if name in values}

    assert {name: values[name] & 0xFFFFFFFF for name in ours} == ours


def test_nearly_every_name_is_in_the_headers(values):
    operations = {name for name in NAMES if name.startswith("IORING_OP_") and name not in values}

    assert {name for name in NAMES if name not in values} - operations <= NEWER
    assert all(number > 48 for number, name in load_constants()["io_uring"].names.items() if name in operations)


def test_a_number_without_a_name_stays_a_number():
    assert show_one("family", 999) == 999


def test_a_bit_without_a_name_is_shown_in_hexadecimal():
    assert show_bits("prot", 0x13) == "PROT_READ|PROT_WRITE|0x10"


def test_no_bits_are_zero():
    assert show_bits("prot", 0) == 0


def test_an_enumeration_may_have_bits_above_it():
    assert show_mixed(("socket_kind", 0xF), "socket_flags", 0x80002) == "SOCK_DGRAM|SOCK_CLOEXEC"
