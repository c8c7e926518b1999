"""Prints where objects of many kinds are, with what they are, and then stays as it is."""

import ctypes
import json
import os


class Plain:
    def __init__(self, count):
        for number in range(count):
            setattr(self, "attribute%d" % number, number)


class Slots:
    __slots__ = ("a",)


class Text(str):
    pass


def with_dictionary():
    one = Plain(3)
    vars(one)  # makes the dictionary exist apart from the object
    one.later = 5
    return one


def deleted_one():
    one = Plain(5)
    del one.attribute2
    return one


texts = [
    "",
    "a",
    "ascii" * 100,
    "caf\xe9",
    "\u20ac uro",
    "\U0001f40d snake",
    "lone \udc80",
    "\ud83d\udc0d halves",
    "nul\0inside",
    "\x1b[31mred\x1b[0m",
    "x" * 5000,
    "\u20ac" * 5000,
    Text("sub\u20acclass"),
]
integers = [0, 1, -1, 255, 2**30 - 1, 2**30, -(2**30), 2**63, -(2**64) - 7, 2**1000, True, False]
strings = [b"", b"abc", b"\0\xff" * 50, b"x" * 5000]
sequences = [(), (1,), (1, 2, 3), [], [1], list(range(300))]
mixed = {"a": 1, 5: 2, None: 3}
grown = {"name%d" % number: number for number in range(70000)}
shrunk = {number: number for number in range(1000)}
for number in range(0, 1000, 2):
    del shrunk[number]
dictionaries = [{}, {"a": 1}, {"a": 1, "b": 2}, mixed, grown, shrunk, {str(n): n for n in range(300)}, {}]
dictionaries[-1].update(x=1)
dictionaries[-1].pop("x")
instances = [Plain(0), Plain(3), Plain(20), Plain(40), with_dictionary(), deleted_one(), Slots()]

state = {
    "runtime": ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")),
    "texts": [[id(one), list(map(ord, one))] for one in texts],
    "integers": [[id(one), one] for one in integers],
    "strings": [[id(one), list(one)] for one in strings],
    "sequences": [[id(one), list(map(id, one))] for one in sequences],
    "dictionaries": [[id(one), [[id(key), id(value)] for key, value in one.items()]] for one in dictionaries],
    "types": [
        [id(one), type(one).__name__]
        for one in (1, texts[1], strings[1], sequences[1], mixed, None, Plain, instances[1], print, ctypes)
    ],
}
# Last, because to look at an instance's dictionary changes how it is kept.
names = [["attribute%d" % n for n in range(count)] for count in (0, 3, 20, 40)]
names += [
    ["attribute0", "attribute1", "attribute2", "later"],
    ["attribute0", "attribute1", "attribute3", "attribute4"],
    None,
]
state["instances"] = [[id(one), expected] for one, expected in zip(instances, names)]
os.write(1, ("ready\n" + json.dumps(state) + "\n").encode())
os.read(0, 1)
