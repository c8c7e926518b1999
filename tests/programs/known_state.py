"""Prints its modules, threads and audit hooks, as Python itself tells them, and then stays as it is."""

import ctypes
import functools
import importlib.util
import json
import os
import sys
import tempfile
import threading
import types
import xml.dom.minidom

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

TELL = """
import sys
def file_of(module):
    attributes = getattr(module, "__dict__", {})
    file = attributes.get("__file__")
    if isinstance(file, str):
        return file
    origin = getattr(attributes.get("__spec__"), "__dict__", {}).get("origin")
    return origin if isinstance(origin, str) and origin not in ("built-in", "frozen", "namespace") else None
def tell():
    return {name: file_of(module) for name, module in list(sys.modules.items()) if isinstance(name, str)}
"""
exec(TELL)


def hook(event, args):
    pass


class Watcher:
    def method(self, event, args):
        pass

    def __call__(self, event, args):
        pass


def outer():
    def inner(event, args):
        pass

    return inner


class Loaded:
    """Stands in sys.modules for a module, as lazy importers do."""

    def __init__(self, file):
        self.__file__ = file


class FromSpec:
    def __init__(self, origin):
        self.__spec__ = importlib.util.spec_from_file_location("from_spec", origin)


kept = []


def sub_interpreter():
    number = interpreters.create()
    kept.append(number)  # without its number an interpreter ends
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        text = TELL + "import json, select\nopen(%r, 'w').write(json.dumps(tell()))\n" % file.name
        interpreters.run_string(number, text)
        return json.loads(file.read())


def add_modules():
    sys.modules["loaded.lazily"] = Loaded("/nowhere/läzy.so")
    sys.modules["loaded.bare"] = Loaded(None)
    sys.modules["from_spec"] = FromSpec("/nowhere/from_spec.cpython-312-x86_64-linux-gnu.so")
    sys.modules["blocked"] = None
    sys.modules["astral.\U0001f40d"] = types.ModuleType("astral")
    sys.modules["lone.\udc80"] = types.ModuleType("lone")
    crowded = sys.modules["crowded"] = types.ModuleType("crowded")
    for number in range(3000):
        setattr(crowded, "name%d" % number, number)
    crowded.__file__ = "/nowhere/crowded.py"
    del crowded.name0, crowded.name2999
    mixed = sys.modules["mixed"] = types.ModuleType("mixed")
    vars(mixed)[5] = "a key that is not a str makes another kind of table"
    mixed.__file__ = "/nowhere/mixed.py"
    for number in range(300):
        sys.modules["many.m%d" % number] = types.ModuleType("many")
    for number in range(0, 300, 3):
        del sys.modules["many.m%d" % number]


def main():
    add_modules()
    sys.path[:] = ["", *sys.path, "/nowhere/läden", b"/not/text", sys.path[0]]
    gate, started = threading.Lock(), threading.Semaphore(0)
    gate.acquire()

    def stay():
        started.release(), gate.acquire()

    threads = [threading.Thread(target=stay, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
        started.acquire()
    sub = sub_interpreter()
    atoi = ctypes.cast(ctypes.CDLL(None).atoi, ctypes.c_void_p).value
    ctypes.pythonapi.PySys_AddAuditHook.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    assert ctypes.pythonapi.PySys_AddAuditHook(atoi, None) == 0  # a hook that allows all: no event name is a number
    for one in (hook, Watcher().method, Watcher(), outer(), {}.setdefault, functools.partial(hook)):
        sys.addaudithook(one)
    state = {
        "runtime": ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime")),
        "hook": atoi,
        "sub": sub,
        "threads": sorted([t.ident, getattr(t, "native_id", None)] for t in threading.enumerate()),
        "lines": [
            hook.__code__.co_firstlineno,
            Watcher.method.__code__.co_firstlineno,
            outer().__code__.co_firstlineno,
        ],
    }
    state["search_paths"] = [path for path in dict.fromkeys(sys.path) if isinstance(path, str)]
    json.dumps(state)
    state["modules"] = tell()
    os.write(1, ("ready\n" + json.dumps(state) + "\n").encode())
    os.read(0, 1)


main()
