"""How a DLL gets in, under which name, and what it does at moments when nobody calls it."""

import ctypes
import os
import shutil
import sys

from planting import act


def constructor(plan):
    path, file = plan.path(), plan.library("constructor.so")
    os.environ["HOSTILE_CONSTRUCTOR"] = os.fsdecode(path.value)
    plan.does(lambda: ctypes.CDLL(file), act("unlink", path=path, by=file))


def resolver(plan):
    """Runs before the DLL's own constructors, while the loader still binds it."""
    path, file = plan.path(), plan.library("resolver.so")
    os.environ["HOSTILE_RESOLVER"] = os.fsdecode(path.value)
    plan.does(lambda: ctypes.CDLL(file), act("unlink", path=path, by=file))


def destructor(plan):
    dll, path = plan.load("moments"), plan.path()
    plan.does(lambda: dll.leave_for_fini(path), act("unlink", path=path, by=dll, level="detached"))


def exit_handler(plan):
    dll, path = plan.load("moments"), plan.path()
    plan.does(lambda: dll.leave_for_exit(path), act("unlink", path=path, by=dll, level="detached"))


def closed_again(plan):
    """Its destructor runs while Python closes it."""
    import _ctypes

    file, path = plan.library("moments.so"), plan.path()
    handle = _ctypes.dlopen(file, 0)
    leave = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)(_ctypes.dlsym(handle, "leave_for_fini"))
    leave(path.value)
    plan.does(lambda: _ctypes.dlclose(handle), act("unlink", path=path, by=file))


def address_reused(plan):
    """One DLL after the other at the same place."""
    import _ctypes

    files, starts = [plan.library("plain.so"), plan.library("one/libsame.so")], set()
    for file in files * 2:
        handle, path = _ctypes.dlopen(file, 0), plan.path()
        address = _ctypes.dlsym(handle, "remove_path")
        remove = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)(address)
        starts.add(address & ~4095)
        plan.does(lambda: remove(path.value), act("unlink", path=path, by=file))
        _ctypes.dlclose(handle)
    assert len(starts) == 1, starts


def other_namespace(plan):
    dll, path, file = plan.load("loaders"), plan.path(), plan.library("plain.so")
    source = plan.keep(file)
    plan.does(lambda: dll.remove_in_another_namespace(source, path), act("unlink", path=path, by=file))


def dll_loads_dll(plan):
    dll, path, file = plan.load("loaders"), plan.path(), plan.library("plain.so")
    source = plan.keep(file)
    plan.does(lambda: dll.remove_with_a_library_of_mine(source, path), act("unlink", path=path, by=file))


def without_loader(plan):
    """A file's code is mapped by hand: the loader knows nothing of it."""
    dll, path, file = plan.load("loaders"), plan.path(), plan.library("code.bin")
    source = plan.keep(file)
    plan.does(lambda: dll.remove_without_loader(source, 0, path), act("unlink", path=path, by=file))


def memory_file(plan):
    dll, path = plan.load("loaders"), plan.path()
    source = plan.keep(plan.library("plain.so"))
    plan.does(
        lambda: dll.remove_from_memory_file(source, path),
        act("memfd_create", by=dll),
        act("unlink", path=path, by="memfd:hostile-dll", made_by=dll),
    )


def without_unwind_tables(plan):
    dll, path = plan.load("no_tables"), plan.path()
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=dll, flag="guessed allowed"))


def without_section_headers(plan):
    dll, path = plan.load("no_sections"), plan.path()
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=dll))


def unlinked(plan):
    file, path = _copy(plan, "plain.so", "unlinked.so"), plan.path()
    dll = ctypes.CDLL(file)
    os.unlink(file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def replaced(plan):
    """Another file, with other code at the same places, takes the place of the one that is loaded."""
    file, path = _copy(plan, "plain.so", "replaced.so"), plan.path()
    dll = ctypes.CDLL(file)
    os.replace(_copy(plan, "stacks.so", "other.so"), file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def cut_short(plan):
    """The file is cut short right after the act: who has mapped it to read it is killed."""
    dll, path, file = plan.load("loaders"), plan.path(), _copy(plan, "code.bin", "cut.bin")
    source = plan.keep(file)
    plan.does(lambda: dll.remove_without_loader(source, 0, path), act("unlink", path=path, by=file))
    os.truncate(file, 0)


def named_as_c_library(plan):
    """By its name it would be the C library, which answers for nothing."""
    file, path = _copy(plan, "plain.so", "lib/libc.so.6"), plan.path()
    dll = ctypes.CDLL(file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def named_as_loader(plan):
    file, path = _copy(plan, "plain.so", "lib64/ld-linux-x86-64.so.2"), plan.path()
    dll = ctypes.CDLL(file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def named_as_interpreter(plan):
    name = "libpython%d.%d.so.1.0" % sys.version_info[:2]
    file, path = _copy(plan, "plain.so", name), plan.path()
    dll = ctypes.CDLL(file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def named_as_libffi(plan):
    file, path = _copy(plan, "plain.so", "libffi.so.8"), plan.path()
    dll = ctypes.CDLL(file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def one_name_for_two(plan):
    """Two DLLs that both say they are libsame.so."""
    first, second = plan.library("one/libsame.so"), plan.library("two/libsame.so")
    one, two = ctypes.CDLL(first), ctypes.CDLL(second)
    path, other = plan.path(), plan.path()
    plan.does(lambda: one.remove_path(path), act("unlink", path=path, by=first))
    plan.does(lambda: two.remove_path(other), act("unlink", path=other, by=second))


def odd_name(plan):
    """A name with what confuses readers of /proc/PID/maps."""
    file, path = _copy(plan, "plain.so", "a b\n[vdso] (deleted)"), plan.path()
    dll = ctypes.CDLL(file)
    plan.does(lambda: dll.remove_path(path), act("unlink", path=path, by=file))


def preloaded(plan):
    """Starts itself again with LD_PRELOAD: acts before Python begins, and wherever Python removes a file."""
    file = plan.library("preload.so")
    if os.environ.get("LD_PRELOAD") != file:
        path = plan.path()
        environment = dict(os.environ, LD_PRELOAD=file, HOSTILE_CONSTRUCTOR=os.fsdecode(path.value))
        command = [sys.executable] + sys.argv
        plan.does(
            lambda: os.execve(sys.executable, command, environment),
            act("unlink", path=path, by=file, level="detached"),
        )
    path, other = plan.path(), plan.path()
    os.environ["HOSTILE_INTERPOSED"] = os.fsdecode(other.value)
    text = os.fsdecode(path.value)
    open(text, "w").close()
    plan.does(
        lambda: os.remove(text),
        act("os.remove", path=path, level="python"),
        act("unlink", path=path, by=file),
        act("mkdir", path=other, by=file),
    )


def _copy(plan, name, target):
    file = os.path.join(plan.folder, target)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    shutil.copyfile(plan.library(name), file)
    return file


TECHNIQUES = (
    constructor,
    resolver,
    destructor,
    exit_handler,
    closed_again,
    address_reused,
    other_namespace,
    dll_loads_dll,
    without_loader,
    memory_file,
    without_unwind_tables,
    without_section_headers,
    unlinked,
    replaced,
    cut_short,
    named_as_c_library,
    named_as_loader,
    named_as_interpreter,
    named_as_libffi,
    one_name_for_two,
    odd_name,
    preloaded,
)
