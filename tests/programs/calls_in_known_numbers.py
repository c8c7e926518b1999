"""Enters functions in known numbers, and tells these.

    calls_in_known_numbers.py FILE PART...     runs these parts
    calls_in_known_numbers.py FILE late PART...    the same, after it said "ready" and was given a line

The file is JSON. `functions`: {name: [starts, resumptions]}, `edges`: {"callee < caller": [starts, resumptions]},
`by_thread`: {tid: starts of working}, `by_process`: {pid: starts of forking}, `refused`: how often a recursion was.
Functions count themselves by itertools.count, for which no function is entered.
"""

import itertools
import json
import os
import subprocess
import sys
import threading

TOLD = {"functions": {}, "edges": {}, "by_thread": {}, "by_process": {}, "refused": 0}
COUNTS = {}


def counter(name):
    return COUNTS.setdefault(name, itertools.count())


def tell(name, starts, resumptions=None):
    """Tell how far these counters came; they are of no more use."""
    TOLD["functions"][name] = [next(starts), 0 if resumptions is None else next(resumptions)]


# Who calls whom.

LEAF, PAUSING, RESUMED = itertools.count(), itertools.count(), itertools.count()


def leaf(value):
    next(LEAF)
    return value


def by_python(times):
    for value in range(times):
        leaf(value)


def by_c(times):
    sorted(range(times), key=leaf)


def by_lambda(times):
    return sum(map(lambda value: leaf(value), range(times)))


class Made:
    def __init__(self, value):
        self.value = leaf(value)

    def __del__(self):
        leaf(0)

    @property
    def shown(self):
        return leaf(self.value)


def by_methods(times):
    for value in range(times):
        made = Made(value)
        made.shown
        del made


def pausing(times):
    next(PAUSING)
    for value in range(times):
        yield leaf(value)
        next(RESUMED)


def starting(generator):
    return next(generator)


def resuming(generator):
    return list(generator)


def structure():
    for _ in range(3):
        by_python(5)
    by_c(7), by_lambda(4), by_methods(6)
    for _ in range(2):
        generator = pausing(4)
        starting(generator)
        resuming(generator)
    tell("leaf", LEAF)
    tell("pausing", PAUSING, RESUMED)
    TOLD["edges"] = {
        "by_python < structure": [3, 0],
        "by_c < structure": [1, 0],
        "by_lambda < structure": [1, 0],
        "by_methods < structure": [1, 0],
        "starting < structure": [2, 0],
        "resuming < structure": [2, 0],
        "pausing < starting": [2, 0],
        "pausing < resuming": [0, 8],
        "__init__ < by_methods": [6, 0],
        "__del__ < by_methods": [6, 0],
        "shown < by_methods": [6, 0],
        "<lambda> < by_lambda": [4, 0],
        "leaf < by_python": [15, 0],
        "leaf < by_c": [7, 0],
        "leaf < <lambda>": [4, 0],
        "leaf < __init__": [6, 0],
        "leaf < __del__": [6, 0],
        "leaf < shown": [6, 0],
        "leaf < pausing": [8, 0],
        "structure < main": [1, 0],
        "main < <module>": [1, 0],
        "<module> < None": [1, 0],
    }


# Eight threads at once.


def working():
    next(WORKING[threading.current_thread().name])


WORKING = {str(number): itertools.count() for number in range(8)}


def work(times, barrier):
    barrier.wait()
    for _ in range(times):
        working()
    TOLD["by_thread"][threading.get_native_id()] = next(WORKING[threading.current_thread().name])


def threads():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    barrier = threading.Barrier(8)
    all_threads = [
        threading.Thread(target=work, args=(1000 + 10 * number, barrier), name=str(number)) for number in range(8)
    ]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()
    sys.setswitchinterval(interval)


# Recursion until it is refused. A `for` asks the counter without a call, which might be what is refused.

RECURSING = itertools.count()


def recursing():
    for _ in RECURSING:
        break
    recursing()


def recursion():
    for _ in range(5):
        try:
            recursing()
        except RecursionError:
            TOLD["refused"] += 1
    tell("recursing", RECURSING)


# Tracing, profiling and monitoring switched on and off between calls, in calls and in generators.

WATCHED, WITHIN, WATCHED_PAUSING, WATCHED_RESUMED = (itertools.count() for _ in range(4))
TOOL = 3


def watched(depth, switch=None):
    next(WATCHED)
    if switch:
        switch()
    if depth:
        watched(depth - 1)


def switching_within(switch):
    next(WITHIN)
    switch()
    return next(WITHIN) * 0


def watched_pausing(switches):
    next(WATCHED_PAUSING)
    for switch in switches:
        switch()
        yield
        next(WATCHED_RESUMED)


def watching(*_):
    return watching


