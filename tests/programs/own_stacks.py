"""Many threads of many processes raise events whose arguments tell the stack, the thread and the process they come from."""

import os
import random
import sys
import threading

PROCESSES, THREADS, EVENTS = 4, 10, 40


def d0(path):
    return descend(path)


def d1(path):
    return descend(path)


def d2(path):
    return descend(path)


def d3(path):
    return descend(path)


def d4(path):
    return descend(path)


def d5(path):
    return descend(path)


def d6(path):
    return descend(path)


def d7(path):
    return descend(path)


def d8(path):
    return descend(path)


def d9(path):
    return descend(path)


ways = [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9]
own = threading.local()


def descend(rest):
    if rest:
        return ways[rest[0]](rest[1:])
    who = "%d %d %s" % (os.getpid(), threading.get_native_id(), own.path)
    sys.audit("own.stack", who)
    try:
        open("/nowhere/own.stack " + who)
    except OSError:
        pass


def in_thread(seed):
    choice = random.Random(seed)
    for _ in range(EVENTS):
        path = [choice.randrange(10) for _ in range(choice.randrange(1, 20))]
        own.path = "".join(map(str, path))
        descend(path)


def in_process(number):
    threads = [threading.Thread(target=in_thread, args=(number * 100 + index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


os.write(1, b"ready\n")
os.read(0, 3)
sys.setswitchinterval(1e-5)
pids = []
for number in range(PROCESSES):
    pid = os.fork()
    if pid == 0:
        in_process(number)
        os._exit(0)
    pids.append(pid)
in_process(99)
for pid in pids:
    os.waitpid(pid, 0)
