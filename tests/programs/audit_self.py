"""Raises events by sys.audit() without any hook, in threads and forked children, and prints what it raised, and where."""

import json
import os
import sys
import threading

raised = []


def stack_of(frame):
    stack = []
    while frame is not None:
        code = frame.f_code
        stack.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
        frame = frame.f_back
    return stack


def audit(name, *arguments):
    # both on one line, so that they are raised where they are noted
    raised.append([os.getpid(), "own." + name, list(arguments), stack_of(sys._getframe())]), sys.audit("own." + name, *arguments)  # fmt: skip


def descend(depth, number):
    if depth:
        return [descend(depth - 1, number) for _ in "1"][0]
    audit("depth", number)
    for index in range(3):
        audit("\u20acuro", number, index)
        audit("repeated")


def tell():
    os.write(1, (json.dumps(raised) + "\n").encode())


def child():
    raised.clear()
    audit("child")
    descend(2, -1)
    tell()
    os._exit(0)


os.write(1, b"ready\n")
os.read(0, 3)
threads = [threading.Thread(target=descend, args=(number, number)) for number in range(12)]
for thread in threads:
    thread.start()
descend(30, 99)
for thread in threads:
    thread.join()
for _ in range(3):
    if os.fork() == 0:
        child()
    os.wait()
tell()
