"""Raises audit events of as many kinds, from as many processes and threads, as there may be; audit_oracle writes them.

audit_workload.py ORACLE_LOG FOLDER         says "ready", and goes on when told so
audit_workload.py ORACLE_LOG FOLDER child   as started by the first
"""

import os
import sys
import threading

import audit_acts
import audit_oracle

LOG, FOLDER = sys.argv[1:3]
BIG_FUNCTION_LINES = 9000
THREADS = 12


def big_function():
    """A function whose line table is longer than 16 KB, with events at its start, middle and end."""
    lines = ["def big():"] + ["    x = 1"] * BIG_FUNCTION_LINES
    for at in (3, BIG_FUNCTION_LINES // 2, BIG_FUNCTION_LINES - 2):
        lines[at] = "    audit('big', %d)" % at
    names = {"audit": sys.audit}
    exec(compile("\n".join(lines), "<generated>", "exec"), names)
    code = names["big"].__code__
    table = code.co_linetable if sys.version_info >= (3, 10) else code.co_lnotab
    assert len(table) > 16384, len(table)
    return names["big"]


def recurse(depth):
    if depth % 8 == 0:
        id(depth)
    if depth:
        recurse(depth - 1)
    if depth % 8 == 1:
        sys.audit("recursed", depth)


def in_threads():
    barrier = threading.Barrier(THREADS)

    def main(number):
        barrier.wait()
        for index in range(5):
            recurse(number)
            audit_acts.of_threads(FOLDER, number, index)

    threads = [threading.Thread(target=main, args=(number,), name="thread-%d" % number) for number in range(THREADS)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)


def in_forked_child(act):
    """Run an act in a forked child, which ends at once."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
            audit_oracle.end()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def become_child():
    os.execv(sys.executable, [sys.executable, __file__, LOG, FOLDER, "child"])


def main():
    big = big_function()
    audit_oracle.begin(LOG)
    audit_acts.perform(FOLDER)
    recurse(60 - 5)
    recurse(90)
    big()
    in_threads()
    in_forked_child(big_function())
    in_forked_child(lambda: audit_acts.perform_some(os.path.join(FOLDER, "forked")))
    in_forked_child(become_child)
    audit_acts.start_python(__file__, LOG, FOLDER, "child")
    audit_oracle.end()


def child():
    audit_oracle.begin(LOG)
    audit_acts.perform_some(os.path.join(FOLDER, "child-%d" % os.getpid()))
    recurse(10)
    audit_oracle.end()


if sys.argv[3:] == ["child"]:
    child()
else:
    os.write(1, b"ready\n")
    os.read(0, 3)
    main()
