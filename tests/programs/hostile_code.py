"""Runs code objects whose names, lines and line tables are lies; each opens a file of its own and tells its name."""

import os
import sys

MEGABYTE = 1 << 20
NAMES = [
    "\x1b[31mred",
    "lone \udc80",
    "two\nlines",
    "\u202egpj",
    "nul\0inside",
    "",
    "n" * MEGABYTE,
    "\U0001f40d" * 5000,
]
SOURCE = "def act(number):\n    try:\n        open('/nonexistent/hostile-%s-%d' % (kind, number))\n    except OSError:\n        pass\n"


def act_of(kind):
    space = {"kind": kind}
    exec(compile(SOURCE, "<hostile>", "exec"), space)
    return space["act"]


def run(kind, number, **changes):
    function = act_of(kind)
    try:
        function.__code__ = function.__code__.replace(**changes)
    except (ValueError, OverflowError, TypeError):
        return
    function(number)
    print("/nonexistent/hostile-%s-%d" % (kind, number))


def line_tables(code):
    field = "co_linetable" if hasattr(code, "co_linetable") else "co_lnotab"
    whole = getattr(code, field)
    yield field, b""
    yield field, whole[:1]
    yield field, whole[: len(whole) // 2]
    yield field, b"\0" * 64
    yield field, b"\xff" * 64
    yield field, b"\x80" * 64
    yield field, b"\x7f" * 65
    yield field, bytes(range(256)) * 4
    yield field, b"\xff" * MEGABYTE
    yield field, b"\xf8" + b"\x7f" * 30
    yield field, os.urandom(300)


def main():
    for number, name in enumerate(NAMES):
        run("name", number, co_name=name)
        run("file", number, co_filename=name)
        if sys.version_info >= (3, 11):
            run("qualname", number, co_qualname=name)
    for number, line in enumerate((0, -1, -(2**31), 2**31 - 1, 1)):
        run("line", number, co_firstlineno=line)
    for number, (field, table) in enumerate(line_tables(main.__code__)):
        run("table", number, **{field: table})


main()
