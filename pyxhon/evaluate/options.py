"""What the user asked of one evaluation; the command line fills it in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pyxhon.evaluate.exercises import Exercises


@dataclass(frozen=True, slots=True)
class Limits:
    """What each step of each package may take; all of them end the step, but the number of processes."""

    time_s: float = 300.0
    memory_bytes: int = 2 << 30
    disk_bytes: int = 2 << 30
    """Of its environment, of its home and of its temporary files, each; also the largest file that it may write."""
    processes: int = 256
    output_bytes: int = 64 << 20
    trace_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """The options of `pyxhon evaluate`."""

    output: Path
    """The folder of reports, traces and of what is finished."""
    python: str | None = None
    """The interpreter to install into; None: the one that runs us."""
    policy_paths: tuple[str, ...] = ()
    """None: for each package builtin:NAME where there is one."""
    exercises: Exercises = field(default_factory=Exercises)
    """Scripts to run instead of importing all public modules."""
    tests: bool = False
    """Run the tests that come with the package, too."""
    network: bool = False
    """Let packages reach the network."""
    calls: Literal["off", "seen", "count", "trace"] | None = None
    syscalls: Literal["sensitive", "all", "off"] = "sensitive"
    jobs: int = 1
    again: bool = False
    """Evaluate anew what is finished."""
    report_format: str = "text"
    report_path: Path | None = None
    is_quiet: bool = False
    limits: Limits = field(default_factory=Limits)
