"""Says that it is ready, then does nothing until its input ends."""

import sys

sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
