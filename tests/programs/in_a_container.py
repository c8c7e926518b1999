"""Says its own pid, then acts at each line of input, with a child that acts, too."""

import os
import sys

sys.stdout.write("ready %d\n" % os.getpid())
sys.stdout.flush()
for line in sys.stdin:
    sys.audit("container.act", os.getpid())
    if os.fork() == 0:
        sys.audit("container.child", os.getpid())
        os._exit(3)
    os.wait()
    sys.stdout.write("done\n")
    sys.stdout.flush()
