"""Puts back the bytes of its own C function os.getpid as they are in the file: a probe there is gone."""

import ctypes
import os
import sys

M_ML, ML_METH = 16, 8  # of a PyCFunctionObject and of its PyMethodDef
LENGTH = 96


def mapping_of(address):
    with open("/proc/self/maps") as file:
        for line in file:
            fields = line.split(None, 5)
            start, end = (int(part, 16) for part in fields[0].split("-"))
            if start <= address < end:
                return fields[5].rstrip("\n"), address - start + int(fields[2], 16)
    raise SystemExit("os.getpid is nowhere")


def main():
    entry = ctypes.c_void_p.from_address(id(os.getpid) + M_ML).value
    address = ctypes.c_void_p.from_address(entry + ML_METH).value
    path, offset = mapping_of(address)
    print("ready", flush=True)
    sys.stdin.readline()
    with open(path, "rb") as file:
        file.seek(offset)
        content = file.read(LENGTH)
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        memory.write(content)
    print("done", flush=True)
    sys.stdin.readline()


main()
