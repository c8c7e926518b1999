"""Says "ready" and waits for a line; then uses the package `planted` of the folder given, but not what its comments call dead; says "done" and waits again."""

import sys

print("ready", flush=True)
sys.stdin.readline()
sys.path.insert(0, sys.argv[1])

import planted

planted.live("/etc/hosts")
planted.half_dead(False)
planted.alive_function()
planted.Tool(lambda path: None).use()
planted.outer()
print("done", flush=True)
sys.stdin.readline()
