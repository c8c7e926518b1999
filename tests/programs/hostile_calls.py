"""Calls C functions of the extension module `conventions` past Python, with arguments that are no objects at all."""

import ctypes
import sys

import conventions

M_ML = 16  # of a PyCFunctionObject (Include/cpython/methodobject.h)
NOWHERE = (0, 1, 8, 0xDEAD0000, 0x7FFFFFFFFFF8, 0xFFFFFFFF81000000, 2**64 - 8)


class Definition(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int)]


def address_of(function):
    return Definition.from_address(ctypes.c_void_p.from_address(id(function) + M_ML).value).function


def call(function, *arguments):
    ctypes.PYFUNCTYPE(ctypes.py_object, *[ctypes.c_uint64] * len(arguments))(address_of(function))(*arguments)


def main():
    print("ready", flush=True)
    sys.stdin.readline()
    page = ctypes.create_string_buffer(b"\xff" * 4096)
    lies = (*NOWHERE, ctypes.addressof(page))
    for lie in lies:
        call(conventions.o, 1, lie)
        call(conventions.varargs, lie, lie)
        call(conventions.keywords, lie, lie, lie)
        for count in (0, 1, 2**31, 2**63, 2**64 - 1):
            call(conventions.fast, lie, lie, count)
            call(conventions.fast_keywords, lie, lie, count, lie)
    conventions.o("still here")
    print(sum(conventions.report().values()), flush=True)


main()
