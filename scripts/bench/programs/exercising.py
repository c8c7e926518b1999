"""Uses a package by its exercise, again and again: `exercising.py EXERCISE`.

Each line read is a number of seconds; the answer is how long one run of the exercise took, in the mean of as many as
filled that time, and at least one.
"""

import importlib.util
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Load, warm up, and answer."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the exercise prints is no answer
    path = Path(sys.argv[1])
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        sys.exit(f"no program: {path}")
    exercise = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = exercise
    specification.loader.exec_module(exercise)
    exercise.main()
    for line in sys.stdin:
        start, rounds = time.perf_counter(), 0
        while not rounds or time.perf_counter() - start < float(line):
            exercise.main()
            rounds += 1
        print((time.perf_counter() - start) / rounds, file=answers)


if __name__ == "__main__":
    main()
