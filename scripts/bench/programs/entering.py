"""Enters Python functions in loops of several kinds, and answers how long the quickest loop took.

A line "KIND SECONDS" is answered by the nanoseconds of the quickest loop within that time, "spread KIND SECONDS" by
those of processor time of a mean one, and of a mean one of those that took less than twice as long as the median one,
"pace KIND LOOPS_PER_S SECONDS" by how many were done at this pace, "count KIND" by how many functions a loop enters,
"profile" and "monitor" by 1 after a tool that does nothing was set, 0 where there is none.
"""

from __future__ import annotations

import importlib
import json
import re
import statistics
import sys
import time
from typing import Any

sre_compile = importlib.import_module("re._compiler" if sys.version_info >= (3, 11) else "sre_compile")


def nothing() -> int:
    """Do nothing."""
    return 0


def functions() -> None:
    """Enter an empty function."""
    for _ in range(200):
        nothing(), nothing(), nothing(), nothing(), nothing(), nothing(), nothing(), nothing(), nothing(), nothing()


class Thing:
    """Has methods."""

    def __init__(self, value: int) -> None:
        self.value = value

    def double(self) -> int:
        """Give twice the value."""
        return self.value + self.value

    @property
    def half(self) -> float:
        """Give half the value."""
        return self.value / 2


def methods() -> None:
    """Make objects and enter their methods."""
    for number in range(500):
        thing = Thing(number)
        thing.double()
        thing.double()
        _ = thing.half


def fibonacci(n: int) -> int:
    """Recurse."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)  # noqa: PLR2004


def recursion() -> None:
    """Enter one function at changing depths."""
    fibonacci(15)


LEAVES, CALLERS = 40, 100
SOURCE = "".join(f"def leaf{number}(): pass\n" for number in range(LEAVES)) + "".join(
    f"def caller{number}():\n" + "".join(f"    leaf{(number * 7 + each) % LEAVES}()\n" for each in range(LEAVES // 2))
    for number in range(CALLERS)
)
NAMESPACE: dict[str, Any] = {}
exec(SOURCE, NAMESPACE)  # noqa: S102 - so many functions
CALLING = [NAMESPACE[f"caller{number}"] for number in range(CALLERS)]


def edges() -> None:
    """Enter functions by 2000 pairs of caller and callee, one after the other."""
    for caller in CALLING:
        caller()


DOCUMENT = {f"key {number}": [number, str(number), {"a": None, "b": number / 7}] for number in range(40)}
TEXT = json.dumps(DOCUMENT)
ENCODER: Any = importlib.import_module("json.encoder")
DECODER: Any = json.JSONDecoder()  # without the accelerators
DECODER.parse_string = importlib.import_module("json.decoder").py_scanstring
DECODER.scan_once = importlib.import_module("json.scanner").py_make_scanner(DECODER)


def documents() -> None:
    """Write and read JSON, all in Python."""
    accelerator, ENCODER.c_make_encoder = ENCODER.c_make_encoder, None
    for _ in ENCODER.JSONEncoder(indent=1).iterencode(DOCUMENT):
        pass
    ENCODER.c_make_encoder = accelerator
    DECODER.decode(TEXT)


class Task:
    """Takes a packet, works on it and passes it on; after Martin Richards' benchmark of an operating system."""

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self.scheduler = scheduler
        self.name = name
        self.queue: list[dict[str, int]] = []
        self.is_held = False

    def is_ready(self) -> bool:
        """Tell whether there is something to do."""
        return bool(self.queue) and not self.is_held

    def put(self, packet: dict[str, int]) -> None:
        """Take a packet."""
        self.queue.append(packet)

    def run(self) -> None:
        """Work."""
        packet = self.queue.pop(0)
        self.work(packet)
        if packet["hops"]:
            self.scheduler.send(packet)

    def work(self, packet: dict[str, int]) -> None:
        """Change the packet."""
        packet["hops"] -= 1


class Handler(Task):
    """Works in another way."""

    def work(self, packet: dict[str, int]) -> None:
        """Change the packet and its destination."""
        super().work(packet)
        packet["to"] = self.following(packet["to"])

    def following(self, number: int) -> int:
        """Give the next destination."""
        return (number + 1) % len(self.scheduler.tasks)


