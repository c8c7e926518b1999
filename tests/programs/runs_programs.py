"""Runs one program again and again, from two lines; three of the last runs also do it by a DLL put into them."""

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
for number in range(int(count)):
    environment = preloaded if number > int(count) - 4 else None
    subprocess.run(["/bin/cat", file], env=environment, **quiet)  # there
subprocess.run(["/bin/cat", other_file], **quiet)
