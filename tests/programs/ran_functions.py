"""Runs functions of every kind and tells which code objects there are; in the mode "oracle" also which of them ran.

ran_functions.py plain               runs them
ran_functions.py oracle              and tells what Python itself says ran
ran_functions.py profiled            the same, and goes on with the profile function in place
ran_functions.py profiled-before     the same, without it
ran_functions.py watched             asks for events of single functions, then runs all
ran_functions.py within              runs one function in a second interpreter
"""

import ctypes
import gc
import json
import opcode
import os
import sys
import tempfile
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "running"))
ran = set()


def note(code, *_):
    if code.co_filename.endswith("kinds_of_functions.py") or code.co_filename == "<string>":
        ran.add(code)


def profile(frame, event, argument):
    # To throw into a generator runs its frame, but not its RESUME.
    if event == "call" and frame.f_code.co_code[frame.f_lasti] == opcode.opmap["RESUME"]:
        note(frame.f_code)


def start_oracle():
    """With sys.monitoring the frames of C callers make no difference, and resumptions are no starts."""
    if hasattr(sys, "monitoring"):
        sys.monitoring.use_tool_id(3, "oracle")
        sys.monitoring.register_callback(3, sys.monitoring.events.PY_START, note)
        sys.monitoring.set_events(3, sys.monitoring.events.PY_START)
    else:
        import threading

        threading.setprofile(profile)
        sys.setprofile(profile)


def stop_oracle():
    if hasattr(sys, "monitoring"):
        sys.monitoring.set_events(3, 0)
    else:
        sys.setprofile(None)


def reachable_codes(file):
    """Every code object of a file that can be reached from sys.modules, by whatever way."""
    met, waiting, codes = set(), [sys.modules], []
    while waiting:
        one = waiting.pop()
        if id(one) in met or one is codes or one is met or one is waiting or one is ran:
            continue
        met.add(id(one))
        if isinstance(one, types.CodeType):
            if one.co_filename == file or one.co_name.startswith("counted"):
                codes.append(one)
            waiting.extend(one.co_consts)
        elif not isinstance(one, types.FrameType):
            waiting.extend(gc.get_referents(one))
    return codes


def describe(code):
    return [getattr(code, "co_qualname", code.co_name), code.co_firstlineno]


def watch(module):
    """Ask for the start of single functions: one that never runs, one that runs."""
    monitoring = sys.monitoring
    monitoring.use_tool_id(4, "watch")
    monitoring.register_callback(4, monitoring.events.PY_START, lambda *_: None)
    for function in (module.idle_plain, module.plain):
        monitoring.set_local_events(4, function.__code__, monitoring.events.PY_START)
    for function in (module.idle_annotated, module.annotated):
        monitoring.set_local_events(4, function.__code__, monitoring.events.LINE)


def run_within():
    """Run a function in a second interpreter, and let that tell which code objects it has got."""
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    number = interpreters.create()
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        text = (
            "import json, sys\nsys.path.insert(0, %r)\nimport kinds_of_functions as kinds\nkinds.plain()\n"
            "codes = [one.__code__ for one in vars(kinds).values() if type(one) is type(kinds.plain)]\n"
            "open(%r, 'w').write(json.dumps({id(code): [code.co_qualname, code.co_firstlineno] for code in codes}))\n"
        )
        interpreters.run_string(number, text % (sys.path[0], file.name))
        return number, json.loads(file.read())


def tell(codes):
    file = os.path.join(sys.path[0], "kinds_of_functions.py")
    state = {
        "runtime": ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")),
        "file": file,
        "codes": codes,
        "ran": sorted({tuple(describe(code)) for code in ran}),
    }
    os.write(1, ("ready\n" + json.dumps(state) + "\n").encode())
    os.read(0, 1)


def main():
    mode = sys.argv[1]
    if mode == "within":
        number, codes = run_within()
        return tell(codes)
    if mode in ("oracle", "profiled", "profiled-before"):
        start_oracle()
    import kinds_of_functions

    if mode == "watched":
        watch(kinds_of_functions)
    kinds_of_functions.run()
    if mode in ("oracle", "profiled-before"):
        stop_oracle()
    codes = {str(id(code)): describe(code) for code in reachable_codes(kinds_of_functions.__file__)}
    tell(codes)


main()
