"""Lets each DLL open a file through the same function of the C library, at one place: PATH COUNT DLL..."""

import ctypes
import sys

path, count, *names = sys.argv[1:]
libraries = [ctypes.CDLL(name) for name in names]
for number in range(int(count)):
    for library in libraries:
        library.attempt((path % number if "%" in path else path).encode())
