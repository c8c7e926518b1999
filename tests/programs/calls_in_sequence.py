"""Enters and leaves Python functions in several threads; writes to a file in which order its oracle saw that.

    calls_in_sequence.py FILE

The oracle is sys.monitoring from 3.12 on, else sys.setprofile, which calls each way to leave a function "return". The
file is JSON: {thread number: [[kind, "name:first line"], ...]}. It says "ready" and waits for a line first.
"""

import functools
import json
import os
import sys
import threading

HAS_MONITORING = sys.version_info >= (3, 12)
SEEN = {}


def leaf(value):
    return value + 1


def adding(one, two):
    return one + two


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def numbers(count):
    for i in range(count):
        yield leaf(i)


def delegating(count):
    yield from numbers(count)
    return count


def raising(depth):
    if depth == 0:
        raise ValueError
    raising(depth - 1)


def recovering(depth):
    try:
        raising(depth)
    except ValueError:
        return leaf(depth)


def failing_generator():
    yield 1
    raise KeyError


def catching():
    while True:
        try:
            yield 1
        except ValueError:
            leaf(2)


class Pause:
    def __await__(self):
        yield 1


async def waiting(depth):
    if depth:
        await waiting(depth - 1)
    await Pause()
    return depth


class Whole:
    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return self.value < other.value

    def __del__(self):
        leaf(0)


def sending(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value


def throwing():
    generator = catching()
    next(generator)
    generator.throw(ValueError())
    generator.send(None)
    generator.close()
    generator = numbers(2)
    try:
        generator.throw(KeyError())
    except KeyError:
        pass


def everything():
    for i in range(40):
        fibonacci(5), list(delegating(4)), recovering(i % 5), sending(waiting(3))
        try:
            list(failing_generator())
        except KeyError:
            leaf(1)
        sorted([Whole(3), Whole(1), Whole(2)])
        functools.reduce(adding, map(leaf, range(4)))
        sum(leaf(n) for n in range(9))
        if HAS_MONITORING:  # a profile function is told of what is thrown as of a call
            throwing()
            any(leaf(n) == 3 for n in range(9))


def note(kind, code):
    if code.co_filename == __file__:
        name = "%s:%d" % (code.co_name, code.co_firstlineno)
        SEEN.setdefault(threading.get_native_id(), []).append((kind, name))


def watch(watching, kinds):
    def noting(kind):
        return lambda code, *_: note(kind, code)

    events = watching.events
    for event, kind in kinds(events).items():
        watching.register_callback(0, event, noting(kind))
    watching.set_events(0, sum(kinds(events)))


def on_profile(frame, event, _argument):
    if event == "call":
        is_resumption = (
            sys.version_info >= (3, 11) and frame.f_code.co_code[frame.f_lasti + 1] & 3 or frame.f_lasti > 10
        )
        note("resume" if is_resumption else "start", frame.f_code)
    elif event == "return":
        note("return", frame.f_code)


def work():
    if HAS_MONITORING:
        everything()
        return
    sys.setprofile(on_profile)
    everything()
    sys.setprofile(None)


def main():
    os.write(1, b"ready\n")
    os.read(0, 1)
    if HAS_MONITORING:
        sys.monitoring.use_tool_id(0, "oracle")
        watch(
            sys.monitoring,
            lambda events: {
                events.PY_START: "start",
                events.PY_RESUME: "resume",
                events.PY_RETURN: "return",
                events.PY_YIELD: "yield",
                events.PY_UNWIND: "unwind",
            },
        )
    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if HAS_MONITORING:
        sys.monitoring.set_events(0, 0)
    with open(sys.argv[1], "w") as file:
        file.write(json.dumps(SEEN))  # in C


main()
