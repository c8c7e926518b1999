"""Who calls: the C library, an instruction of a DLL's own, code without a file, the kernel's other doors."""

import ctypes
import os
import socket
import sys

from planting import act


def libc_call(plan):
    dll, path, port = plan.load("plain"), plan.path(), plan.closed_port()
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=dll))
    plan.does(lambda: dll.connect_to(port), act("connect", port=port, by=dll))


def libc_without_dll(plan):
    """ctypes calls the C library itself: nobody but Python and libffi is there."""
    libc, path = ctypes.CDLL(None), plan.path()
    plan.does(lambda: libc.unlink(path), act("unlink", path=path, by=_ctypes_or_none(), object_may_be_none=True))


def extension_module(plan):
    sys.path.insert(0, plan.libraries)
    first, second, port = plan.path(), plan.path(), plan.closed_port()
    file = plan.library("hostile_extension.so")
    os.environ["HOSTILE_INITIALISATION"] = os.fsdecode(first.value)
    plan.does(lambda: __import__("hostile_extension"), act("unlink", path=first, by=file))
    extension, text = sys.modules["hostile_extension"], os.fsdecode(second.value)
    plan.does(lambda: extension.remove_path(text), act("unlink", path=second, by=file))
    plan.does(lambda: extension.connect_to(port), act("connect", port=port, by=file))


def dll_through_dll(plan):
    dll, path = plan.load("through"), plan.path()
    plan.does(lambda: dll.remove_through_another(path), act("unlink", path=path, by=plan.library("plain.so")))


def raw_instruction(plan):
    dll, path, port = plan.load("raw"), plan.path(), plan.closed_port()
    plan.does(lambda: dll.remove_raw(path), act("unlink", path=path, by=dll))
    plan.does(lambda: dll.connect_raw(port), act("connect", port=port, by=dll))


def writable_code(plan):
    dll, path = plan.load("anonymous"), plan.path()
    plan.does(
        lambda: dll.remove_from_writable_code(path),
        act("mmap", by=dll),
        act("unlink", path=path, by="anon:*", made_by=dll),
    )


def code_made_executable(plan):
    dll, path = plan.load("anonymous"), plan.path()
    plan.does(
        lambda: dll.remove_from_code_made_executable(path),
        act("mprotect", by=dll),
        act("unlink", path=path, by="anon:*", made_by=dll),
    )


def code_in_a_second_view(plan):
    dll, path = plan.load("anonymous"), plan.path()
    plan.does(
        lambda: dll.remove_from_a_second_view(path),
        act("memfd_create", by=dll),
        act("mmap", by=dll),
        act("unlink", path=path, by="memfd:second-view", made_by=dll),
    )


def moved_code(plan):
    dll, path = plan.load("anonymous"), plan.path()
    plan.does(
        lambda: dll.remove_from_moved_code(path),
        act("mmap", by=dll),
        act("unlink", path=path, by="anon:*", flag="guessed allowed"),
    )


def readable_code(plan):
    """Executable by the process's personality."""
    dll, path = plan.load("anonymous"), plan.path()
    plan.does(
        lambda: dll.remove_from_readable_code(path),
        act("personality", args={"persona": "READ_IMPLIES_EXEC"}, by=dll),
        act("unlink", path=path, by="anon:*"),
    )


def code_of_another_dll(plan):
    """The DLL whose function is written over acts, as it seems."""
    dll, victim, path = plan.load("anonymous"), plan.load("plain"), plan.path()
    function = ctypes.cast(victim.remove_path, ctypes.c_void_p)
    plan.does(
        lambda: dll.remove_from_code_of_another(function, path),
        act("mprotect", args={"path": victim._name}, by=dll),
        act("unlink", path=path, by=victim, made_by=dll, confidence="suspect"),
    )


def i386_gate(plan):
    dll, path, port, other = plan.load("gates"), plan.path(), plan.closed_port(), plan.closed_port()
    plan.does(lambda: dll.remove_by_i386(path), act("i386:unlink", path=path, by=dll))
    # Number 362 of the i386 table; no call at all in the machine's own.
    plan.does(lambda: dll.connect_by_i386(port), act("i386:connect", port=port, by=dll))
    plan.does(lambda: dll.connect_by_socketcall(other), act("i386:socketcall", by=dll, seen_as="connect"))


def x32_gate(plan):
    dll, path = plan.load("gates"), plan.path()
    result = plan.does(lambda: dll.remove_by_x32(path), act("x32:unlink", path=path, by=dll, is_unseen=True))
    assert result in {-2, -38}, result  # no such file; no such system call, where the kernel has no x32


def python_in_between(plan):
    """Python calls the DLL, which calls Python, which removes; then the DLL acts itself."""
    dll, first, second = plan.load("stacks"), plan.path(), plan.path()
    text = os.fsdecode(first.value)
    callback = ctypes.CFUNCTYPE(ctypes.c_int)(
        lambda: plan.does(lambda: os.remove(text) or 0, act("os.remove", path=first, level="python"))
    )
    open(text, "w").close()
    plan.does(lambda: dll.call_back_and_remove(callback, second), act("unlink", path=second, by=dll))


def c_library_calls_back(plan):
    dll, path = plan.load("stacks"), plan.path()
    plan.does(lambda: dll.remove_while_sorting(path), act("unlink", path=path, by=dll))


def one_connect_at_every_level(plan):
    """The same act by the socket module, an extension module, ctypes, and a thread of a DLL."""
    sys.path.insert(0, plan.libraries)
    import hostile_extension as extension

    dll, ports, connection = plan.load("plain"), [plan.closed_port() for _ in range(4)], socket.socket()
    by_socket = getattr(sys.modules["_socket"], "__file__", None)
    plan.does(
        lambda: connection.connect_ex(("127.0.0.1", ports[0])),
        act("socket.connect", port=ports[0], by=by_socket, level="python"),
    )
    plan.does(lambda: extension.connect_to(ports[1]), act("connect", port=ports[1], by=extension.__file__))
    plan.does(lambda: dll.connect_to(ports[2]), act("connect", port=ports[2], by=dll))
    plan.does(
        lambda: dll.connect_in_thread(ports[3]),
        act("connect", port=ports[3], by=dll, level="detached", made_by=dll),
    )


def _ctypes_or_none():
    return getattr(sys.modules["_ctypes"], "__file__", None)


TECHNIQUES = (
    libc_call,
    libc_without_dll,
    extension_module,
    dll_through_dll,
    raw_instruction,
    writable_code,
    code_made_executable,
    code_in_a_second_view,
    moved_code,
    readable_code,
    code_of_another_dll,
    i386_gate,
    x32_gate,
    python_in_between,
    c_library_calls_back,
    one_connect_at_every_level,
)
