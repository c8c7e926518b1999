"""Enters Python functions in every way there is, and writes to a file how often its oracle saw each of them entered.

    calls_of_every_kind.py FILE [none] [late]

The oracle is sys.monitoring from 3.12 on, else sys.setprofile; with `none` there is none, and every function that
counts itself is written only. With `late` it says "ready" and waits for a line before it begins. The file is JSON:
{"qualified name:first line": [starts, resumptions]}.
"""

import asyncio
import functools
import itertools
import json
import os
import re
import sys
import threading

HAS_MONITORING = sys.version_info >= (3, 12)
HAS_RESUME = sys.version_info >= (3, 11)
RESUME = 151  # of 3.11
SEEN = {}  # counters of starts and of resumptions; all count in C, which no other thread comes between
LEAVES = itertools.count()  # counts in C: no function is entered for it
THROWN = {"receiving": 3, "numbers": 3, "catching": 3}  # how often; only a profile function sees it


def leaf(value):
    next(LEAVES)
    return value + 1


def outer(count):
    def inner(value):
        return leaf(value)

    return sum(inner(i) for i in range(count))


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def numbers(count):
    for i in range(count):
        yield i


def delegating(count):
    yield from numbers(count)


def receiving():
    got = None
    while True:
        got = yield got


def catching():
    try:
        yield 1
    except ValueError:
        yield 2
    yield 3


def any_arguments(a, /, b, *more, c=2, **named):
    return a + b + c + len(more) + len(named)


def decorator(function):
    @functools.wraps(function)
    def wrapper(*arguments, **named):
        return function(*arguments, **named)

    return wrapper


@decorator
def decorated(value):
    return leaf(value)


@functools.lru_cache(None)
def cached(value):
    return leaf(value)


def raising(depth):
    if depth == 0:
        raise ValueError
    return raising(depth - 1)


def recovering(depth):
    try:
        raising(depth)
    except ValueError:
        return leaf(depth)


class Base:
    def __new__(cls, *_):
        return super().__new__(cls)

    def __init__(self, value):
        self.value = value


