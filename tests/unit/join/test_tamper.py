"""Attempts to disturb tracing are told by the stored event."""

import pytest

from pyxhon.join.tamper import is_tampering
from pyxhon.trace.rows import EventRow


def event(name, arguments, kind="syscall"):
    return EventRow(1, 1, 1, kind, name, arguments, None, None, None, 1, 0, 1, 1, "test", is_truncated=False)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("ptrace", {"request": "PTRACE_TRACEME"}),
        ("process_vm_writev", {"pid": 1}),
        ("seccomp", {}),
        ("bpf", {}),
        ("perf_event_open", {}),
        ("i386:ptrace", {}),
        ("prctl", {"option": "PR_SET_DUMPABLE", "arg2": 0}),
        ("prctl", {"option": 22}),
        ("openat", {"path": "/proc/self/mem", "flags": 2}),
        ("openat", {"path": "/proc/77/task/78/mem", "flags": "O_WRONLY|O_CLOEXEC"}),
        ("open", {"path": "/proc/./self//mem", "flags": 1}),
        ("openat", {"path": "/sys/kernel/tracing/uprobe_events", "flags": 0}),
        ("openat", {"path": "/sys/kernel/debug/tracing/trace", "flags": 0}),
        ("creat", {"path": "/etc/ld.so.preload"}),
        ("execve", {"path": "/bin/true", "envp": ["A=1", "LD_PRELOAD=/tmp/x.so"]}),
    ],
)
def test_tampering_is_known(name, arguments):
    assert is_tampering(event(name, arguments))


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("openat", {"path": "/proc/self/mem", "flags": 0}),
        ("openat", {"path": "/proc/self/maps", "flags": 2}),
        ("openat", {"path": None, "flags": 2}),
        ("prctl", {"option": "PR_SET_NAME"}),
        ("prctl", {"option": "PR_SET_DUMPABLE", "arg2": 1}),
        ("mprotect", {"prot": 7}),
        ("execve", {"path": "/bin/true", "envp": ["A=LD_PRELOAD="]}),
        ("connect", None),
    ],
)
def test_other_acts_are_none(name, arguments):
    assert not is_tampering(event(name, arguments))


def test_text_of_the_interpreter_made_writable_is_tampering():
    change = event("mprotect", {"prot": "PROT_READ|PROT_WRITE|PROT_EXEC"}, kind="memory")

    assert is_tampering(change, "interpreter")
    assert not is_tampering(change, "library")


def test_what_the_recorder_calls_so_is_tampering():
    assert is_tampering(event("probe overwritten", {}, kind="tamper"))
