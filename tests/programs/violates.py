"""Does what its arguments say, in order, each as PLACE:ACT[:ARGUMENT]; PLACE is main, thread or child.

It says "ready", waits for a line before each act, says the act's name when it is done, and goes on until its input ends.
"""

import os
import socket
import stat
import subprocess
import sys
import threading
import time

SOURCE = "#!/bin/sh\nexit 0\n"


def system(_argument):
    os.system("true")


def getpid(_argument):
    os.getpgid(0)
    os.listdir("/")


def wait(seconds):
    time.sleep(float(seconds))


def read(path):
    with open(path) as file:
        file.read()


def write(path):
    with open(path, "w") as file:
        file.write(SOURCE)
    os.chmod(path, stat.S_IRWXU)


def connect(port):
    with socket.socket() as peer:
        peer.settimeout(5)
        peer.connect_ex(("127.0.0.1", int(port)))


def run(path):
    subprocess.call([path])


def memfd(_argument):
    descriptor = os.memfd_create("x", 0)
    os.write(descriptor, SOURCE.encode())
    if os.fork() == 0:
        os.execve("/proc/self/fd/%d" % descriptor, ["x"], {})
    os.wait()


ACTS = {f.__name__: f for f in (system, getpid, wait, read, write, connect, run, memfd)}


def act(place, name, argument):
    if place == "thread":
        thread = threading.Thread(target=ACTS[name], args=(argument,))
        thread.start()
        thread.join()
    elif place == "child":
        child = os.fork()
        if child == 0:
            print("child %d" % os.getpid(), flush=True)
            ACTS[name](argument)
            sys.stdin.readline()
            os._exit(0)
        print("parent", flush=True)
        os.waitpid(child, 0)
    else:
        ACTS[name](argument)


print("ready", flush=True)
for word in sys.argv[1:]:
    sys.stdin.readline()
    place, name, argument = (word.split(":", 2) + [""])[:3]
    act(place, name, argument)
    print(name, flush=True)
sys.stdin.read()
