"""Does nothing but call functions, in slices of equal work, for the seconds that each line says.

Answers with the processor time of a slice in ms, on the average, and the same of those that were hardly disturbed, and
with the number of calls.
"""

import sys
import time


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


class Number:
    def __init__(self, value):
        self.value = value

    def get(self):
        return self.value

    def plus(self, other):
        return Number(self.value + other.get())


def add():
    total = Number(0)
    for i in range(1000):
        total = total.plus(Number(i))


WORK = {"fibonacci": (lambda: fibonacci(19), 13529), "objects": (add, 4001)}


def main():
    work, calls = WORK[sys.argv[1]]
    for _ in range(30):
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        end, took = time.monotonic() + float(line), []
        while time.monotonic() < end:
            start = time.process_time_ns()
            work()
            took.append(time.process_time_ns() - start)
        usual = sorted(took)[len(took) // 2]
        quiet = [one for one in took if one < 1.7 * usual]
        print(sum(took) / len(took) / 1e6, sum(quiet) / len(quiet) / 1e6, calls * len(took), flush=True)


main()
