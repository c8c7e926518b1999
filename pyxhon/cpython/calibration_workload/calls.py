"""A program that knows every entry into a Python function that it makes; run by the target's interpreter, 3.8 to 3.15.

The files of this folder, one after the other, are given to the interpreter with -c; nothing imports them. Each function
says its own name when it starts, with "+" after it when it goes on after a yield, with "!" when an exception is thrown
into it there, which up to 3.10 enters it too, and with "?" when that happens before it has started. What cannot speak
for itself, because no code of it runs then, is spoken for by its caller or by what it waits for. Saying is a call of
list.append, so that nothing else in Python is entered. Names are paths of code objects: "outer.inner".

This first part: calls of every form.
"""

import _functools
import _weakref
import gc
import itertools
import posix
import sys

gc.disable()  # finalizers run where the last reference goes, nowhere else
VERSION = sys.version_info[:2]
ROUNDS = 20  # by then the interpreter has replaced calls by their quicker forms, which build frames in other ways
SAID = []
say = SAID.append


def leaf(number):
    say("leaf")
    return number + 1


def fibonacci(number):
    say("fibonacci")
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


def deep(depth):
    say("deep")
    return deep(depth - 1) + 1 if depth else 0


def defaults(first, second=2, *rest, third=3, **named):
    say("defaults")
    return first + second + len(rest) + third + len(named)


def nesting(number):
    say("nesting")

    def inside(value):
        say("nesting.inside")
        return leaf(value) + number

    return inside(1) + (lambda value: say("nesting.<lambda>") or value + number)(2)


def counter():
    say("counter")
    total = 0

    def add(number):
        say("counter.add")
        nonlocal total
        total += number
        return total

    return add


def decorated_by(function):
    say("decorated_by")

    def instead(*positional, **named):
        say("decorated_by.instead")
        return function(*positional, **named)

    return instead


def failing(depth):
    say("failing")
    if depth:
        failing(depth - 1)
    raise ValueError


def catching():
    say("catching")
    try:
        failing(3)
    except ValueError:
        leaf(0)
    finally:
        leaf(1)


def comprehensions():
    say("comprehensions")
    # Up to 3.11 a comprehension is a function of its own; the first item that it asks for speaks for it.
    [item for item in map(say, ("comprehensions.<listcomp>",))]
    {item for item in map(say, ("comprehensions.<setcomp>",))}
    {item: item for item in map(say, ("comprehensions.<dictcomp>",))}
    sum(leaf(0) for item in map(say, ("comprehensions.<genexpr>", "comprehensions.<genexpr>+")))
    say("comprehensions.<genexpr>+")  # when it saw that there are no more


SOURCE = compile("say('SOURCE'); made = [leaf(2)]", "<calibration>", "exec")
EXPRESSION = compile("say('EXPRESSION') or leaf(3)", "<calibration>", "eval")


def compiled():
    say("compiled")
    exec(SOURCE, {"say": say, "leaf": leaf})
    eval(EXPRESSION)


def warm(times):
    say("warm")
    adder = counter()
    for number in range(times):
        leaf(number)
        adder(number)
        defaults(1, *(2, 3), third=4, other=5)