class Whole(Base):
    def __init__(self, value):
        super().__init__(value)

    def method(self, more):
        return self.value + more

    @property
    def shown(self):
        return self.value

    @classmethod
    def of(cls, value):
        return cls(value)

    @staticmethod
    def still(value):
        return leaf(value)

    def __eq__(self, other):
        return self.value == other.value

    def __lt__(self, other):
        return self.value < other.value

    def __hash__(self):
        return hash(self.value)

    def __getitem__(self, index):
        return self.value + index

    def __len__(self):
        return 3

    def __iter__(self):
        yield from range(3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return True

    def __getattr__(self, name):
        return leaf(0)

    def __call__(self, value):
        return leaf(value)


class Plain:
    def __init__(self, one, two):
        self.one = one
        self.two = two

    def get(self):
        return self.one


class Dying:
    def __del__(self):
        leaf(0)


async def waiting(depth):
    if depth:
        await waiting(depth - 1)
    await asyncio.sleep(0)
    return depth


async def giving(count):
    for i in range(count):
        await asyncio.sleep(0)
        yield i


async def asynchronous():
    tasks = [asyncio.ensure_future(waiting(3)) for _ in range(4)]
    total = 0
    async for number in giving(5):
        total += number
    return total + sum(await asyncio.gather(*tasks)) + sum([i async for i in giving(3)])


def closing():
    for generator in (receiving(), numbers(3)):
        next(generator)
        generator.close()
    if HAS_RESUME:  # up to 3.10 the oracle does not see how it ends
        generator = receiving()
        next(generator)
        generator.send(1)
        del generator


def throwing():
    generator = catching()
    next(generator)
    generator.throw(ValueError())
    list(generator)


def called_by_c(count):
    total = len(list(map(leaf, range(count)))) + max(range(count), key=leaf)
    total += len(sorted(range(count), key=lambda value: -value)) + len(sorted(Whole(i) for i in range(count // 4)))
    total += functools.reduce(lambda one, two: one + two, range(count))
    return total + len(re.sub("a", lambda match: "b", "a" * count)) + functools.partial(leaf, 1)()


def comprehending(count):
    return (
        [leaf(i) for i in range(count)],
        {leaf(i) for i in range(count)},
        {i: leaf(i) for i in range(count)},
        tuple(leaf(i) for i in range(count)),
    )


def objects(count):
    for i in range(count):
        one = Whole(i)
        one.method(1), one.shown, Whole.of(i), Whole.still(i), one[i], len(one), one.missing, one(i)
        one == one, {one: 1}, list(one)
        with one:
            raise KeyError
    for i in range(count):
        Plain(i, 2).get()
        Dying()


def a_class():
    class Inner:
        value = leaf(1)

        def method(self):
            return self.value

    return Inner().method()


def executed(count):
    for i in range(count):
        space = {"leaf": leaf}
        exec(
            compile(
                f"def made(value):\n    return leaf(value)\nfor _ in range({i}):\n    made(1)\n", __file__ + "+", "exec"
            ),
            space,
        )


def one_of_many(number):
    for i in range(number):
        leaf(i)
    fibonacci(10)
    list(delegating(20))
    objects(3)


def threads(count, number):
    all_threads = [threading.Thread(target=one_of_many, args=(number,)) for _ in range(count)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()


def everything():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for _ in range(3):
        outer(50), fibonacci(12), list(numbers(50)), list(delegating(50)), closing(), throwing()
        for i in range(50):
            decorated(i), cached(i % 7), any_arguments(1, 2, 3, c=1, z=2), recovering(i % 9)
        called_by_c(60), comprehending(30), objects(20), a_class(), executed(20)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asynchronous())
        loop.close()
    threads(4, 3000)
    sys.setswitchinterval(interval)


def note(code, kind):
    if code.co_filename.startswith(__file__):
        name = f"{getattr(code, 'co_qualname', code.co_name)}:{code.co_firstlineno}"
        next(SEEN.setdefault(name, (itertools.count(), itertools.count()))[kind])


def on_start(code, _offset):
    note(code, 0)


def on_resume(code, _offset):
    note(code, 1)


def on_call(frame, event, _argument):
    if event != "call":
        return
    code, at = frame.f_code, frame.f_lasti
    if HAS_RESUME:
        if code.co_code[at] == RESUME:  # else it is thrown into
            note(code, int(bool(code.co_code[at + 1] & 3)))
    else:
        note(code, int(at >= 0))


def watched(work):
    if HAS_MONITORING:
        watching = sys.monitoring
        watching.use_tool_id(0, "oracle")
        watching.register_callback(0, watching.events.PY_START, on_start)
        watching.register_callback(0, watching.events.PY_RESUME, on_resume)
        watching.set_events(0, watching.events.PY_START | watching.events.PY_RESUME)
        work()
        watching.set_events(0, 0)
    else:
        threading.setprofile(on_call)
        sys.setprofile(on_call)
        work()
        sys.setprofile(None)
        threading.setprofile(None)


def main():
    path, *more = sys.argv[1:]
    if "late" in more:
        os.write(1, b"ready\n")
        os.read(0, 1)
    before = next(LEAVES)
    everything() if "none" in more else watched(everything)
    seen = {name: [next(starts), next(resumptions)] for name, (starts, resumptions) in SEEN.items()}
    for name in () if HAS_RESUME or "none" in more else THROWN:
        seen[next(key for key in seen if key.startswith(f"{name}:"))][1] -= THROWN[name]
    seen[f"leaf:{leaf.__code__.co_firstlineno}"] = [next(LEAVES) - before - 1, 0]
    with open(path, "w") as file:
        json.dump(seen, file)


main()
