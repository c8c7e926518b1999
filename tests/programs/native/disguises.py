"""Attempts not to be seen, or to be taken for somebody else."""

import ctypes
import os
import sys

from planting import act

GUESSED = "guessed allowed"


def forged_return_address(plan):
    dll, path = plan.load("stacks"), plan.path()
    innocent = ctypes.cast(ctypes.pythonapi.PyLong_FromLong, ctypes.c_void_p)
    plan.does(lambda: dll.remove_with_forged_return(innocent, path), act("unlink", path=path, by=dll, flag=GUESSED))


def forged_call_site(plan):
    """The stack says that the interpreter called the C library, at a place where it calls something."""
    dll, path = plan.load("stacks"), plan.path()
    dll.find_call_site.restype = ctypes.c_void_p
    start, end = _code_around(ctypes.cast(ctypes.pythonapi.PyLong_FromLong, ctypes.c_void_p).value)
    place = ctypes.c_void_p(dll.find_call_site(ctypes.c_void_p(start), ctypes.c_void_p(end)))
    assert place, "no such place in this interpreter"
    unlink = ctypes.cast(ctypes.CDLL(None).unlink, ctypes.c_void_p)
    plan.does(lambda: dll.remove_from_call_site(path, place, unlink), act("unlink", path=path, by=dll, flag=GUESSED))


def borrowed_instruction(plan):
    dll, path = plan.load("stacks"), plan.path()
    plan.does(lambda: dll.remove_by_borrowed_instruction(path), act("unlink", path=path, by=dll))


def another_stack(plan):
    dll, path = plan.load("stacks"), plan.path()
    plan.does(lambda: dll.remove_on_another_stack(path), act("unlink", path=path, by=dll))


def coroutine(plan):
    dll, path = plan.load("stacks"), plan.path()
    plan.does(lambda: dll.remove_in_coroutine(path), act("unlink", path=path, by=dll))


def large_frame(plan):
    dll, path = plan.load("stacks"), plan.path()
    plan.does(lambda: dll.remove_from_large_frame(path), act("unlink", path=path, by=dll, flag=GUESSED))


def tail_call(plan):
    dll, path = plan.load("tail_calls"), plan.path()
    plan.does(lambda: dll.remove_by_tail_call(path), act("unlink", path=path, by=dll, flag=GUESSED))


def tail_call_at_exit(plan):
    dll, path = plan.load("tail_calls"), plan.path()
    plan.does(lambda: dll.leave_for_exit(path), act("unlink", path=path, by=dll, level="detached", flag=GUESSED))


def probes_overwritten(plan):
    """What the tracer wrote into the interpreter is written over; from then on Python's own acts raise no event."""
    dll, path, other = plan.load("probes"), plan.path(), plan.path()
    function = ctypes.cast(ctypes.pythonapi.PySys_Audit, ctypes.c_void_p)
    plan.does(
        lambda: dll.restore_by_mprotect(function),
        act("mprotect", by=dll, args={"prot": "PROT_READ|PROT_WRITE|PROT_EXEC"}, kind="tamper"),
    )
    plan.does(lambda: os.mkdir(path.value), act("mkdir", path=path, level=["python", "native"], may_be="os.mkdir"))
    plain = plan.load("plain")
    plan.does(lambda: plain.remove_path(other), act("unlink", path=other, by=plain))


def probes_overwritten_by_file(plan):
    dll, path, other = plan.load("probes"), plan.path(), plan.path()
    function = ctypes.cast(ctypes.pythonapi.PySys_Audit, ctypes.c_void_p)
    plan.does(
        lambda: dll.restore_by_memory_file(function),
        act("openat", args={"path": "/proc/self/mem"}, by=dll, kind="tamper"),
    )
    plan.does(lambda: os.mkdir(path.value), act("mkdir", path=path, level=["python", "native"], may_be="os.mkdir"))
    plain = plan.load("plain")
    plan.does(lambda: plain.remove_path(other), act("unlink", path=other, by=plain))


def traced_by_parent(plan):
    dll, path = plan.load("debugging"), plan.path()
    plan.does(
        lambda: dll.be_traced_and_remove(path),
        act("ptrace", by=dll, args={"request": "PTRACE_TRACEME"}, level="detached", made_by=dll, kind="tamper"),
        act("unlink", path=path, by=dll, level="detached", made_by=dll),
    )


def hidden_memory(plan):
    dll, path = plan.load("debugging"), plan.path()
    plan.does(
        lambda: dll.hide_memory_and_remove(path), act("prctl", by=dll, kind="tamper"), act("unlink", path=path, by=dll)
    )


def changed_name(plan):
    """Its name is another one, as if it were the kernel's: a thread's name is no act."""
    dll, path, name = plan.load("debugging"), plan.path(), plan.keep("kworker/0:1")
    plan.does(lambda: dll.change_name_and_remove(name, path), act("unlink", path=path, by=dll))


def filtered_calls(plan):
    dll, path = plan.load("debugging"), plan.path()
    plan.does(
        lambda: dll.filter_calls_and_remove(path),
        act("seccomp", by=dll, kind="tamper"),
        act("unlink", path=path, by=dll),
    )


def attempts(plan):
    dll = plan.load("debugging")
    names = ("bpf", "perf_event_open", "process_vm_writev")
    plan.does(
        lambda: dll.attempt_all(),
        act("openat", args={"path": "/sys/kernel/tracing/hostile-attempt-mark"}, by=dll, kind="tamper"),
        act("ptrace", by=dll, args={"request": "PTRACE_POKETEXT"}, kind="tamper"),
        *(act(name, by=dll, kind="tamper") for name in names),
    )


def audit_hook(plan):
    """The DLL acts when Python raises an event: no Python code calls it."""
    dll, path = plan.load("hook"), plan.path()
    ctypes.PyDLL(dll._name).remove_on_event(path)
    plan.does(lambda: sys.audit("hostile.signal"), act("unlink", path=path, by=dll))


def flood(plan):
    """`plan.size` calls, all the same, around one act."""
    dll, noise, path = plan.load("flood"), plan.path(), plan.path()
    plan.does(
        lambda: dll.flood(noise, plan.size, path),
        act("unlink", path=noise, by=dll, count=plan.size),
        act("mkdir", path=path, by=dll, leaves="folder"),
    )


def flood_of_different_calls(plan):
    """As many, each with another path: what is lost must be counted."""
    dll, noise, path = plan.load("flood"), plan.path(), plan.path()
    plan.does(
        lambda: dll.flood_with_different(noise, plan.size, path),
        act("mkdir", path=path, by=dll, leaves="folder", may_be_lost=True),
    )


def _code_around(address):
    with open("/proc/self/maps") as maps:
        ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps]
    return next(each for each in ranges if each[0] <= address < each[1])


TECHNIQUES = (
    forged_return_address,
    forged_call_site,
    borrowed_instruction,
    another_stack,
    coroutine,
    large_frame,
    tail_call,
    tail_call_at_exit,
    probes_overwritten,
    probes_overwritten_by_file,
    traced_by_parent,
    hidden_memory,
    changed_name,
    filtered_calls,
    attempts,
    audit_hook,
    flood,
    flood_of_different_calls,
)
