"""Answers each number of seconds by the least seconds that a loop of a pyperformance benchmark took meanwhile.

    suite.py RUN_BENCHMARK.PY [ARGUMENT...]

The benchmark is run as it is, but asks its questions of the runner here. Needs pyperf.
"""

import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyperf

_SLICE_S = 0.01
_REAL_RUNNER = pyperf.Runner


class Runner:
    """Stands where a benchmark expects pyperf's runner."""

    def __init__(self, **keywords: Any) -> None:
        self.argparser = _REAL_RUNNER(**keywords).argparser
        self.metadata: dict[str, object] = {}

    def parse_args(self) -> Any:
        """Parse the benchmark's own options."""
        return self.argparser.parse_args()

    def bench_command(self, name: str, command: list[str]) -> None:
        """Measure a program."""
        self.bench_func(name, lambda: subprocess.run(command, check=True))

    def bench_func(self, name: str, function: Callable[..., object], *arguments: object, **_: object) -> None:
        """Measure a function that is called once in each loop."""

        def run(loops: int) -> float:
            start = time.perf_counter()
            for _ in range(loops):
                function(*arguments)
            return time.perf_counter() - start

        self.bench_time_func(name, run)

    def bench_time_func(self, _: str, function: Callable[..., float], *arguments: object, **__: object) -> None:
        """Measure a function that loops and takes the time itself, until the input ends."""
        loops = 1
        while function(loops, *arguments) < _SLICE_S:
            loops *= 2
        print("ready", flush=True)
        for line in sys.stdin:
            deadline, best = time.perf_counter() + float(line), float("inf")
            while time.perf_counter() < deadline:
                best = min(best, function(loops, *arguments) / loops)
            print(best, flush=True)


pyperf.Runner = Runner
sys.argv = sys.argv[1:]
sys.path[0] = str(Path(sys.argv[0]).parent)
os.chdir(sys.path[0])
runpy.run_path(sys.argv[0], run_name="__main__")
