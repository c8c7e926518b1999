"""Calls functions with containers of every kind: whole, cut, nested, with deleted and with split entries."""

import collections


class Thing:
    def __init__(self):
        self.name = "thing"


def take(value, **keywords):
    return value, keywords


def take_twelve(a, b, c, d, e, f, g, h, i, j, k, last):
    return a, last


def main():
    holed = {number: str(number) for number in range(9)}
    del holed[0]
    take([1, 2, 3])
    take(list(range(20)))
    take((1, (2, 3), []))
    take({"k": 1, "l": [1, 2], 3: None})
    take({number: number for number in range(300)})
    take(holed)
    take({})
    take(collections.OrderedDict(a=b"x"))
    take(Thing().__dict__)
    take({(1, 2): 1.5})
    take(None, first=[1] * 7, second={"a": 1})
    take_twelve(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, {"a": 1}, [1, 2])


print("ready", flush=True)
input()
main()
