"""Prints the stack of each of its threads, as Python itself tells it, and then stays as it is."""

import asyncio
import ctypes
import functools
import json
import os
import sys
import threading

started = threading.Semaphore(0)
gate = threading.Lock()


def stack_of(frame):
    stack = []
    while frame is not None:
        code = frame.f_code
        stack.append([code.co_filename, getattr(code, "co_qualname", code.co_name), frame.f_lineno])
        frame = frame.f_back
    return stack


def say():
    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    stacks = {ident: stack_of(frame) for ident, frame in sys._current_frames().items()}
    own = threading.get_ident()
    stacks[own] = stack_of(sys._getframe(1))
    native = {own: threading.get_native_id()}
    text = json.dumps({"runtime": runtime, "stacks": stacks, "native": native})
    os.write(1, ("ready\n" + text + "\n").encode())


def wait_for_good():
    # On one line, so that it is where the stack was told.
    say(), os.read(0, 1)


class Odd:
    def __init__(self, depth):
        self.depth = depth

    @property
    def deeper(self):
        return self.recurse(self.depth)

    def recurse(self, depth):
        if depth:
            return self.recurse(depth - 1)
        return sum(1 for _ in self)

    def __iter__(self):
        yield from self.generate()

    def generate(self):
        def inner():
            yield functools.reduce(lambda a, b: asyncio.run(self.main()), [1, 2])

        yield from inner()

    async def main(self):
        await self.step()

    async def step(self):
        exec(
            compile("\n" * 300 + "class Körper:\n    [wait() for _ in '1'] and\\\n  1\n", "<naïve €>", "exec"),
            {"wait": self.wait},
        )

    def wait(self):
        return sorted([1], key=lambda _: wait_for_good())


def thread_main(depth):
    if depth:
        return list(map(thread_main, [depth - 1]))
    started.release(), gate.acquire()


def main():
    gate.acquire()
    threads = [threading.Thread(target=thread_main, args=(depth,), daemon=True) for depth in (0, 3, 40)]
    for thread in threads:
        thread.start()
    for _ in threads:
        started.acquire()
    return Odd(30).deeper


main()
