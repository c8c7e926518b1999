"""What it costs a process that the functions it runs are seen: in steady state, and while it starts."""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import bpf_runs
import startup
import untraced
from measuring import (
    Conversation,
    Python,
    Table,
    Tracer,
    chosen_pythons,
    find_pythons,
    python_parser,
    require_root,
    say,
    verdict,
)

GOAL = 1.01
# Those of pyperformance that need no package of others.
_BENCHMARKS = ["nbody", "richards", "deltablue", "chaos", "generators", "regex_compile", "json_dumps", "pathlib"]
_WAYS = _BARE, _OFF, _SEEN, _AGAIN = "bare", "off", "seen", "bare again"
_SECONDS = 0.3
_SETTLING_S = 2.5  # what had run before is read from memory meanwhile, by the tracer, beside the program
_START = f"start of `python -c '{startup.PROGRAM}'`"


class Bench:
    """The programs of one interpreter, and what their quickest slices took."""

    def __init__(self, python: Python, folder: Path) -> None:
        self.python = python
        self.trace = folder / "trace.pyxhon"
        self.least: dict[tuple[str, str], float] = defaultdict(lambda: float("inf"))
        self.hits: dict[str, int] = defaultdict(int)  # of the probe, by program, in `_SECONDS` of each round

    def measure(self, rounds: int) -> None:
        """Measure the programs, which run all the time, one after the other in each round."""
        suite = untraced.Suite(self.python)
        with ExitStack() as running:
            programs = {name: running.enter_context(suite.start(name)) for name in _BENCHMARKS}
            for number in range(rounds):
                say(f"{self.python.name}: round {number + 1} of {rounds}")
                for name, program in programs.items():
                    for way in _in_turn(number):
                        with self._watch(program.process.pid, way) as tracer:
                            if tracer is not None:
                                program.ask(str(_SETTLING_S))
                            self._note(name, way, float(program.ask(str(_SECONDS))))
                            if way == _SEEN and tracer is not None:
                                self.hits[name] += self._count_hits(tracer, program)

    def _count_hits(self, tracer: Tracer, program: Conversation) -> int:
        with bpf_runs.statistics():
            before = _hits(tracer.process.pid)
            program.ask(str(_SECONDS))
            return _hits(tracer.process.pid) - before

    def measure_starts(self, rounds: int, folder: Path) -> None:
        """Measure the short program."""
        bench = startup.Bench(self.python, folder)
        for number in range(-1, rounds):
            say(f"{self.python.name}: start {number + 1} of {rounds}")
            ways: dict[str, Callable[[], None]] = {
                _BARE: lambda: bench.run([]),
                _OFF: lambda: bench.trace("--calls", "off"),
                _SEEN: lambda: bench.trace("--calls", "seen"),
                _AGAIN: lambda: bench.run([]),
            }
            for way in _in_turn(number):
                wall_s, _ = bench.seconds(ways[way])
                if number >= 0:  # the first one warms the caches
                    self._note(_START, way, wall_s)

    def _watch(self, pid: int, way: str) -> AbstractContextManager[Tracer | None]:
        if way in (_OFF, _SEEN):
            return Tracer(pid, self.trace, "--no-follow", "--calls", way, "--syscalls", "off")
        return nullcontext()

    def _note(self, name: str, way: str, seconds: float) -> None:
        self.least[name, way] = min(self.least[name, way], seconds)

    def ratios(self, name: str) -> list[float]:
        """Give off / bare, seen / bare, bare again / bare, seen / off."""
        bare, off, seen, again = (self.least[name, way] for way in _WAYS)
        return [off / bare, seen / bare, again / bare, seen / off]


def _hits(pid: int) -> int:
    """Give how often the program ran that a tracer loaded last for its user probes."""
    runs = bpf_runs.user_probe_runs(pid)
    return runs[max(runs)][0] if runs else 0


def _default_pythons() -> list[Python]:
    return [found[0] for version in ("3.11", "3.13") if (found := find_pythons(version))]


def _in_turn(number: int) -> tuple[str, ...]:
    """Turn the order round each time: what the machine does meanwhile must not always fall on the same one."""
    return _WAYS if number % 2 == 0 else _WAYS[::-1]


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=5).parse_args()
    require_root()
    table = Table(
        [
            "interpreter",
            "program",
            "bare",
            "`--calls off` / bare",
            "`--calls seen` / bare",
            "bare again / bare",
            "`seen` / `off`",
            "probe met",
            "goal",
        ]
    )
    for python in chosen_pythons(options.python, _default_pythons):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(python, Path(folder))
            bench.measure(options.rounds)
            bench.measure_starts(4 * options.rounds, Path(folder))
        _add_rows(bench, table)
    table.notes.append(
        f"Benchmarks of pyperformance, each in one process for {options.rounds} rounds: {_SECONDS:g} s bare, as long "
        "with `pyxhon record --no-follow --syscalls off PID` on it, without and with `--calls seen`, each "
        f"after {_SETTLING_S:g} s, and bare again, in slices of "
        "some 10 ms, of which the quickest of all rounds is shown. The start is that of `startup.py`, the quickest of "
        f"{4 * options.rounds}: there each function is entered for the first time, and told of. Bare again is what "
        "such a comparison gives when nothing differs. Probe met: how often the probe of `seen` ran in all rounds, "
        f"{_SECONDS:g} s of each. Goal: in steady state at most {GOAL} times bare."
    )
    table.print()


def _add_rows(bench: Bench, table: Table) -> None:
    ratios = {name: bench.ratios(name) for name in (*_BENCHMARKS, _START)}
    for name, values in ratios.items():
        bare_s = bench.least[name, _BARE]
        table.add(
            bench.python.name,
            name,
            f"{bare_s * 1e6:,.1f} µs",
            *(f"{value:.3f}" for value in values),
            bench.hits.get(name, ""),
            "",
        )
    columns = zip(*(ratios[name] for name in _BENCHMARKS), strict=True)
    means = [statistics.geometric_mean(column) for column in columns]
    table.rows.insert(
        len(table.rows) - 1,
        (
            bench.python.name,
            "**geometric mean**",
            "",
            *(f"**{mean:.3f}**" for mean in means),
            f"**{sum(bench.hits.values())}**",
            verdict(is_met=means[1] <= GOAL),
        ),
    )


if __name__ == "__main__":
    main()
