"""Makes memory executable in every way; each line of input is a command, each line of output says what it made."""

import ctypes
import mmap
import os
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
LIBC.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
LIBC.dlopen.restype = ctypes.c_void_p
LIBC.dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
LIBC.dlclose.argtypes = [ctypes.c_void_p]
LIBC.dlsym.restype = ctypes.c_void_p
LIBC.dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
PAGE = 4096
READ, EXEC = mmap.PROT_READ, mmap.PROT_EXEC
ANONYMOUS = -1


def map_pages(descriptor, protection):
    kind = mmap.MAP_PRIVATE | (mmap.MAP_ANONYMOUS if descriptor == ANONYMOUS else 0)
    address = LIBC.mmap(None, PAGE, protection, kind, descriptor, 0)
    assert address not in (None, ctypes.c_void_p(-1).value)
    return address


def load_and_unlink(path):
    handle = LIBC.dlopen(path.encode(), 2)
    os.unlink(path)
    return LIBC.dlsym(handle, b"answer")


def execute_memfd(content):
    descriptor = os.memfd_create("planted")
    os.write(descriptor, content.encode().ljust(PAGE))
    return map_pages(descriptor, READ | EXEC)


def protect_file(path):
    address = map_pages(os.open(path, os.O_RDONLY), READ)
    assert LIBC.mprotect(address, PAGE, READ | EXEC) == 0
    return address


def protect_anonymous():
    address = map_pages(ANONYMOUS, READ)
    assert LIBC.mprotect(address, PAGE, READ | EXEC) == 0
    return address


def load_one_after_another(first, second):
    addresses = []
    for path in (first, second):
        handle = LIBC.dlopen(path.encode(), 2)
        addresses.append(LIBC.dlsym(handle, b"answer"))
        assert LIBC.dlclose(handle) == 0
    assert addresses[0] == addresses[1], "the second library did not take the place of the first"
    return addresses[0]


def short_lives(folder, count):
    """Children that unlink the file which they have mapped, and end at once."""
    pids = []
    for index in range(int(count)):
        path = os.path.join(folder, str(index))
        descriptor = os.open(path, os.O_RDONLY)
        child = os.fork()
        if child == 0:
            map_pages(descriptor, READ | EXEC)
            os.unlink(path)
            os._exit(0)
        os.close(descriptor)
        os.waitpid(child, 0)
        pids.append(child)
    return " ".join(map(str, pids))


def flood(count):
    LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    for _ in range(int(count)):
        LIBC.munmap(map_pages(ANONYMOUS, READ | EXEC), PAGE)


def inherit():
    """A child that maps nothing itself; its parent's mappings are its own."""
    child = os.fork()
    if child == 0:
        sys.stdin.readline()
        os._exit(0)
    return child


def execute(program):
    child = os.fork()
    if child == 0:
        os.execv(program, [program])
    os.waitpid(child, 0)
    return child


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        name, *arguments = line.split()
        print(globals()[name](*arguments), flush=True)


main()
