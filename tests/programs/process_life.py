"""Children that end in every way, programs of other kinds, threads; prints who was who.

process_life.py OTHER_PYTHON
"""

import json
import os
import signal
import subprocess
import sys
import threading

OTHER = """
import os, sys
os.write(1, b"other is ready\\n")
os.read(0, 3)
def raise_event():
    sys.audit("other.event", os.getpid())
raise_event()
sys.exit(9)
"""

children = {}


def forked(name, act):
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(99)
    os.waitpid(pid, 0)
    children[name] = pid


def in_thread():
    threads.append(threading.get_native_id())


os.write(1, b"ready\n")
os.read(0, 3)
threads = []
forked("exits with 0", lambda: os._exit(0))
forked("exits with 3", lambda: os._exit(3))
forked("is killed", lambda: os.kill(os.getpid(), signal.SIGKILL))
forked("is terminated", lambda: os.kill(os.getpid(), signal.SIGTERM))
forked("runs true", lambda: os.execv("/bin/true", ["true", "and", "arguments"]))
forked("has a child", lambda: forked("nothing", lambda: os._exit(1)) or os._exit(2))
for _ in range(3):
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
other = subprocess.Popen([sys.argv[1], "-c", OTHER])
other.wait()
children["runs another Python"] = other.pid
os.write(1, (json.dumps({"own": os.getpid(), "children": children, "threads": threads}) + "\n").encode())
sys.exit(5)
