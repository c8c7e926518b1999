"""Runs packages under PyXhon and strace at once and compares what the two saw; `run` prepares all that it needs."""

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from accuracy_page import write_page
from acts import Act
from both import PROGRAMS, Run, run_both
from compare_libdw import compare_with_libdw
from compare_libdw import write_page as write_libdw
from comparing import EXPLAINED, Comparison, compare, count_missing, reason_of
from levels import NativeBehaviour, check_levels, read_heard

from pyxhon.trace.reader import open_trace


@dataclasses.dataclass
class Measured:
    """What came out for one package; plain numbers and texts, so that it can be written as JSON."""

    package: str
    events: int
    missed: int
    missed_when_counted: int
    respelled: int
    other_results: int
    extra: int
    same: int
    same_objects: int
    other_frames: int
    whole_stacks: int
    frames: int
    different: int
    ours: int
    objects: int
    native: int
    explained: int
    lost: int
    seconds: float
    differences: list[dict[str, str]]
    invisible: list[dict[str, str | None]]
    details: dict[str, list[str]]


def main() -> None:
    """Measure, and say where it was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = sorted(path.stem.removeprefix("use_") for path in PROGRAMS.glob("use_*.py"))
    parser.add_argument("package", nargs="*", help=f"which: {', '.join(names)} (default: all)")
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has the packages")
    parser.add_argument("--folder", type=Path, help="where traces and logs stay (default: a folder that does not)")
    parser.add_argument("--page", type=Path, help="write the tables between the markers of this page")
    options = parser.parse_args()
    if unknown := set(options.package) - set(names):
        parser.error(f"no program for {', '.join(sorted(unknown))}")
    is_for_page = options.page and not options.package
    with tempfile.TemporaryDirectory(prefix="native_accuracy-") as temporary:
        folder = options.folder or Path(temporary)
        measured, compared = [], {}
        for name in options.package or names:
            print(f"native_accuracy: {name}", file=sys.stderr, flush=True)
            measured.append(measure(options.python, name, folder / name))
            if is_for_page:
                compared[name] = compare_with_libdw(options.python, name, folder / name / "libdw")
    print(json.dumps([dataclasses.asdict(one) for one in measured], indent=1))
    if is_for_page:
        write_page(options.page, options.python, [dataclasses.asdict(one) for one in measured])
        write_libdw(options.page, compared)
    if wrong := [one.package for one in measured if not is_right(one)]:
        sys.exit(f"not as it must be: {', '.join(wrong)}")


def is_right(measured: Measured) -> bool:
    """Tell whether nothing was missed and nothing called invisible that an audit event tells of."""
    return not (measured.missed or measured.missed_when_counted or measured.respelled or measured.explained)


def measure(python: Path, package: str, folder: Path) -> Measured:
    """Run a package's program twice: each act by itself with stacks, and counted with the hook."""
    started = time.monotonic()
    program = PROGRAMS / f"use_{package}.py"
    each = run_both(python, program, folder / "each", "--no-aggregate", "--buffer", "256M")
    comparison = compare(each.oracle_acts(), each.traced_acts())
    counted = run_both(python, program, folder / "counted", is_stacked=False)
    missing = count_missing(counted.oracle_acts(), counted.traced_acts())
    native = check_levels(_report(counted), read_heard(counted.log))
    return Measured(
        package=package,
        events=comparison.seen,
        missed=len(comparison.missed),
        missed_when_counted=sum(missing.values()),
        respelled=len(comparison.respelled),
        other_results=len(comparison.different_results),
        extra=len(comparison.extra),
        same=len(comparison.pairs) - len(comparison.different),
        same_objects=comparison.same_objects,
        other_frames=len(comparison.other_frames),
        whole_stacks=comparison.whole_stacks,
        frames=sum(len(theirs.frames) for theirs, _ in comparison.pairs),
        different=len(comparison.different),
        ours=sum(reason_of(*pair) not in EXPLAINED for pair in comparison.different),
        objects=len({act.responsible for _, act in comparison.pairs}),
        native=len(native),
        explained=sum(one.explained_by is not None for one in native),
        lost=_lost(each) + _lost(counted),
        seconds=round(time.monotonic() - started, 1),
        differences=_differences(comparison),
        invisible=_invisible(native),
        details=_details(comparison, missing, native),
    )


def _differences(comparison: Comparison) -> list[dict[str, str]]:
    return [
        {"reason": reason_of(a, b), "call": a.name, "theirs": a.responsible, "ours": b.responsible}
        for a, b in comparison.different
    ]


def _invisible(native: list[NativeBehaviour]) -> list[dict[str, str | None]]:
    return [
        {"object": one.object, "call": one.name, "explained_by": one.explained_by.name if one.explained_by else None}
        for one in native
    ]


def _report(run: Run) -> dict[str, Any]:
    command = [sys.executable, "-m", "pyxhon", "report", "--format", "json", str(run.trace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"pyxhon report: {done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _lost(run: Run) -> int:
    with open_trace(run.trace) as reader:
        rows = [row for row in reader.losses() if row.reason != "python_stack_truncated"]
        return sum(row.count for row in rows)


def _details(
    comparison: Comparison, missing: Counter[tuple[str, str]], native: list[NativeBehaviour]
) -> dict[str, list[str]]:
    """Give every difference as text."""
    return {
        "missed": [_describe(act) for act in comparison.missed],
        "missed_when_counted": [f"{number} x {name} {subject}" for (name, subject), number in missing.items()],
        "respelled": [f"{_describe(theirs)} / {_describe(ours)}" for theirs, ours in comparison.respelled],
        "other_results": [f"{_describe(theirs)} / {ours.result}" for theirs, ours in comparison.different_results],
        "extra": [_describe(act) for act in comparison.extra],
        "different": [
            f"{reason_of(a, b)}: {_describe(a)} by {a.responsible} {a.objects} / {b.responsible} {b.objects} ({b.note})"
            for a, b in comparison.different
        ],
        "other_frames": [_describe_frames(*pair) for pair in comparison.other_frames],
        "native": [
            f"{one.count} x {one.name} {one.subject} by {one.object} of {one.package}"
            + (f": EXPLAINED by {one.explained_by.name} {one.explained_by.arguments}" if one.explained_by else "")
            for one in native
        ],
    }


def _describe_frames(theirs: Act, ours: Act) -> str:
    pairs = list(zip(theirs.frames, ours.frames, strict=False))
    index = next((index for index, (a, b) in enumerate(pairs) if a != b), len(pairs))
    told = [f"{path}+{address:#x}" for frames in (theirs.frames, ours.frames) for path, address in frames[index:][:1]]
    return f"{_describe(theirs)}: frame {index} of {len(theirs.frames)}: {' / '.join(told)}"


def _describe(act: Act) -> str:
    return f"{act.name} {act.subject!r} = {act.result} in {act.tid}"


if __name__ == "__main__":
    main()
