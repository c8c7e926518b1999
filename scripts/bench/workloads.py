"""How much longer real work of packages takes while it is traced, and what the tracer needs beside many DLLs."""

import hashlib
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from measuring import (
    PROGRAMS,
    Conversation,
    Table,
    Tracer,
    background,
    parser,
    require_root,
    say,
    verdict,
)

GOAL = 1.05
MEMORY_GOAL_MIB = 300
_PYTHON = Path("/usr/bin/python3")
_REQUIREMENTS = ["lxml==6.0.2", "Pillow==12.0.0", "requests==2.32.5"]
_SECONDS = 0.4
_DLLS = 300
_BARE, _TRACED, _AGAIN, _STRACE = "bare", "`pyxhon record`", "bare again", "`strace -f`"
_KINDS = ("sqlite", "pillow", "lxml", "requests")
_LOADER = """
import ctypes, sys
for path in sys.argv[1:]:
    ctypes.CDLL(path)
print("ready", flush=True)
for _ in sys.stdin:
    ctypes.CDLL(None).unlink(b"/nonexistent")
    print("done", flush=True)
"""


def make_environment() -> Path:
    """Give the interpreter of an environment with the packages, kept for the next time."""
    key = hashlib.sha256(f"{_PYTHON.resolve()} {_REQUIREMENTS}".encode()).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "pyxhon" / f"bench-{key}"
    if not (folder / ".complete").exists():
        say(f"installing {', '.join(_REQUIREMENTS)}")
        subprocess.run([_PYTHON, "-m", "venv", "--clear", folder], check=True)
        install: list[str | Path] = [
            folder / "bin/python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            *_REQUIREMENTS,
        ]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
        (folder / ".complete").touch()
    return folder / "bin/python"


class Bench:
    """One process that works on demand."""

    def __init__(self, folder: Path) -> None:
        self.trace = folder / "trace.pyxhon"
        self.target = Conversation([make_environment(), PROGRAMS / "working.py"])
        self.loops = {kind: self._calibrate(kind) for kind in _KINDS}
        self.samples: dict[tuple[str, str], list[float]] = defaultdict(list)

    def _calibrate(self, kind: str) -> int:
        self.target.ask(f"{kind} 2")
        return max(2, int(_SECONDS / (float(self.target.ask(f"{kind} 5")) / 5)))

    def ways(self) -> dict[str, Callable[[], AbstractContextManager[object]]]:
        """Give what is done beside the work."""
        pid = self.target.process.pid
        ways: dict[str, Callable[[], AbstractContextManager[object]]] = {
            _BARE: nullcontext,
            _TRACED: lambda: Tracer(pid, self.trace),
            _AGAIN: nullcontext,
        }
        if shutil.which("strace"):
            watch = ["strace", "-f", "-o", os.devnull, "-p", str(pid)]
            attached = re.compile(r"Process \d+ attached")
            ways[_STRACE] = partial(background, watch, lambda line: bool(attached.search(line)))
        return ways

    def measure_round(self) -> None:
        """Measure everything once."""
        for name, way in self.ways().items():
            with way():
                for kind in _KINDS:
                    self.target.ask(f"{kind} 2")  # first occurrences
                    self.samples[name, kind].append(float(self.target.ask(f"{kind} {self.loops[kind]}")))

    def ratio(self, name: str, kind: str) -> float:
        """Give how much longer a round took, the median over the rounds."""
        pairs = zip(self.samples[name, kind], self.samples[_BARE, kind], strict=True)
        return statistics.median(value / bare for value, bare in pairs)


def measure_memory(folder: Path) -> tuple[int, float]:
    """Trace a process with many DLLs; gives how many, and the tracer's peak memory in MiB."""
    source = folder / "empty.c"
    source.write_text("int nothing(void) { return 0; }\n", encoding="ascii")
    paths = [folder / f"lib{number}.so" for number in range(_DLLS)]
    subprocess.run(["gcc", "-shared", "-fPIC", "-g", "-o", paths[0], source], check=True)
    for path in paths[1:]:
        shutil.copy(paths[0], path)
    with Conversation([_PYTHON, "-c", _LOADER, *paths]) as target:
        target.hear()
        with Tracer(target.process.pid, folder / "dlls.pyxhon") as tracer:
            target.ask("go")
            tracer.stop()
        assert tracer.usage  # noqa: S101 - it has ended
        return len(paths), tracer.usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, rounds=25).parse_args()
    require_root()
    table = Table(["while", *(f"{kind}, x bare" for kind in _KINDS), "goal"])
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number in range(options.rounds):
            say(f"round {number + 1} of {options.rounds}")
            bench.measure_round()
        bench.target.process.communicate()
        dlls, memory = measure_memory(Path(folder))
    for name in dict.fromkeys(name for name, _ in bench.samples):
        ratios = [bench.ratio(name, kind) for kind in _KINDS]
        judged = " / ".join(verdict(is_met=ratio <= GOAL) for ratio in ratios) if name == _TRACED else ""
        table.add(name, *(f"{ratio:.3f}" for ratio in ratios), judged)
    table.notes.append(
        f"One process does about {_SECONDS:g} s of each, in turn with and without; medians of {options.rounds} rounds. "
        f"Goal: at most {GOAL} times bare. Peak memory of the tracer beside a process with {dlls} DLLs of its own: "
        f"{memory:.0f} MiB (goal: at most {MEMORY_GOAL_MIB}, {verdict(is_met=memory <= MEMORY_GOAL_MIB)})."
    )
    table.print()


if __name__ == "__main__":
    main()
