"""One step of one package: run in its sandbox, traced, with its report and what it said in a folder of its own."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pyxhon.evaluate.options import EvaluateOptions
from pyxhon.evaluate.sandbox import Box, boxed
from pyxhon.evaluate.users import die_with_us
from pyxhon.evaluate.watching import Watched, watch
from pyxhon.report.escape import escape

_REPORTED: Final = (0, 3, 4)
_BUFFER: Final = "64M"  # builds start many programs at once
_MOST_LINES, _LONGEST_LINE = 5000, 2000


@dataclass(frozen=True, slots=True)
class Step:
    """What came of a step."""

    name: str
    outcome: str
    """done, failed, the limit that ended it, or "untraced": PyXhon has no report."""
    status: int | None
    """The command's own exit status; None: it was killed, or is not known."""
    duration_s: float
    peak_memory_bytes: int
    peak_processes: int
    output_bytes: int
    message: str
    """The last thing that it said."""
    is_known: bool
    """Its files were known when it began, so that what it did has owners."""
    folder: str
    """Where its report, trace and output are, within the folder of the evaluation."""

    @property
    def went_through(self) -> bool:
        """Tell whether all was done that was to be done; tests that fail have been run."""
        return self.outcome == "done" or (self.name == "tests" and self.outcome == "failed")

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What is to be run, and where what comes of it goes."""

    name: str
    box: Box
    command: list[str]
    folder: Path
    policies: tuple[str, ...]


def run_step(plan: StepPlan, options: EvaluateOptions, is_interrupted: Callable[[], bool]) -> Step:
    """Run a step under PyXhon and keep trace, report and output."""
    shutil.rmtree(plan.folder, ignore_errors=True)
    plan.folder.mkdir(parents=True)
    trace, report = plan.folder / "trace.pyxhon", plan.folder / "report.json"
    tracer = [*die_with_us(), sys.executable, "-m", "pyxhon", "run", "-q", "--buffer", _BUFFER, "-o", str(trace)]
    tracer += ["--format", "json", "--report", str(report), "--interpreter", plan.box.python.executable]
    tracer += [word for policy in plan.policies for word in ("--policy", policy)]
    tracer += ["--syscalls", options.syscalls, *(("--calls", options.calls) if options.calls else ()), "--"]
    watched = watch(
        lambda descriptor: [*tracer, *boxed(plan.box, plan.command, descriptor)],
        plan.box.uid,
        plan.box.limits,
        trace,
        is_interrupted,
    )
    lines = _shown(watched.output)
    (plan.folder / "output.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    status = _command_status(report) if watched.status in _REPORTED else None
    return Step(
        name=plan.name,
        outcome=_outcome(watched, status),
        status=status,
        duration_s=round(watched.duration_s, 3),
        peak_memory_bytes=watched.peak_memory_bytes,
        peak_processes=watched.peak_processes,
        output_bytes=watched.output_bytes,
        message=_last_line(watched.output),
        is_known=watched.is_known,
        folder=f"{plan.folder.parent.name}/{plan.folder.name}",
    )


def _outcome(watched: Watched, status: int | None) -> str:
    if watched.ended_by:
        return watched.ended_by
    if watched.status not in _REPORTED:
        return "untraced"
    return "done" if status == 0 else "failed"


def _command_status(report: Path) -> int | None:
    """Find how the command ended: the last image of the first process, which is bubblewrap's, passes it on."""
    try:
        processes = json.loads(report.read_text(encoding="utf-8"))["processes"]
    except (OSError, ValueError, KeyError):
        return None
    status: int | None = None
    for row in processes:
        if row["pid"] == processes[0]["pid"]:
            status = row["exit_code"]
    return status


def _last_line(output: bytes) -> str:
    lines = output[-_LONGEST_LINE:].decode("utf-8", "backslashreplace").splitlines()
    return next((line[-300:] for line in reversed(lines) if line.strip()), "")


def _shown(output: bytes) -> list[str]:
    """Make what a hostile program said safe to look at, line by line."""
    lines = output.decode("utf-8", "backslashreplace").splitlines()
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES // 2], f"[... {len(lines) - _MOST_LINES} lines ...]", *lines[-_MOST_LINES // 2 :]]
    return [escape(line, _LONGEST_LINE) for line in lines]
