"""Calls C functions of every calling convention; says at the end how often each ran, by its own count.

The argument is the folder of the extension module `conventions`; with a second one it is put on sys.path only here,
and the calls wait for a line.
"""

import json
import os
import socket
import sys


def call_all(conventions):
    thing = conventions.Thing()
    for _ in range(3):
        conventions.noargs()
    conventions.o("one")
    conventions.o(b"two")
    conventions.varargs(1, "two", 3.5)
    conventions.varargs()
    conventions.keywords("first", second=2, third="3")
    conventions.keywords("first")
    for _ in range(1000):
        conventions.fast("again", None)
    conventions.fast(*range(12))
    conventions.fast_keywords(1, 2, three=3)
    conventions.fast_keywords(four=4, five=b"5")
    conventions.Thing.class_o("of a class")
    thing.static_o("of none")
    thing.instance_fast(["of an instance"])
    if hasattr(thing, "method"):
        thing.method("told", its="class")


def send(left):
    for _ in range(5):
        left.send(b"hello")
    left.send(b"x" * 2000)


def main():
    if sys.argv[2:]:
        sys.path.insert(0, sys.argv[1])
    import conventions

    print("ready", flush=True)
    sys.stdin.readline()
    call_all(conventions)
    left, right = socket.socketpair()
    send(left)
    os.system("true")
    print(json.dumps({"counts": conventions.report(), "fd": left.fileno()}), flush=True)


main()
