"""Says of each audit event of its own process whose frame is the innermost one outside the standard library.

The truth for the owners of a report, found in the process itself: by its own frames, by `sysconfig` and by
`importlib.metadata`. Where the report's owners differ on purpose, the rule is in `_owner`, with the reason.
"""

import importlib.metadata
import json
import os
import sys
import sysconfig
import threading
import time

_IMPORT_SYSTEM = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>", "<frozen zipimport>")
_IMPORTS = ("_find_and_load", "_handle_fromlist", "_gcd_import")
_WORK_OF_IMPORTS = ("import", "open", "compile", "exec", "marshal.loads", "os.listdir", "os.mkdir", "os.rename")
_STDLIB = tuple({os.path.realpath(sysconfig.get_path(name)) + "/" for name in ("stdlib", "platstdlib")})
_INSTALLED = ("/site-packages/", "/dist-packages/")

_local = threading.local()
_counts = {}
_owners = {}
_is_on = False
_began_ns = 0


def begin():
    """Count every event from now on."""
    global _is_on, _began_ns
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            _owners.setdefault(os.path.realpath(str(distribution.locate_file(file))), distribution.metadata["Name"])
    sys.addaudithook(_hook)
    _began_ns = time.monotonic_ns()
    _is_on = True


def end(path):
    """Write [[event, owner, file, line, function, count]] and when it began and ended."""
    global _is_on
    _is_on = False
    ended_ns = time.monotonic_ns()
    with open(path, "w") as out:
        rows = [[*key, count] for key, count in _counts.items()]
        json.dump({"pid": os.getpid(), "began_ns": _began_ns, "ended_ns": ended_ns, "events": rows}, out)


def _hook(event, arguments):
    if not _is_on or getattr(_local, "is_inside", False):
        return
    _local.is_inside = True
    try:
        if event == "object.__setattr__" and arguments[1] != "__code__":
            return  # of no category: only code that is replaced is an act
        if event == "open" and isinstance(arguments[0], int):
            return  # of no category: a descriptor is open already
        found = _owner(sys._getframe().f_back, event)
        if found is not None:
            key = (event, *found)
            _counts[key] = _counts.get(key, 0) + 1
    finally:
        _local.is_inside = False


def _owner(frame, event):
    """Give (owner, file, line, function) of the frame that answers for an event; None for the work of an import."""
    extension = None
    if _is_of_import_system(frame):
        frame, is_import, extension = _leave_import_system(frame)
        if is_import and (extension is None or event in _WORK_OF_IMPORTS):
            return None  # importing is not using: what the import system opens, compiles and runs belongs to the import
    owner, *place = _find(frame)
    # What an extension module does while it is imported has no frame of its own; the importer's shows where it was.
    return (extension or owner, *place)


def _find(frame):
    first = frame
    while frame is not None:
        file, outer = frame.f_code.co_filename, frame.f_back
        whose = _whose(file)
        if whose is not None:
            return whose, file, frame.f_lineno, _name(frame)
        is_body = frame.f_code.co_name == "<module>" and not _is_generated(file)
        if is_body and outer is not None and _is_of_import_system(outer):
            break  # what a module of the standard library does while it is imported, it does by itself
        frame = outer
    return "stdlib", first.f_code.co_filename, first.f_lineno, _name(first)


def _is_of_import_system(frame):
    return frame.f_code.co_filename in _IMPORT_SYSTEM


def _leave_import_system(frame):
    """Give the frame that entered it, whether it was to import a module, and whose extension module is being made."""
    is_import, extension = False, None
    while frame.f_back is not None and _is_of_import_system(frame):
        name, loader = frame.f_code.co_name, frame.f_locals.get("self")
        is_import = is_import or name in _IMPORTS
        if name in ("create_module", "exec_module") and type(loader).__name__ == "ExtensionFileLoader":
            extension = extension or _whose(loader.path)
        frame = frame.f_back
    return frame, is_import, extension


def _whose(file):
    """Give the package of a file; None for the standard library's and for code without a file: whoever runs it."""
    if _is_generated(file):
        return None
    path = os.path.realpath(file)
    if path in _owners:
        return _owners[path]
    is_installed = any(folder in path for folder in _INSTALLED)
    return None if path.startswith(_STDLIB) and not is_installed else "application"


def _is_generated(file):
    return file.startswith("<")


def _name(frame):
    return getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
