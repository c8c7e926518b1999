"""Prints what a program is given by whoever starts it, writes to standard error, and ends as its argument says."""

import os
import resource
import signal
import sys

with open("/proc/self/status") as file:
    for line in file:
        if line.startswith(
            (
                "SigB",
                "SigI",
                "SigC",
                "Cap",
                "Uid",
                "Gid",
                "Groups",
                "NoNewPrivs",
                "Seccomp:",
                "Umask",
                "Shd",
                "TracerPid",
            )
        ):
            print(line.rstrip())
print(sys.argv, sys.executable, sys.flags)
print(sorted(os.environ.items()), sys.getfilesystemencoding())
print(os.getcwd(), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0))
print([resource.getrlimit(number) for number in range(16)])
print(sorted(int(name) for name in os.listdir("/proc/self/fd")))
print([os.readlink("/proc/self/fd/%d" % number).partition(":")[0] for number in (0, 1, 2)])
print(sys.stdin.read())
print(sorted(sys.modules.keys()), sys.gettrace(), sys.getprofile(), sys.path)
sys.stdout.flush()
sys.stderr.write("this goes to standard error\n")
sys.stderr.flush()
ending = sys.argv[1]
if ending.isdigit():
    sys.exit(int(ending))
if ending == "raise":
    raise RuntimeError("as asked")
os.kill(os.getpid(), getattr(signal, ending))
