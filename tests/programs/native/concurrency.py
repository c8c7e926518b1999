"""Threads, children, signal handlers and rings: acts that no Python frame calls."""

import ctypes
import os
import shutil
import signal

from planting import act

ANY_LEVEL = ["native", "detached"]


def native_thread(plan):
    dll, path = plan.load("threads"), plan.path()
    plan.does(lambda: dll.remove_in_thread(path), act("unlink", path=path, by=dll, level="detached", made_by=dll))


def thread_of_a_thread(plan):
    dll, path = plan.load("threads"), plan.path()
    plan.does(
        lambda: dll.remove_in_thread_of_thread(path), act("unlink", path=path, by=dll, level="detached", made_by=dll)
    )


def thread_in_another_dll(plan):
    """One DLL starts the thread, another's function runs in it."""
    starter, other, path = plan.load("threads"), plan.load("plain"), plan.path()
    function = ctypes.cast(other.remove_path, ctypes.c_void_p)
    plan.does(
        lambda: starter.run_in_thread(function, path),
        act("unlink", path=path, by=other, level="detached", made_by=starter),
    )


def thread_of_c_library(plan):
    dll, path = plan.load("threads"), plan.path()
    plan.does(
        lambda: dll.remove_by_thread_of_c_library(path),
        act("unlink", path=path, by=dll, level="detached", made_by=dll),
    )


def thread_that_ends(plan):
    dll, path = plan.load("threads"), plan.path()
    plan.does(
        lambda: dll.remove_when_thread_ends(path), act("unlink", path=path, by=dll, level="detached", made_by=dll)
    )


def bare_thread(plan):
    """Unknown to the thread library, with the thread-local storage of the thread that made it."""
    dll, path = plan.load("threads"), plan.path()
    plan.does(lambda: dll.remove_in_bare_thread(path), act("unlink", path=path, by=dll, level=ANY_LEVEL, made_by=dll))


def vforked_program(plan):
    dll, path = plan.load("processes"), plan.path()
    name, program = _marked_program(plan)
    plan.does(
        lambda: dll.vfork_and_execute(name, path),
        act("execve", path=program, by=dll, level=ANY_LEVEL),
        act("unlink", path=path, by=program, level="detached", made_by=dll),
    )


def spawned_program(plan):
    dll, path = plan.load("processes"), plan.path()
    name, program = _marked_program(plan)
    plan.does(
        lambda: dll.spawn(name, path),
        act("execve", path=program, by=dll, level=ANY_LEVEL),
        act("unlink", path=path, by=program, level="detached", made_by=dll),
    )


def _marked_program(plan):
    name = plan.path()
    return name, shutil.copy2(plan.library("program"), os.fsdecode(name.value))


def program_without_file(plan):
    dll, path = plan.load("processes"), plan.path()
    program = plan.keep(plan.library("program"))
    plan.does(
        lambda: dll.execute_from_memory(program, path),
        act("memfd_create", by=dll),
        act("execveat", args={"path": "memfd:hostile-program"}, by=dll, level=ANY_LEVEL),
        act("unlink", path=path, by="memfd:hostile-program", level="detached", made_by=dll),
    )


def forked_child(plan):
    dll, path = plan.load("processes"), plan.path()
    plan.does(lambda: dll.remove_in_child(path), act("unlink", path=path, by=dll, level="detached", made_by=dll))


def child_in_shared_memory(plan):
    dll, path = plan.load("processes"), plan.path()
    plan.does(lambda: dll.remove_in_shared_memory(path), act("unlink", path=path, by=dll, level=ANY_LEVEL, made_by=dll))


def child_in_pid_namespace(plan):
    dll, path = plan.load("processes"), plan.path()
    plan.does(
        lambda: dll.remove_in_pid_namespace(path),
        act("unlink", path=path, by=dll, level=ANY_LEVEL, made_by=dll),
    )


def child_that_outlives(plan):
    """A grandchild acts when its makers have gone."""
    dll, path = plan.load("processes"), plan.path()
    plan.does(
        lambda: dll.remove_when_all_have_gone(path),
        act("unlink", path=path, by=dll, level="detached", made_by=dll),
    )


def signal_handler(plan):
    dll, path = plan.load("signals"), plan.path()
    dll.remove_on_signal(path)
    plan.does(lambda: os.kill(os.getpid(), signal.SIGUSR1), act("unlink", path=path, by=dll, level=ANY_LEVEL))


def signal_handler_with_information(plan):
    dll, path = plan.load("signals"), plan.path()
    dll.remove_on_signal_with_information(path)
    plan.does(lambda: os.kill(os.getpid(), signal.SIGUSR1), act("unlink", path=path, by=dll, level=ANY_LEVEL))


def signal_handler_on_another_stack(plan):
    dll, path = plan.load("signals"), plan.path()
    dll.remove_on_signal_on_another_stack(path)
    plan.does(lambda: os.kill(os.getpid(), signal.SIGUSR1), act("unlink", path=path, by=dll, level=ANY_LEVEL))


def own_signal(plan):
    dll, path = plan.load("signals"), plan.path()
    plan.does(lambda: dll.remove_on_signal_of_mine(path), act("unlink", path=path, by=dll, level=ANY_LEVEL))


def ring(plan):
    _use_ring(plan, 0, {})


def ring_with_kernel_thread(plan):
    """The kernel's thread submits: no thread of the process makes a system call for it."""
    _use_ring(plan, 1, {"level": ANY_LEVEL, "made_by": plan.library("rings.so")})


def _use_ring(plan, has_thread, details):
    dll, path, other, port = plan.load("rings"), plan.path(), plan.path(), plan.open_port()
    open(other.value, "w").close()
    details.update(by=dll, is_unseen=True)
    results = [
        plan.does(lambda: dll.ring_create_file(path, has_thread), act("openat", path=path, leaves="file", **details)),
        plan.does(lambda: dll.ring_remove(other, has_thread), act("unlinkat", path=other, leaves="nothing", **details)),
        plan.does(lambda: dll.ring_connect(port, has_thread), act("connect", port=port, **details)),
    ]
    assert min(results) >= 0, results


TECHNIQUES = (
    native_thread,
    thread_of_a_thread,
    thread_in_another_dll,
    thread_of_c_library,
    thread_that_ends,
    bare_thread,
    vforked_program,
    spawned_program,
    program_without_file,
    forked_child,
    child_in_shared_memory,
    child_in_pid_namespace,
    child_that_outlives,
    signal_handler,
    signal_handler_with_information,
    signal_handler_on_another_stack,
    own_signal,
    ring,
    ring_with_kernel_thread,
)
