"""Calls functions of every kind with known arguments; says "ready" and waits for a line first."""

import asyncio
import os


def keeps_cells(first, second, *rest, key=1, **named):
    def inner():
        return first, rest, key, named

    return inner


class Kept:
    def __init__(self, value):
        self.value = value

    def method(self, value, *, also=None):
        return lambda: self

    @classmethod
    def of(cls, value):
        return cls(value)

    @staticmethod
    def still(value):
        return value

    @property
    def shown(self):
        return self.value

    class Inner:
        def deep(self, value):
            return value


def paused(limit):
    for number in range(limit):
        yield number


async def awaited(value):
    await asyncio.sleep(0)
    return value


shortened = lambda value: value


def outer(value):
    class Made:
        inside = value

    def inner(other):
        return value, other

    return inner(value + 1)


def many(a, b, c, d, e, f, g, h, i, j, k, l=[1, 2, 3], *, m=13, n=14):
    return a


def wild_one(value):
    return value


def wild_two(value):
    return value


def unwanted(value):
    return shortened(value)


def overwrites(value):
    value = 2
    return value


def calls():
    keeps_cells("one", 2, 3.5, "four", key=None, x=[True])
    keeps_cells(b"one", None)
    kept = Kept("a value")
    for _ in range(3):
        kept.method("again", also=kept)
    Kept.of(1), kept.of(2), Kept.still("still"), kept.shown, Kept.Inner().deep([1, (2,)])
    list(paused(5)), next(paused(2)), paused(9)
    asyncio.new_event_loop().run_until_complete(awaited("soon"))
    shortened("short")
    outer(7)
    many(*range(11)), many(*range(12))
    wild_one(1), wild_two(2), sorted([3, 4], key=wild_one)
    unwanted(1), overwrites(1)
    child = os.fork()
    wild_two("in the child" if not child else "in the parent")
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


os.write(1, b"ready\n")
os.read(0, 1)
calls()
