"""Has imported and used the package `planted` before it says "ready"; then uses it once more."""

import sys

sys.path.insert(0, sys.argv[1])

import planted

planted.alive_function()
print("ready", flush=True)
sys.stdin.readline()
planted.half_dead(False)
print("done", flush=True)
sys.stdin.readline()
