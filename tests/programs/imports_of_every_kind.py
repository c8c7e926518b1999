"""Imports modules in every way there is. Arguments: a folder of them, where to put an extension module, a zip file."""

import shutil
import sys

SITE, EXTENSION, ARCHIVE = sys.argv[1:4]
sys.path[:0] = [SITE, ARCHIVE]
import importlib
import importlib.util

shutil.copy(importlib.util.find_spec("_decimal").origin, EXTENSION)

import borrowed  # LINE: package

importlib.import_module("borrowed.late")  # LINE: by name
exec("import plistlib")  # LINE: by exec
from xml import sax  # LINE: from a package
from borrowed.sub import deep  # LINE: from a subpackage
import zipped  # LINE: from a zip file

try:
    import missing.module  # LINE: missing
except ImportError:
    pass


def use():
    import netrc  # LINE: in a function

    open("/etc/hosts").close()  # LINE: open


use()
spec = importlib.util.spec_from_file_location("by_hand", SITE + "/by_hand.py")
spec.loader.exec_module(importlib.util.module_from_spec(spec))  # LINE: by hand
