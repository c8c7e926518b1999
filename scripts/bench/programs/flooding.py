"""Raises audit events as fast as it can: `flooding.py SECONDS THREADS PROCESSES`, begun by a line of input.

Each thread counts its own; now and then it raises one under a name never used before. The end is a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time

_FIRST_EVERY_S = 0.05
_UNROLLED = 10


def flood(seconds: float, counts: list[tuple[int, float]], firsts: list[str]) -> None:
    """Raise events until the time is over, and append (how many, the longest pause in seconds)."""
    count, thread, pause = 0, threading.get_native_id(), 0.0
    now = time.monotonic()
    end, next_first = now + seconds, now
    while now < end:
        for _ in range(100):
            id(0), id(0), id(0), id(0), id(0), id(0), id(0), id(0), id(0), id(0)
        count += 100 * _UNROLLED
        before, now = now, time.monotonic()
        pause = max(pause, now - before)
        if now >= next_first:
            next_first = now + _FIRST_EVERY_S
            name = f"bench.first.{thread}.{len(firsts)}"
            firsts.append(name)
            sys.audit(name)
    counts.append((count, pause))


def flood_in_threads(seconds: float, thread_count: int) -> tuple[int, int, list[str], float]:
    """Give (pid, events raised, names used once, the longest time that a thousand events took)."""
    counts: list[tuple[int, float]] = []
    firsts: list[list[str]] = [[] for _ in range(thread_count)]
    threads = [threading.Thread(target=flood, args=(seconds, counts, firsts[n])) for n in range(thread_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [name for each in firsts for name in each]
    return os.getpid(), sum(count for count, _ in counts), names, max(pause for _, pause in counts)


seconds, thread_count, process_count = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
begin, tell = os.pipe()
answers = []
for _ in range(process_count - 1):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.read(begin, 1)
        os.write(writing, json.dumps(flood_in_threads(seconds, thread_count)).encode())
        os._exit(0)
    os.close(writing)
    answers.append(os.fdopen(reading))
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
os.write(tell, b"x" * (process_count - 1))
results = [flood_in_threads(seconds, thread_count)] + [json.loads(answer.read()) for answer in answers]
sys.stdout.write(json.dumps(results) + "\n")
sys.stdout.flush()
sys.stdin.readline()
