"""Raises events, imports and opens DLLs, as fast as four threads can.

flood.py DISTINCT TIMES   so many different argument lists in each thread, each so many times
"""

import _ctypes
import os
import sys
import threading

DISTINCT, TIMES = map(int, sys.argv[1:])


def flood(number):
    for _ in range(TIMES):
        for index in range(DISTINCT):
            sys.audit("own.flood", number, index, "x" * 500)
            id(index % 10)
            __import__("os")
    for _ in range(20):
        _ctypes.dlclose(_ctypes.dlopen("libc.so.6", 2))


os.write(1, b"ready\n")
os.read(0, 3)
threads = [threading.Thread(target=flood, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
