"""Gives hostile text to everything that PyXhon takes text from. `attach`: says ready and waits for a line first."""

import ctypes
import os
import sys
import threading
import types

MEGABYTE = 1 << 20
TEXTS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "two\nlines\r\tand\x0b\x0cmore",
    "\x9b31m C1",
    "right-to-left \u202egpj.exe\u202c \u2066isolate\u2069",
    "invisible \u200b\u2060\ufeff\U000e0041",
    "separators \u2028\u2029\x85",
    "lone \udc80 surrogate \ud83d",
    "astral \U0001f40d \U0010ffff",
    "nul\0inside",
    "backslash \\x1b and % s {}",
    "'\"<script>&",
    "\xff" * MEGABYTE,
    "x" * MEGABYTE,
    "\u20ac" * MEGABYTE,
    "\U0001f40d" * MEGABYTE,
    "",
]


def attempt(act, *arguments):
    try:
        return act(*arguments)
    except (ValueError, ImportError, OSError, UnicodeError, TypeError, SyntaxError, OverflowError):
        return None


def evil_module(name):
    """What stands in sys.modules: a module whose names lie about everything."""
    module = types.ModuleType("evil")
    module.__file__ = name
    return module


def fill_modules():
    for number, text in enumerate(TEXTS):
        sys.modules[text] = evil_module(text)
        sys.modules["file%d" % number] = evil_module(text * 2)
    sys.modules[5] = sys
    sys.modules[None] = None
    sys.modules[("a", "tuple")] = evil_module("tuple")
    sys.modules[b"bytes"] = evil_module(b"bytes")
    sys.modules["not.a.module"] = 7
    for number in range(20000):
        sys.modules["many\x1b.%d" % number] = None


def main():
    ctypes.CDLL(None).prctl(15, b"\x1b[7m)\n(x", 0, 0, 0)  # PR_SET_NAME
    for text in TEXTS:
        threading.Thread(target=sorted, args=([],), name=text).start()
        attempt(sys.audit, text)
        attempt(sys.audit, "hostile.argument", text, [text, (text, {text: 1})], text.encode("utf-8", "surrogatepass"))
        attempt(open, text)
        attempt(open, text.encode("utf-8", "surrogatepass"))
        attempt(open, "/nonexistent/" + text)
        attempt(__import__, text)
        attempt(__import__, "json", None, None, [text])
        attempt(ctypes.CDLL, text)
        attempt(os.putenv, text, text)
        attempt(compile, "1", text, "eval")
        code = attempt(compile, "def act():\n import os\n return open('/nonexistent')\nact()", text, "exec")
        if code is not None:
            attempt(exec, code)
    attempt(open, b"/tmp/\xff\xfe\x80 invalid \xc3")
    attempt(os.listdir, b"\xff\x1b[31m")
    attempt(sys.audit, "integers", -1, 2**63, 2**64, -(2**100), 10**4000, float("nan"), float("inf"), -0.0)
    nested = []
    nested.append(nested)
    attempt(sys.audit, "nested", nested, [nested] * 300, [[[[[[[[1]]]]]]]])
    attempt(sys.audit, "many", *range(300))
    attempt(sys.audit, "none", None, Ellipsis, NotImplemented, type, object(), main, 1j, {}, set(), memoryview(b"x"))


if "attach" in sys.argv[1:]:
    fill_modules()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
main()
