"""Forks 300 children that each raise one event and end at once; prints their pids in order."""

import json
import os
import sys

CHILDREN = 300


def live(number):
    if number % 2:
        sys.audit("own.life", number)
    else:
        try:
            os.truncate("/nowhere/own.life", number)  # an event whose name no process has touched before
        except OSError:
            pass
    os._exit(number % 7)


os.write(1, b"ready\n")
os.read(0, 3)
pids = []
for number in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        live(number)
    pids.append(pid)
for pid in pids:
    os.waitpid(pid, 0)
os.write(1, (json.dumps(pids) + "\n").encode())
