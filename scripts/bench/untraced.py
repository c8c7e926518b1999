"""Whether programs that are not traced become slower while another process of their interpreter is."""

import hashlib
import json
import os
import statistics
import subprocess
import tempfile
from contextlib import AbstractContextManager, nullcontext
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
_TRACED, _AGAIN = "traced", "bare again"


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

    def seconds(self, name: str) -> list[float]:
        """Run one benchmark; gives the seconds of each of its own measurements."""
        (script,) = self.folder.glob(
            f"lib/python3.*/site-packages/pyperformance/data-files/benchmarks/bm_{name}/run_benchmark.py"
        )
        kind = {"pickle": ["pickle"], "logging": ["format"]}.get(name, [])
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "result.json"
            amount = ["--processes", "1", "--values", "4", "--warmups", "1", "--min-time", "0.05"]
            command: list[str | Path] = [self.python, script, *amount, "--quiet", "--output", output, *kind]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=script.parent)
            result = json.loads(output.read_text(encoding="utf-8"))
        return [value for run in result["benchmarks"][0]["runs"] for value in run.get("values", [])]


def main() -> None:
    """Measure and print."""
    options = python_parser(__doc__, rounds=5).parse_args()
    require_root()
    table = Table(["interpreter", "benchmark", "bare, ms", "another is traced / bare", "bare again / bare"])
    for python in chosen_pythons(options.python, lambda: default_pythons()[:1]):
        _measure(python, options.rounds, table)
    table.notes.append(
        f"Benchmarks of pyperformance; medians of {options.rounds * 4} values each of {options.rounds} rounds in turn: "
        "bare, with `pyxhon record PID` on another process of the same interpreter, bare again. "
        "The last column is what such a comparison gives when nothing differs: the noise of this machine. "
        f"Goal: at most {GOAL}."
    )
    table.print()


def _measure(python: Python, rounds: int, table: Table) -> None:
    suite = Suite(python)
    ways = ("bare", _TRACED, _AGAIN)
    samples: dict[tuple[str, str], list[float]] = {(name, way): [] for name in _BENCHMARKS for way in ways}
    with (
        tempfile.TemporaryDirectory() as folder,
        Conversation([python.path, "-I", PROGRAMS / "looping.py"]) as other,
    ):
        for number in range(rounds):
            for name in _BENCHMARKS:
                say(f"{python.name}: round {number + 1} of {rounds}, {name}")
                # turned round each time: what the machine does meanwhile must not always fall on the same one
                for way in ways if number % 2 == 0 else reversed(ways):
                    watched = _watch(other, Path(folder)) if way == _TRACED else nullcontext()
                    with watched:
                        samples[name, way].extend(suite.seconds(name))
    _add_rows(python.name, samples, table)


def _watch(other: Conversation, folder: Path) -> AbstractContextManager[object]:
    return Tracer(other.process.pid, folder / "trace.pyxhon")


def _add_rows(name: str, samples: dict[tuple[str, str], list[float]], table: Table) -> None:
    medians = {key: statistics.median(values) for key, values in samples.items()}
    ratios = {way: [medians[one, way] / medians[one, "bare"] for one in _BENCHMARKS] for way in (_TRACED, _AGAIN)}
    for index, benchmark in enumerate(_BENCHMARKS):
        values = (f"{medians[benchmark, 'bare'] * 1e3:.3f}", *(f"{each[index]:.3f}" for each in ratios.values()))
        table.add(name, benchmark, *values)
    means = {way: statistics.geometric_mean(values) for way, values in ratios.items()}
    table.add(name, "**geometric mean**", "", *(f"**{mean:.3f}**" for mean in means.values()))
    table.notes.append(
        f"{name}: geometric mean {means[_TRACED]:.3f}: {verdict(is_met=means[_TRACED] <= GOAL)}; "
        f"worst {max(ratios[_TRACED]):.3f}: {verdict(is_met=max(ratios[_TRACED]) <= GOAL)}."
    )


if __name__ == "__main__":
    main()
