"""Acts in ways that obfuscators hide: what it imports, which functions it calls, which DLL it loads."""

import ctypes
import importlib
import os


class Worker:
    def act(self, folder):
        import colorsys

        name = "list" + folder[0:0] + "dir"
        found = getattr(os, name)(folder)
        module = importlib.import_module("plist" + "lib")
        cosine = ctypes.CDLL("libm.so.6").cos
        exec("import netrc; open('/dev/null').close()")
        return colorsys, found, module, cosine


print("ready", flush=True)
input()
Worker().act("/usr")
