"""Runs unit tests of the standard library, and writes to a file how its oracle saw the functions in them entered.

    counts_a_library.py FILE MODULE...

It says "ready" and waits for a line first. The oracle is sys.monitoring from 3.12 on, else sys.setprofile. The file has
a line for each of [file, name, first line, caller's file, caller's name, starts, resumptions], with repr.
"""

import os
import sys

FILES = ("/json/", "/textwrap.py", "/test/test_json/", "/test/test_textwrap.py")
HAS_RESUME = sys.version_info >= (3, 11)
RESUME = 151  # of 3.11
SEEN = {}
IS_MEANT = {}


def note(code, caller, kind):
    if code not in IS_MEANT:
        IS_MEANT[code] = any(name in code.co_filename for name in FILES)
    if IS_MEANT[code]:
        SEEN.setdefault((code, caller and caller.f_code), [0, 0])[kind] += 1


def on_start(code, _offset):
    note(code, sys._getframe(1).f_back, 0)


def on_resume(code, _offset):
    note(code, sys._getframe(1).f_back, 1)


def on_call(frame, event, _argument):
    if event != "call":
        return
    code, at = frame.f_code, frame.f_lasti
    if not HAS_RESUME:
        note(code, frame.f_back, int(at >= 0))
    elif code.co_code[at] == RESUME:  # else it is thrown into
        note(code, frame.f_back, int(bool(code.co_code[at + 1] & 3)))


def start():
    if hasattr(sys, "monitoring"):
        tools = sys.monitoring
        tools.use_tool_id(0, "oracle")
        tools.register_callback(0, tools.events.PY_START, on_start)
        tools.register_callback(0, tools.events.PY_RESUME, on_resume)
        tools.set_events(0, tools.events.PY_START | tools.events.PY_RESUME)
    else:
        sys.setprofile(on_call)


def stop():
    if hasattr(sys, "monitoring"):
        sys.monitoring.set_events(0, 0)
    else:
        sys.setprofile(None)


def name_of(code):
    return getattr(code, "co_qualname", code.co_name)


def main(path, *modules):
    os.write(1, b"ready\n")
    os.read(0, 1)
    start()
    import unittest

    suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
    with open(os.devnull, "w") as nowhere:
        result = unittest.TextTestRunner(nowhere).run(suite)
    stop()
    with open(path, "w") as file:
        for (code, caller), counts in SEEN.items():
            from_where = (caller.co_filename, name_of(caller)) if caller else (None, None)
            print(repr([code.co_filename, name_of(code), code.co_firstlineno, *from_where, *counts]), file=file)
    os.write(1, b"%d tests\n" % result.testsRun)


main(*sys.argv[1:])
