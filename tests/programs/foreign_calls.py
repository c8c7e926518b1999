"""Calls functions of DLLs by ctypes: from threads, a callback, a child, and code that lies in no file.

Prints what it called, how often and at which line, as JSON.
"""

import ctypes
import inspect
import json
import mmap
import os
import threading

RETURN_42 = b"\xb8\x2a\x00\x00\x00\xc3"  # mov eax, 42; ret
TIMES = 300

counts = []
libc = ctypes.CDLL("libc.so.6")
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def note(symbol, count, line):
    """Remember `count` calls at a line."""
    counts.append([symbol, count, line])


def line():
    """Give the line of the caller."""
    return inspect.currentframe().f_back.f_lineno


def work(_):
    for _ in range(TIMES):
        libc.getppid()


def compare(first, second):
    libc.labs(first[0])  # from Python that C calls
    compare.calls += 1
    return first[0] - second[0]


compare.calls = 0
threads = [threading.Thread(target=work, args=(each,)) for each in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
note("getppid", 4 * TIMES, work.__code__.co_firstlineno + 2)

values = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
libc.qsort(values, 5, ctypes.sizeof(ctypes.c_int), COMPARE(compare))
note("qsort", 1, line() - 1)
note("labs", compare.calls, compare.__code__.co_firstlineno + 1)
assert list(values) == [1, 2, 3, 4, 5]

memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(RETURN_42)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42
note(None, 1, line() - 1)

ctypes.pythonapi.Py_IsInitialized()
note("Py_IsInitialized", 1, line() - 1)

child = os.fork()
if not child:
    libc.getpgrp()
    os._exit(0)
os.waitpid(child, 0)
note("getpgrp", 1, line() - 3)

print(json.dumps({"counts": counts, "address": address}), flush=True)
