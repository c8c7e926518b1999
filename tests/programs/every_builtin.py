"""Lists every C function that introspection finds: its full name, where it lies and its flags, read from memory.

What is found in modules built in and, with arguments, in these extension modules; one JSON array on standard output.
"""

import ctypes
import importlib
import json
import sys
import types

KINDS = (types.BuiltinFunctionType, types.MethodDescriptorType, types.ClassMethodDescriptorType)
# Where a PyCFunctionObject has m_ml, and a PyMethodDescrObject its d_method (Include/cpython/methodobject.h, descrobject.h).
M_ML, D_METHOD = 16, 40


class Definition(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int)]


def definition_of(function):
    at = id(function) + (M_ML if isinstance(function, types.BuiltinFunctionType) else D_METHOD)
    return Definition.from_address(ctypes.c_void_p.from_address(at).value)


def find(owner, seen, found):
    for name, value in sorted(vars(owner).items()):
        if isinstance(value, type) and value not in seen and value.__flags__ >> 9 & 1 == 0:
            seen.add(value)
            find(value, seen, found)
        if isinstance(value, staticmethod):
            value = value.__func__
        if isinstance(value, KINDS):
            entry = definition_of(value)
            found.append([full_name(owner, value), entry.name.decode(), entry.function, entry.flags, name])


def full_name(owner, function):
    """Name a function by the type or module that it says it belongs to."""
    holder = getattr(function, "__objclass__", None) or getattr(function, "__self__", None) or owner
    if isinstance(holder, types.ModuleType):
        return "%s.%s" % (function.__module__ or holder.__name__, function.__name__)
    if isinstance(holder, type):
        return "%s.%s.%s" % (holder.__module__, holder.__qualname__, function.__name__)
    return "%s.%s" % (getattr(owner, "__module__", owner.__name__), function.__name__)


def mapped():
    ranges = []
    with open("/proc/self/maps") as file:
        for line in file:
            fields = line.split(None, 5)
            if len(fields) == 6 and "x" in fields[1]:
                start, end = (int(part, 16) for part in fields[0].split("-"))
                ranges.append([start, end, int(fields[2], 16), fields[5].rstrip("\n")])
    return ranges


def main():
    names = [name for name in sys.builtin_module_names if not name.startswith("_test")] + sys.argv[1:]
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError:
            pass  # no such module in this build
    seen, found = set(), []
    for module in modules:
        find(module, seen, found)
    for kind in type.__subclasses__(object):
        if kind not in seen and kind.__flags__ >> 9 & 1 == 0:
            seen.add(kind)
            find(kind, seen, found)
    print(json.dumps({"functions": found, "mapped": mapped()}))


main()
