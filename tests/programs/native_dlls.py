"""Loads DLLs in ways that leave nothing behind: unlinked, from memory, and two that are still there."""

import ctypes
import os
import sys

kept, gone, hidden = sys.argv[1:4]
ctypes.CDLL(kept)
ctypes.CDLL(gone)
print("ready", flush=True)
sys.stdin.readline()
os.unlink(gone)
descriptor = os.memfd_create("hidden")
with open(hidden, "rb") as file:
    os.write(descriptor, file.read())
ctypes.CDLL("/proc/self/fd/%d" % descriptor)
print("loaded", flush=True)
sys.stdin.readline()
