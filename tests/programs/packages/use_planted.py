"""Uses the package `planted` of the folder given, but not what its comments call dead."""

import sys

sys.path.insert(0, sys.argv[1])

import planted

planted.live("/etc/hosts")
planted.half_dead(False)
planted.alive_function()
planted.Tool(lambda path: None).use()
planted.outer()
