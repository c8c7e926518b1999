"""The tables of system calls agree with the kernel's headers, and the rules with the declarations."""

import re
import subprocess
import sys

import pytest

from pyxhon.controls import I386_SYSCALLS, MAX_SYSCALLS, SyscallArgument, SyscallFlag
from pyxhon.events import EventFlag
from pyxhon.target.system_calls.declarations import (
    argument_names,
    find_call,
    load_calls,
    rules,
    sensitive_names,
)
from pyxhon.target.system_calls.numbers import bare_name, describe, indices_of, load_numbers
from pyxhon.target.system_calls.shown import is_known
from tests.interpreters import CHECKOUT

HEADERS = {"unistd_64.h": 0, "unistd_x32.h": 1, "unistd_32.h": 2}
# What the native layer was asked to see.
ISSUE = """
open openat openat2 creat unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat
rmdir mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat truncate ftruncate mount umount2
pivot_root chroot setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
open_by_handle_at name_to_handle_at fanotify_init inotify_add_watch swapon acct quotactl fsopen fsmount move_mount
open_tree socket connect bind listen accept accept4 sendto sendmsg sendmmsg socketpair write writev sendfile execve
execveat fork vfork clone clone3 kill tkill tgkill rt_sigqueueinfo ptrace prctl process_vm_readv process_vm_writev
seccomp setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset unshare setns
pidfd_open pidfd_getfd pidfd_send_signal personality reboot settimeofday clock_settime sethostname mmap mprotect
pkey_mprotect memfd_create bpf perf_event_open init_module finit_module delete_module kexec_load kexec_file_load
keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register userfaultfd iopl ioperm
modify_ldt
"""
KINDS = [SyscallArgument.PATH, SyscallArgument.FOLDER]


def wanted(flags):
    return flags & SyscallFlag.WANTED


@pytest.mark.parametrize("header, column", HEADERS.items())
def test_every_number_of_the_headers_is_in_the_table(header, column):
    program = f"#include <asm/{header}>\n"

    macros = subprocess.run(["gcc", "-E", "-dM", "-"], input=program, capture_output=True, text=True, check=True).stdout

    defined = {
        name: int(re.findall(r"\d+", value)[-1])
        for name, value in re.findall(r"^#define __NR_(\w+) (.*)$", macros, re.MULTILINE)
    }
    assert len(defined) > 300
    numbers = load_numbers()
    assert {name: numbers[name][column] for name in defined if name in numbers} == defined


def test_the_table_is_what_the_generator_writes():
    result = subprocess.run([sys.executable, CHECKOUT / "scripts/generate_system_calls.py", "--check"], check=False)

    assert result.returncode == 0


@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_number_has_one_name(column):
    numbers = [columns[column] for columns in load_numbers().values() if columns[column] is not None]

    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    "index, flags, name",
    [
        (87, 0, "unlink"),
        (10, EventFlag.IS_I386, "i386:unlink"),
        (I386_SYSCALLS + 10, EventFlag.IS_I386, "i386:unlink"),
        (I386_SYSCALLS + 10, 0, "i386:unlink"),
        (87, EventFlag.IS_X32, "x32:unlink"),
        (520, EventFlag.IS_X32, "x32:execve"),
        (59, EventFlag.IS_X32, "x32:syscall_59"),
        (520, 0, "x32:execve"),
        (469, 0, "file_setattr"),
        (I386_SYSCALLS + 469, 0, "i386:file_setattr"),
        (471, 0, "rseq_slice_yield"),
        (999, 0, "syscall_999"),
        (I386_SYSCALLS + 999, 0, "i386:syscall_999"),
    ],
)
def test_a_call_is_named_by_the_table_it_came_by(index, flags, name):
    assert describe(index, flags) == name


def test_every_declared_call_is_in_a_table():
    assert [name for name in load_calls() if not indices_of(name)] == []


def test_every_argument_is_shown_in_a_known_way():
    arguments = [argument for call in load_calls().values() for argument in call.arguments]

    assert [one for one in arguments if one.shown and not is_known(one.shown)] == []


