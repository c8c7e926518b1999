"""Says ready, opens each file that it is told of and says so, until its input ends."""

import sys

sys.stdout.write("ready\n")
sys.stdout.flush()
for line in iter(sys.stdin.readline, ""):
    try:
        open(line.rstrip("\n")).close()
    except OSError:
        pass
    sys.stdout.write("done\n")
    sys.stdout.flush()
