"""Threads that wait in known places; prints the stack of each as Python tells it, and then waits itself.

The arguments are the kinds of threads: lock, sleep, receive, callback, generator, inner, busy.
"""

import ctypes
import json
import os
import select
import socket
import sys
import threading
import time

gate = threading.Lock()
ours, theirs = socket.socketpair()
reading, writing = os.pipe()
COMPARISON = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
QSORT = ctypes.CDLL(None).qsort


# In each function the thread says that it is there and begins to wait on the same line.
def lock(there):
    there.release(), gate.acquire()


def sleep(there):
    there.release(), time.sleep(10000)


def receive(there):
    there.release(), ours.recv(1)


def poll(there):
    there.release(), select.select([ours], [], [])


def callback(there):
    def compare(left, right):
        return sum(wait() for _ in "1")

    def wait():
        there.release(), gate.acquire()

    numbers = (ctypes.c_int * 2)(2, 1)
    QSORT(numbers, 2, 4, COMPARISON(compare))


def generator(there):
    def inner():
        yield lock(there)

    def outer():
        yield from inner()

    return sorted(outer())


def inner(there):
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    run = getattr(interpreters, "exec", None) or interpreters.run_string
    code = "def wait():\n os.write(%d, b'1'), time.sleep(10000)\nimport os, time\nwait()" % writing
    other = interpreters.create()
    there.release(), run(other, code)


def busy(there):
    there.release()
    while True:
        pass


def stack_of(frame):
    stack = []
    while frame is not None:
        code = frame.f_code
        stack.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
        frame = frame.f_back
    return stack


def say(numbers):
    stacks = {numbers[ident]: stack_of(frame) for ident, frame in sys._current_frames().items()}
    stacks[threading.get_native_id()] = stack_of(sys._getframe(1))
    os.write(1, (json.dumps(stacks) + "\n").encode())


def begin(kind, numbers):
    there = threading.Lock()
    there.acquire()

    def run():
        numbers[threading.get_ident()] = threading.get_native_id()
        globals()[kind](there)

    threading.Thread(target=run, daemon=True, name=kind).start()
    there.acquire()
    if kind == "inner":
        os.read(reading, 1)


def main():
    os.write(1, b"ready\n")
    gate.acquire()
    numbers = {threading.get_ident(): threading.get_native_id()}
    for kind in sys.argv[1:]:
        begin(kind, numbers)
    say(numbers), os.read(0, 1)


main()