@pytest.mark.parametrize("name", load_calls())
def test_a_declaration_is_one_that_probes_can_follow(name):
    call = find_call(name)
    kinds = [argument.kind for argument in call.arguments]

    assert len(kinds) <= 6
    # A length follows what it is the length of; a path follows its folder.
    for first, second in zip(kinds, [*kinds, None][1:], strict=True):
        assert (first is SyscallArgument.FOLDER) <= (second is SyscallArgument.PATH)
        if first in (SyscallArgument.ADDRESS, SyscallArgument.BYTES):
            assert second is SyscallArgument.LENGTH
    if call.flags & SyscallFlag.ONLY_SOCKET:
        assert kinds[0] is SyscallArgument.SOCKET
    if call.flags & SyscallFlag.ONLY_EXECUTABLE:
        assert call.arguments[2].name == "prot"


def declared_with(table, name):
    """A call's rule by one of its numbers."""
    return rules("sensitive").get(indices_of(name)[table])


@pytest.mark.parametrize(
    "name",
    ISSUE.split(),
)
def test_a_sensitive_call_is_wanted_by_every_number_it_has(name):
    known = rules("sensitive")

    assert all(wanted(known[index].flags) for index in indices_of(name))


@pytest.mark.parametrize(
    "name",
    [
        "read",
        "close",
        "stat",
        "newfstatat",
        "statx",
        "futex",
        "getrandom",
        "lseek",
        "munmap",
        "rt_sigaction",
        "recvfrom",
    ],
)
def test_other_calls_are_counted_only_with_all(name):
    index = indices_of(name)[0]

    assert index not in rules("sensitive")
    assert rules("all")[index].flags == SyscallFlag.IS_COUNTED


def test_all_counts_numbers_that_no_table_knows():
    everything = rules("all")

    assert set(everything) == set(range(MAX_SYSCALLS))
    assert {index: rule for index, rule in everything.items() if wanted(rule.flags)} == rules("sensitive")


def test_off_asks_for_nothing():
    assert rules("off") == {}


@pytest.mark.parametrize("name", ["mmap", "mprotect", "pkey_mprotect"])
def test_memory_is_only_wanted_when_it_becomes_executable(name):
    rule = declared_with(0, name)

    assert rule.flags == SyscallFlag.WANTED | SyscallFlag.ONLY_EXECUTABLE | SyscallFlag.IS_MAKER


def test_the_old_mmap_of_i386_takes_a_struct():
    rule = rules("sensitive")[I386_SYSCALLS + 90]

    assert rule.argument0 == SyscallArgument.WORDS
    assert not rule.flags & SyscallFlag.ONLY_EXECUTABLE


@pytest.mark.parametrize("name", ["fork", "vfork", "clone", "clone3", "memfd_create", "io_uring_setup"])
def test_makers_send_each_result(name):
    assert declared_with(0, name).flags & SyscallFlag.IS_MAKER


def test_a_handler_is_known_but_no_event():
    assert find_call("rt_sigaction").is_handler
    assert "rt_sigaction" not in sensitive_names()


@pytest.mark.parametrize("name", ["sendto", "write", "writev", "sendmsg", "sendfile"])
def test_of_data_sent_only_the_socket_counts(name):
    kinds = [argument.kind for argument in find_call(name).arguments]

    assert kinds[0] is SyscallArgument.SOCKET
    assert SyscallArgument.BYTES not in kinds


def test_arguments_are_named_as_they_are_shown():
    assert argument_names("openat2") == ("dirfd", "path", "flags", "mode", "resolve")
    assert argument_names("write") == ("fd", "addr")
    assert argument_names("i386:unlink") == ("path",)
    assert argument_names("read") == ()


def test_no_two_paths_of_a_call_share_a_name():
    for call in load_calls().values():
        names = [argument.name for argument in call.arguments if argument.kind in KINDS]
        assert len(names) == len(set(names)), call.name


def test_names_are_bare_or_of_one_table():
    assert {name.partition(":")[0] for name in load_calls() if name != bare_name(name)} == {"i386"}
