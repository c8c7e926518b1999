"""Does what it does in ways that hide it from whoever reads the source, and imports in every surrounding."""

import importlib
import sys

print("ready", flush=True)
sys.stdin.readline()
PARTS = ["sys", "tem", "o", "lis", "tdir"]


class Chosen:
    def __getattr__(self, name):
        return getattr(importlib.import_module(PARTS[2] + "s"), name)


def lazily():
    import colorsys  # LINE: in a function

    return colorsys


getattr(__import__(PARTS[2] + "s"), PARTS[0] + PARTS[1])("true")  # LINE: by attribute
vars(importlib.import_module("os"))[PARTS[3] + PARTS[4]]("/")  # LINE: by dictionary
try:
    Chosen().rmdir("/nonexistent/tricks")  # LINE: by __getattr__
except OSError:
    pass
lazily()
try:
    import no_such_module  # LINE: tried
except ImportError:
    import netrc  # LINE: in place of it
if len(PARTS) > 3:
    import plistlib  # LINE: on a condition
