"""Answers "KIND DEPTH LOOPS START" by the nanoseconds of one system call of this kind.

The calls are made by the DLL given as the argument, below a Python stack of this depth.
"""

import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])


def measure(kind: str, depth: int, loops: int, start: int) -> float:
    """Give the nanoseconds of one call at a depth, counted with the module's frame as the first."""
    if depth > 2:  # noqa: PLR2004 - the module and this
        return measure(kind, depth - 1, loops, start)
    function = library[kind]
    function.restype = ctypes.c_double
    function.argtypes = (ctypes.c_long, ctypes.c_long)
    return float(function(loops, start))


for line in sys.stdin:
    name, depth_asked, loops_asked, first = line.split()
    sys.stdout.write(f"{measure(name, int(depth_asked), int(loops_asked), int(first))}\n")
    sys.stdout.flush()
