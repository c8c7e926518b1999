"""Runs code objects of all kinds, each of which raises an event, and tells what they consist of.

The first argument is where to; the second "stay" or "leave": to wait for a line at the end, or to be gone at once.
"""

import json
import marshal
import os
import sys
import types

from code_facts import facts_of

told = []


def tell(code):
    told.append(facts_of(code))


def here():
    code = sys._getframe(1).f_code
    sys.audit("code.here", len(told))
    tell(code)


def arguments(first, second=2, /, third=3, *rest, only=4, **others):
    here()
    return first


def constants():
    here()
    values = [0, 1, -5, 255, 257, 10**9, 2**64, -(2**70), 2**300, 0.5, -0.0, 1e300, 1e999, 2j, True, False, None, ...]
    texts = [
        "",
        "a",
        "text",
        "ümlaut",
        "\u20ac uro",
        "\U0001f600 smile",
        "quote ' and \" both",
        "line\nbreak",
        "x" * 60,
        b"",
        b"bytes",
        b"\x00\xff",
        b"y" * 40,
    ]
    nested = [(), ("one",), ("one", "two", "three"), (1, ("text", (2.5, None))), "text" in {"set", "of"}]
    return values, texts, nested


def long_constants():
    here()
    return "l" + 'ong text with "quotes" ' * 400, b"m" + b"any bytes" * 400


def cells_and_free(argument):
    kept, counted = 1, 0

    def inner(second):
        nonlocal counted
        here()
        counted += kept + argument
        return second

    here()
    return inner(2)


def generator():
    here()
    try:
        yield 1
    except ValueError as error:
        yield str(error)
    finally:
        here()


def exceptions():
    with open(os.devnull) as file:
        try:
            try:
                here()
                raise KeyError(file)
            except KeyError:
                raise ValueError from None
        except (ValueError, TypeError):
            here()


def classes():
    class Body:
        here()
        attribute = 1

        def method(self):
            here()
            return super().__init__()

        @staticmethod
        def a_rather_long_name_of_a_function_which_does_not_end_so_soon_as_others_do():
            here()

    Body().method()
    Body.a_rather_long_name_of_a_function_which_does_not_end_so_soon_as_others_do()


def wide():
    namespace = {"here": here}
    lines = ["def wide(here):"] + ["    name_%d = %d.25" % (number, number) for number in range(180)]
    lines += ["    here()"] + ["    name_%d.attribute_%d" % (number, number) for number in range(2)] + ["    return 1"]
    exec("\n".join(lines), namespace)
    try:
        namespace["wide"](here)
    except AttributeError:
        pass


def hot():
    total = 0
    for number in range(100):
        total += number
        if total < 0 or [total][0] is None or {"key": total}["key"] < 0:
            here()
    here()
    return total


def made():
    exec("here(); answer = 42", globals())
    eval("here()")
    exec(compile("def inner():\n    here()\ninner()", "<compiled>", "exec"), globals())
    exec(marshal.loads(marshal.dumps(compile("here()  # marshalled\n", "<marshalled>", "exec"))), globals())
    types.FunctionType(compile("here()", "<function>", "exec"), globals())()
    constants.__code__.replace(co_name="replaced")
    types.FunctionType(constants.__code__.replace(co_name="replaced"), globals())()
    silent = compile("unused = 'never seen otherwise'", "<silent>", "exec")
    tell(silent)
    exec(silent, {})


def main():
    arguments(1)
    constants()
    long_constants()
    cells_and_free(3)
    one = generator()
    next(one)
    one.throw(ValueError("thrown"))
    one.close()
    exceptions()
    classes()
    wide()
    for _ in range(3):
        hot()
    made()
    [here() for _ in range(2)]
    list(here() for _ in range(2))
    (lambda: here())()


print("ready", flush=True)
sys.stdin.readline()
main()
here()
sys.stdout.flush()
if sys.argv[2] == "leave":
    text = json.dumps(told).encode()
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
    while text:
        text = text[os.write(descriptor, text) :]
    exec("here(); import os; os._exit(0)")
with open(sys.argv[1], "w") as file:
    json.dump(told, file)
print("done", flush=True)
sys.stdin.readline()