def monitoring(*_):
    return None


def switches():
    every = [
        lambda: sys.settrace(watching),
        lambda: sys.setprofile(watching),
        lambda: sys.settrace(None),
        lambda: sys.setprofile(None),
        lambda: None,
    ]
    if hasattr(sys, "monitoring"):
        tools = sys.monitoring
        events = tools.events
        tools.use_tool_id(TOOL, "switches")
        for event in (events.PY_START, events.PY_RESUME, events.LINE, events.INSTRUCTION, events.PY_RETURN):
            tools.register_callback(TOOL, event, monitoring)
        every += [
            lambda: tools.set_events(TOOL, events.PY_START),
            lambda: tools.set_events(TOOL, events.LINE | events.INSTRUCTION),
            lambda: tools.set_events(TOOL, 0),
            lambda: tools.set_local_events(TOOL, watched_pausing.__code__, events.PY_RESUME | events.LINE),
            lambda: tools.set_local_events(TOOL, watched_pausing.__code__, 0),
            lambda: tools.restart_events(),
        ]
    return every


def tools():
    every = switches()
    for round_number in range(6):
        for number, switch in enumerate(every):
            switch()
            watched(2)
            watched(1)
            watched(2, every[(number * 3 + round_number) % len(every)])
            switching_within(every[(number * 5 + round_number) % len(every)])
            list(watched_pausing([switch, every[number - 1], every[round_number % len(every)]]))
    sys.settrace(None)
    sys.setprofile(None)
    if hasattr(sys, "monitoring"):
        sys.monitoring.free_tool_id(TOOL)
    TOLD["functions"]["switching_within"] = [next(WITHIN) // 2, 0]
    tell("watched", WATCHED)
    tell("watched_pausing", WATCHED_PAUSING, WATCHED_RESUMED)


# Code objects made again and again at the addresses of others.

MAKING = [itertools.count() for _ in range(40)]


DEFINED = "def made_{0}():\n    next(count)\n"


def tell_made():
    for name, count in enumerate(MAKING):
        tell("made_%d" % name, count)


def reuse(times=4000):
    for number in range(times):
        text = DEFINED + "for _ in range({1}):\n    made_{0}()\n"
        name = number * 7 % 40
        exec(text.format(name, number % 3), {"count": MAKING[name]})
    tell_made()


def generations():
    reuse(70000)


def crowd():
    """Have more functions at once than any table of recent ones holds, three times."""
    for round_number in range(3):
        kept = []
        for number in range(20000):
            name = (number + round_number) % 40
            space = {"count": MAKING[name]}
            exec(DEFINED.format(name), space)
            kept.append(space["made_%d" % name])
        for function in kept:
            function()
        del kept, function, space
    tell_made()


# Other interpreters in this process.

WITHIN_ANOTHER = """
import itertools, os
COUNT = itertools.count()
def in_another():
    next(COUNT)
for _ in range({times}):
    in_another()
os.write({descriptor}, b"%d " % next(COUNT))
"""


def interpreters():
    try:
        import _interpreters as module
    except ImportError:
        try:
            import _xxsubinterpreters as module
        except ImportError:
            return
    reading, writing = os.pipe()
    for times in (11, 300):
        number = module.create()
        module.run_string(number, WITHIN_ANOTHER.format(times=times, descriptor=writing))
        module.run_string(number, "in_another()")
        module.destroy(number)
    os.close(writing)
    with os.fdopen(reading) as file:
        counted = sum(map(int, file.read().split()))
    TOLD["functions"]["in_another"] = [counted + 2, 0]


# Children by fork and by exec.

FORKING = itertools.count()


def forking():
    next(FORKING)


def children():
    for _ in range(5):
        forking()
    child = os.fork()
    if not child:
        for _ in range(7):
            forking()
        os._exit(next(FORKING) - 5)
    TOLD["by_process"][child] = os.WEXITSTATUS(os.waitpid(child, 0)[1])
    with subprocess.Popen([sys.executable, __file__, "-", "forked"]) as program:
        TOLD["by_process"][program.pid] = program.wait()
    TOLD["by_process"][os.getpid()] = next(FORKING)


def forked():
    for _ in range(9):
        forking()
    sys.exit(next(FORKING))


PARTS = {
    "structure": structure,
    "threads": threads,
    "recursion": recursion,
    "tools": tools,
    "reuse": reuse,
    "generations": generations,
    "crowd": crowd,
    "interpreters": interpreters,
    "children": children,
    "forked": forked,
}


def main(path, parts):
    if parts[0] == "late":
        os.write(1, b"ready\n")
        os.read(0, 1)
    for name in parts:
        if name != "late":
            PARTS[name]()
    with open(path, "w") as file:
        json.dump(TOLD, file)
    os.write(1, b"done\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
