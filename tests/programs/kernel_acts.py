"""Does a few acts that scripts/kernel_check.py looks for, each on a line that says so, and prints a line."""

import json  # act: import
import ctypes
import os
import sys


def load():
    ctypes.CDLL("libanl.so.1")  # act: dlopen


def audit():
    sys.audit("my.event", "a", 1)  # act: event


def fail():
    try:
        import no_such_module_here  # act: failing import
    except ImportError:
        pass


def fork():
    child = os.fork()  # act: fork
    if child == 0:
        sys.audit("my.child", os.getpid())  # act: event in the child
        os._exit(7)
    os.waitpid(child, 0)


def read():
    for _ in range(5):
        open(__file__).close()  # act: open


load()
audit()
fail()
fork()
read()
print("done")
