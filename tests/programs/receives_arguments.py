"""Calls functions with random argument lists, and writes to a file what they got: receives_arguments.py FILE CALLS SEED.

Each line is JSON: [name, {parameter: value}], in the notation of docs/signals.md. It says "ready" and waits for a line
before it calls them, says "done" and waits again before it writes.
"""

import json
import os
import random
import sys

PLACES = 20  # of 24 values that are told, four say what follows
SHOWN_ITEMS, SHOWN_KEYWORDS = 6, 3
LOG = []


class Thing:
    pass


class Slotted:
    __slots__ = ()


class Number(float):
    pass


def received(a, b="default", /, c=None, *rest, d=1.5, **named):
    LOG.append(("received", [("a", a), ("b", b), ("c", c), ("d", d), ("rest", rest)], named))


def received_by_cells(a, *rest, b=b"", **named):
    LOG.append(("received_by_cells", [("a", a), ("b", b), ("rest", rest)], named))

    def inner():
        return a, b, named

    return inner


def received_plainly(a, b, c):
    LOG.append(("received_plainly", [("a", a), ("b", b), ("c", c)], None))


# Each call site has a stack of its own, of which the kernel keeps so many argument lists apart.
SITES = [eval("lambda function, a, k: function(*a, **k)") for _ in range(12)]


def text(chance):
    alphabet = chance.choice(["abc XYZ\\\"'\n\t\0\x7f", "äöüßé\xff", "αβγ€漢\ud800\udfff", "😀🐍\U0010ffff a"])
    length = chance.choice([0, 1, 2, 5, 20, 20, 60]) if chance.random() > 0.02 else chance.choice([255, 256, 510, 1021])
    return "".join(chance.choice(alphabet) for _ in range(length))


def number(chance):
    bits = chance.choice([1, 8, 29, 30, 31, 32, 59, 60, 61, 63, 64, 65, 90, 200])
    value = chance.choice([chance.getrandbits(bits), (1 << bits) - 1, 1 << bits])
    return value if chance.random() > 0.5 else -value


def plain(chance):
    kind = chance.randrange(9)
    if kind < 2:
        return text(chance)
    if kind == 2:
        return bytes(
            chance.getrandbits(8) for _ in range(chance.choice([0, 1, 7, 30]) if chance.random() > 0.02 else 1100)
        )
    if kind < 5:
        return number(chance)
    if kind == 5:
        special = [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e308, 5e-324]
        return chance.choice([chance.random(), chance.uniform(-1e9, 1e9), chance.choice(special)])
    if kind == 6:
        return chance.choice([True, False, None])
    return chance.choice(
        [
            {},
            {"a": 1},
            {"a": [1], 2: {}, None: {"b": 2}},
            {number: str(number) for number in range(20)},
            {1, 2},
            frozenset(),
            Thing(),
            Slotted(),
            Number(2),
            2j,
            object(),
            Thing,
            len,
            received,
            range(3),
            bytearray(b"x"),
            ...,
            sys,
        ]
    )


def value(chance):
    if chance.random() > 0.15:
        return plain(chance)
    items = [chance.choice([plain, nested])(chance) for _ in range(chance.choice([0, 1, 2, 6, 7, 9]))]
    return tuple(items) if chance.random() > 0.5 else items


def nested(chance):
    return chance.choice([(), (1, 2), [], [None], ((),), {}, {1: 2}])


def shown(value, items=()):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        size = 1 if value <= "" or max(value) < "\u0100" else 2 if max(value) < "\U00010000" else 4
        return value[: 1020 // size]
    if isinstance(value, bytes):
        kept = value[:1023]
        told = {"bytes": "".join(chr(c) if 32 <= c < 127 and c != 92 else "\\x%02x" % c for c in kept)}
        if len(kept) < len(value):
            told["length"] = len(value)
        return told
    if isinstance(value, int):
        return value if abs(value) < 1 << 64 else {"type": "int"}
    if type(value) is float:
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, (tuple, list)):
        told = [shown(one) for one in items]
        return told if len(told) == len(value) else {"items": told, "length": len(value)}
    if isinstance(value, dict):
        told = {"entries": {shown_key(key): shown(one) for key, one in zip(items[::2], items[1::2])}}
        return told if len(told["entries"]) == len(value) else {**told, "length": len(value)}
    return {"type": type(value).__name__}


def shown_key(key):
    return key if isinstance(key, str) else json.dumps(key)


def items_of(value):
    if isinstance(value, dict):
        return [one for entry in value.items() for one in entry]
    return value if isinstance(value, (tuple, list)) else ()


def told(arguments, named):
    """Give what is to be told of a call: names and values of parameters, then of keywords, then items."""
    keywords = list((named or {}).items())[:SHOWN_KEYWORDS]
    tops = [value for _, value in arguments] + ([named] if named is not None else [])
    for name, value in keywords:
        tops += [name, value]
    left, items = PLACES - len(tops), []
    for value in tops:
        count = min(len(items_of(value)), SHOWN_ITEMS, left)
        items.append(items_of(value)[:count])
        left -= count
    values = {name: shown(value, items[at]) for at, (name, value) in enumerate(arguments)}
    if named is not None:
        first = len(arguments) + 1
        shown_keywords = {name: shown(value, items[first + 2 * at + 1]) for at, (name, value) in enumerate(keywords)}
        values["named"] = {"dict": shown_keywords}
        if len(named) > len(keywords):
            values["named"]["length"] = len(named)
    return values


def name(chance):
    return chance.choice(["x", "y", "längere", "名前", "e", "f"])


def make_call(chance):
    """Give a function, its arguments, and its keyword arguments."""
    a = [value(chance) for _ in range(chance.choice([1, 2, 3, 4, 9]))]
    k = {name(chance): value(chance) for _ in range(chance.choice([0, 0, 1, 2, 5]))}
    kind = chance.randrange(3)
    if kind == 2:
        return received_plainly, [value(chance) for _ in range(3)], {}
    if chance.random() > 0.5:
        k["bd"[kind == 0]] = value(chance)
    return (received_by_cells if kind else received), a, k


def write(path):
    with open(path, "w") as file:
        for name, arguments, named in LOG:
            json.dump([name, told(arguments, named)], file)
            file.write("\n")


def say(word):
    os.write(1, word)
    os.read(0, 3)


def main(path, calls, seed):
    chance = random.Random(int(seed))
    made = [make_call(chance) for _ in range(int(calls))]
    say(b"ready\n")
    for number, (function, a, k) in enumerate(made):
        SITES[number % len(SITES)](function, a, k)
    say(b"done\n")
    write(path)
    os.write(1, b"written\n")


main(*sys.argv[1:])
