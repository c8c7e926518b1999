"""Imports every public module of a distribution; run inside the sandbox, by any Python since 3.8.

`exercise_imports.py NAME`: prints a line for each module that cannot be imported, and a last line when it got through.
"""

import importlib
import importlib.metadata
import sys

NOT_PUBLIC = {"test", "tests", "testing", "conftest", "setup"}
SUFFIXES = (".py", ".so")


def modules(name):
    """Give the names of a distribution's modules, as its RECORD lists them, packages before what is in them."""
    found = set()
    for path in importlib.metadata.files(name) or ():
        *folders, last = path.parts
        if not last.endswith(SUFFIXES) or ".." in folders:
            continue
        stem = last.split(".")[0]
        parts = folders if stem == "__init__" else [*folders, stem]
        if parts and all(part.isidentifier() for part in parts) and not any(hidden(part) for part in parts):
            found.add(".".join(parts))
    return sorted(found)


def hidden(part):
    """Tell whether a part of a name says that a module is not for the public."""
    return part.startswith("_") or part in NOT_PUBLIC


def main():
    """Import them one after the other."""
    wanted = modules(sys.argv[1])
    failed = 0
    for module in wanted:
        try:
            importlib.import_module(module)
        except BaseException as error:
            failed += 1
            print(f"cannot import {module}: {type(error).__name__}: {str(error)[:200]}")
    print(f"imported {len(wanted) - failed} of {len(wanted)} modules")
    return 0 if wanted and failed < len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
