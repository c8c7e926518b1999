"""Runs hostile techniques: driver.py LIBRARIES FOLDER SIZE TECHNIQUE...

One technique runs in FOLDER/TECHNIQUE with the DLLs of LIBRARIES, and writes to FOLDER/TECHNIQUE.json what it plants.
Of several each runs in a process of its own; what it said and its status go to FOLDER/TECHNIQUE.said. All is harmless.
"""

import os
import subprocess
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
    libraries, folder, size, *techniques = sys.argv[1:]
    if len(techniques) > 1:
        return run_each(techniques, folder)
    (technique,) = techniques
    place = os.path.join(folder, technique)
    os.makedirs(place, exist_ok=True)
    print("begins", technique, flush=True)
    TECHNIQUES[technique](Plan(technique, libraries, place, int(size)))
    print("has done", technique, flush=True)
    return STATUS


def run_each(techniques, folder):
    for technique in techniques:
        command = [sys.executable] + sys.argv[:4] + [technique]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(os.path.join(folder, technique + ".said"), "wb") as file:
            file.write(done.stdout + b"%d" % done.returncode)
    return STATUS


if __name__ == "__main__":
    sys.exit(main())
