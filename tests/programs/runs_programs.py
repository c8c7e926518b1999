"""Runs one program again and again, from two lines; the last runs do something else, or by another DLL."""

import os
import subprocess
import sys

file, other_file, dll, first, count = sys.argv[1:]
quiet = {"stdout": subprocess.DEVNULL, "check": True}
preloaded = {**os.environ, "LD_PRELOAD": dll, "OPENED": file}


print("ready", flush=True)
for number in range(int(count)):
    if number in (0, int(first)):
        sys.stdin.readline()
    subprocess.run(["/bin/cat", file], **quiet)  # here
for _ in range(int(count)):
    subprocess.run(["/bin/cat", file], **quiet)  # there
subprocess.run(["/bin/cat", other_file], **quiet)
for _ in range(3):
    subprocess.run(["/bin/cat", file], env=preloaded, **quiet)  # preloaded
