"""Does too much of something. Arguments: what, how often."""

import os
import sys

COUNT = int(sys.argv[2])


def touch(path):
    try:
        open(path)
    except OSError:
        pass


def arguments():
    for number in range(COUNT):
        touch("/nonexistent/%d" % number)


def places():
    for number in range(COUNT):
        exec(
            compile("\n" * (number % 100) + "touch('/nonexistent/place')", "<place %d>" % number, "exec"),
            {"touch": touch},
        )


def forks():
    for number in range(COUNT):
        if os.fork() == 0:
            touch("/nonexistent/%d" % number)
            os._exit(number % 256)
        if number % 20 == 19:
            for _ in range(20):
                os.wait()


def execs():
    touch("/nonexistent/%d" % COUNT)
    if COUNT:
        os.execv(sys.executable, [sys.executable, "-S", "-E", sys.argv[0], "execs", str(COUNT - 1)])


globals()[sys.argv[1]]()
