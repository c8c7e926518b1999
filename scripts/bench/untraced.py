"""Whether programs that are not traced become slower while another process of their interpreter is."""

import hashlib
import os
import statistics
import subprocess
import tempfile
from collections import defaultdict
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from measuring import (
    PROGRAMS,
    Conversation,
    Python,
    Table,
    Tracer,
    chosen_pythons,
    default_pythons,
    python_parser,
    require_root,
    say,
    verdict,
)

GOAL = 1.01
_REQUIREMENTS = ["pyperformance==1.14.0", "pyperf==2.10.0"]
_BENCHMARKS = ["nbody", "richards", "json_loads", "pickle", "pathlib", "sqlite_synth", "logging", "python_startup"]
_KINDS = {"pickle": ["pickle"], "logging": ["format"]}  # those that are several
_WAYS = _BARE, _TRACED, _ALONE, _AGAIN = "bare", "traced", "traced alone", "bare again"
_OPTIONS = {_TRACED: (), _ALONE: ("--no-follow",)}
_SECONDS = 0.4


class Suite:
    """pyperformance's programs, in an environment of the interpreter to be measured, kept for the next time."""

    def __init__(self, python: Python) -> None:
        key = hashlib.sha256(f"{python.path.resolve()} {python.version} {_REQUIREMENTS}".encode()).hexdigest()[:12]
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.folder = home / "pyxhon" / f"bench-{key}"
        self.python = self.folder / "bin/python"
        if not (self.folder / ".complete").exists():
            say(f"installing {', '.join(_REQUIREMENTS)} for {python.name}")
            subprocess.run([python.path, "-m", "venv", "--clear", self.folder], check=True)
            install: list[str | Path] = [
                self.python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--disable-pip-version-check",
            ]
            subprocess.run([*install, *_REQUIREMENTS], check=True, stderr=subprocess.DEVNULL)
            (self.folder / ".complete").touch()

    def start(self, name: str) -> Conversation:
        """Start one benchmark, which then waits to be asked."""
        (script,) = self.folder.glob(
            f"lib/python3.*/site-packages/pyperformance/data-files/benchmarks/bm_{name}/run_benchmark.py"
        )
        program = Conversation([self.python, PROGRAMS / "suite.py", script, *_KINDS.get(name, [])])
        program.hear()
        return program


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=12).parse_args()
    require_root()
    table = Table(
        ["interpreter", "benchmark", "bare", "another is traced / bare", "with `--no-follow`", "bare again / bare"]
    )
    for python in chosen_pythons(options.python, lambda: default_pythons()[:1]):
        _measure(python, options.rounds, table)
    table.notes.append(
        f"Benchmarks of pyperformance, each in one process for {options.rounds} rounds: {_SECONDS:g} s bare, as long "
        "with `pyxhon record PID` on another process of the same interpreter, with `pyxhon record --no-follow PID`, "
        "bare again, in slices of some 10 ms, of "
        "which the quickest of all rounds is shown: this machine's processors are not ours alone, and what others do "
        "only ever makes a slice slower. "
        f"The last column is what such a comparison gives when nothing differs. Goal: at most {GOAL}."
    )
    table.print()


def _measure(python: Python, rounds: int, table: Table) -> None:
    suite = Suite(python)
    samples: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        other = running.enter_context(Conversation([python.path, "-I", PROGRAMS / "looping.py"]))
        programs = {name: running.enter_context(suite.start(name)) for name in _BENCHMARKS}
        for number in range(rounds):
            say(f"{python.name}: round {number + 1} of {rounds}")
            # turned round each time: what the machine does meanwhile must not always fall on the same one
            for way in _WAYS if number % 2 == 0 else reversed(_WAYS):
                with _watch(other, Path(folder), way):
                    for name, program in programs.items():
                        samples[name, way].append(float(program.ask(str(_SECONDS))))
    _add_rows(python.name, samples, table)


def _watch(other: Conversation, folder: Path, way: str) -> AbstractContextManager[object]:
    if way not in _OPTIONS:
        return nullcontext()
    return Tracer(other.process.pid, folder / "trace.pyxhon", *_OPTIONS[way])


def _add_rows(python: str, samples: dict[tuple[str, str], list[float]], table: Table) -> None:
    least = {key: min(values) for key, values in samples.items()}
    ratios = {way: [least[name, way] / least[name, _BARE] for name in _BENCHMARKS] for way in _WAYS[1:]}
    for index, name in enumerate(_BENCHMARKS):
        bare = f"{least[name, _BARE] * 1e6:,.1f} µs"
        table.add(python, name, bare, *(f"{each[index]:.3f}" for each in ratios.values()))
    means = {way: statistics.geometric_mean(values) for way, values in ratios.items()}
    table.add(python, "**geometric mean**", "", *(f"**{mean:.3f}**" for mean in means.values()))
    for way in _OPTIONS:
        name = "" if way == _TRACED else f", {way}"
        table.notes.append(
            f"{python}{name}: geometric mean {means[way]:.3f}: {verdict(is_met=means[way] <= GOAL)}; "
            f"worst {max(ratios[way]):.3f}: {verdict(is_met=max(ratios[way]) <= GOAL)}."
        )


if __name__ == "__main__":
    main()