class Scheduler:
    """Runs what is ready."""

    def __init__(self) -> None:
        self.tasks = [Handler(self, str(number)) if number % 2 else Task(self, str(number)) for number in range(6)]

    def send(self, packet: dict[str, int]) -> None:
        """Pass a packet on."""
        self.task(packet["to"]).put(packet)

    def task(self, number: int) -> Task:
        """Give a task."""
        return self.tasks[number]

    def ready(self) -> list[Task]:
        """Give the tasks that have something to do."""
        return [task for task in self.tasks if task.is_ready()]

    def run(self) -> None:
        """Run until there is nothing to do."""
        while True:
            tasks = self.ready()
            if not tasks:
                return
            for task in tasks:
                task.run()


def scheduling() -> None:
    """Pass packets between objects."""
    scheduler = Scheduler()
    for number in range(6):
        scheduler.send({"to": number, "hops": 30})
    scheduler.run()


WORD = re.compile(r"\w+")


def patterns() -> None:
    """Compile regular expressions, and replace by a callback."""
    sre_compile.compile(r"(?P<scheme>https?)://(?:[a-z0-9-]+\.)+(com|org|net)(?::\d{1,5})?(/[^?#\s]*)?")
    WORD.sub(lambda match: match.group().upper(), TEXT[:2000])


KINDS = {
    "functions": functions, "methods": methods, "recursion": recursion, "edges": edges,
    "documents": documents, "scheduling": scheduling, "patterns": patterns,
}  # fmt: skip


def entries(kind: str) -> int:
    """Count what a loop enters."""
    seen: list[object] = []
    sys.setprofile(lambda frame, event, _: seen.append(frame) if event == "call" else None)
    try:
        KINDS[kind]()
    finally:
        sys.setprofile(None)
    return len(seen)


def quickest(kind: str, seconds: float) -> float:
    """Give the nanoseconds of the quickest loop."""
    loop, clock, best = KINDS[kind], time.perf_counter_ns, float("inf")
    deadline = clock() + seconds * 1e9
    while clock() < deadline:
        start = clock()
        loop()
        best = min(best, clock() - start)
    return best


def spread(kind: str, seconds: float) -> str:
    """Give the nanoseconds of processor time of a mean loop, and of a mean one of those that nothing slowed down."""
    loop, clock, took = KINDS[kind], time.thread_time_ns, []
    deadline, last = time.perf_counter() + seconds, clock()
    while time.perf_counter() < deadline:
        loop()
        now = clock()
        took.append(now - last)
        last = now
    limit = 2 * statistics.median(took)
    return f"{statistics.mean(took)} {statistics.mean(each for each in took if each < limit)}"


def pace(kind: str, loops_per_s: float, seconds: float) -> int:
    """Loop at an even pace, or as quickly as it goes; gives how often."""
    loop, loops = KINDS[kind], 0
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        if loops < passed * loops_per_s:
            loop()
            loops += 1
        else:
            time.sleep(0.0005)
    return loops


def monitor() -> int:
    """Let sys.monitoring call a function at each start of one."""
    monitoring: Any = getattr(sys, "monitoring", None)  # from 3.12 on
    if monitoring is None:
        return 0
    monitoring.use_tool_id(monitoring.PROFILER_ID, "bench")
    monitoring.register_callback(monitoring.PROFILER_ID, monitoring.events.PY_START, lambda _code, _offset: None)
    monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.PY_START)
    return 1


def profile() -> int:
    """Let sys.setprofile call a function at each event."""
    sys.setprofile(lambda _frame, _event, _argument: None)
    return 1


def main() -> None:
    """Answer."""
    for line in sys.stdin:
        words = line.split()
        if words[0] in ("monitor", "profile"):
            sys.setprofile(None)
            answer: float | str = {"monitor": monitor, "profile": profile}[words[0]]()
        elif words[0] == "spread":
            answer = spread(words[1], float(words[2]))
        elif words[0] == "pace":
            answer = pace(words[1], float(words[2]), float(words[3]))
        elif words[0] == "count":
            KINDS[words[1]]()  # what is done once has been done
            answer = entries(words[1])
        else:
            answer = quickest(words[0], float(words[1]))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


main()
