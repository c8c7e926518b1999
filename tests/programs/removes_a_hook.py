"""Installs an audit hook of C code and takes it out again; the argument is where _PyRuntime keeps the first one."""

import ctypes
import sys

HOOK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.py_object, ctypes.c_void_p)(lambda *_: 0)


def main():
    ctypes.pythonapi.PySys_AddAuditHook(HOOK, None)
    runtime = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    print("ready", flush=True)
    sys.stdin.readline()
    ctypes.c_void_p.from_address(runtime + int(sys.argv[1])).value = None
    print("done", flush=True)
    sys.stdin.readline()


main()
