"""Runs one hostile technique: driver.py TECHNIQUE LIBRARIES FOLDER PLAN [SIZE]; `list` lists the techniques.

Runs in FOLDER with the DLLs of LIBRARIES, and writes to PLAN what it plants. All of it is harmless.
"""

import sys

sys.dont_write_bytecode = True

import callers
import concurrency
import disguises
import loading
import places
from planting import Plan

STATUS = 7
_MODULES = (callers, loading, concurrency, disguises, places)
TECHNIQUES = {function.__name__: function for module in _MODULES for function in module.TECHNIQUES}


def main():
    if sys.argv[1] == "list":
        print("\n".join(TECHNIQUES))
        return 0
    technique, libraries, folder, file = sys.argv[1:5]
    plan = Plan(technique, libraries, folder, file, int(sys.argv[5]) if len(sys.argv) > 5 else 2000)
    print("begins", technique, flush=True)
    TECHNIQUES[technique](plan)
    print("has done", technique, flush=True)
    return STATUS


if __name__ == "__main__":
    sys.exit(main())
