"""Evaluates the packages one after the other, and writes docs/evaluation.md; `run` prepares all that it needs."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from environments import clean_environment, find_python, make_environment
from evaluated_packages import CASES, Case, chosen
from evaluation_page import Evaluated, write_page

CHECKOUT = Path(__file__).resolve().parents[2]
TOGETHER = "together"  # the folder of what several packages were evaluated into by one call
PYXHON = (sys.executable, "-m", "pyxhon")  # of this checkout, where it is run in it


def main() -> None:
    """Evaluate, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", nargs="*", help="which (default: all)")
    parser.add_argument("--folder", type=Path, required=True, help="where reports stay; those there are not made again")
    parser.add_argument("--page", type=Path, help="write the tables between the markers of this page")
    parser.add_argument(
        "--no-sandbox", action="store_true", help="let `pyxhon run` trace it in an environment that stays: quicker"
    )
    parser.add_argument("--jobs", type=int, default=1, help="evaluate so many packages at a time, each in its sandbox")
    options = parser.parse_args()
    try:
        cases = chosen(options.package)
    except ValueError as error:
        parser.error(str(error))
    folder = options.folder / ("traced" if options.no_sandbox else "evaluated")
    groups = [[case] for case in cases] if options.no_sandbox else group(cases)
    for each in groups:
        _make_reports(each, folder, trace if options.no_sandbox else partial(evaluate, jobs=options.jobs))
    failed = [case.package for case in cases if find_report(case, folder) is None]
    if options.page:
        how = "by `pyxhon run`, without a sandbox" if options.no_sandbox else "by `pyxhon evaluate`, in its sandbox"
        write_page(options.page, read_reports(folder), how)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def group(cases: list[Case]) -> list[list[Case]]:
    """Put together what one call of `pyxhon evaluate` can do: the same interpreter and policy, and nothing beside."""
    groups: dict[tuple[str, ...], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.python, case.policy, *case.beside), []).append(case)
    return list(groups.values())


def _make_reports(cases: list[Case], folder: Path, way: Callable[[list[Case], Path], int]) -> None:
    wanted = [case for case in cases if find_report(case, folder) is None]
    if wanted:
        started = time.monotonic()
        status = way(wanted, folder)
        say(f"{', '.join(case.package for case in wanted)}: status {status}, {time.monotonic() - started:.1f} s")


def evaluate(cases: list[Case], folder: Path, jobs: int = 1) -> int:
    """Evaluate packages in sandboxes; gives the status of `pyxhon evaluate`."""
    output = folder / (cases[0].slug if len(cases) == 1 else TOGETHER)
    output.mkdir(parents=True, exist_ok=True)
    first = cases[0]
    with tempfile.TemporaryDirectory(prefix="evaluation-") as temporary:
        constraints = Path(temporary) / "constraints.txt"
        constraints.write_text("".join(f"{one}\n" for one in first.beside))
        for path in (Path(temporary), constraints):
            path.chmod(0o755)  # pip reads it as another user
        command: list[str | Path] = [*PYXHON, "evaluate", "-q", "--jobs", str(jobs)]
        for case in cases:
            command += [case.requirements[0], "--exercise", f"{case.package}={case.exercise}"]
        command += ["--python", find_python(first.python), "--policy", first.policy, "-o", output]
        command += ["--format", "markdown", "--report", output / "matrix.md"]
        environment = clean_environment() | ({"PIP_CONSTRAINT": str(constraints)} if first.beside else {})
        with (output / "log.txt").open("w") as log:
            done = subprocess.run(command, env=environment, cwd=CHECKOUT, check=False, stdout=log, stderr=log)
    return done.returncode


def trace(cases: list[Case], folder: Path) -> int:
    """Trace an exercise in an environment that is kept; gives its own status, and leaves no report where it failed."""
    [case] = cases
    try:
        python = make_environment(case)
    except (RuntimeError, FileNotFoundError) as error:
        say(str(error))
        return 1
    output = folder / case.slug / "plain/run"
    output.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [*PYXHON, "run", "-q", "--exit-code", "command", "--policy", case.policy]
    command += ["-o", output / "trace.pyxhon", "--format", "json", "--report", output / "report.json"]
    command += ["--", python, case.exercise]
    with (output / "output.txt").open("w") as log:
        done = subprocess.run(command, env=clean_environment(), cwd=CHECKOUT, check=False, stdout=log, stderr=log)
    if done.returncode:
        (output / "report.json").unlink(missing_ok=True)
    return done.returncode


def find_report(case: Case, folder: Path, step: str = "run") -> Path | None:
    """Give the report of a step; None: it was not made."""
    alone = sorted((folder / case.slug).glob(f"*/{step}/report.json"))
    together = folder / TOGETHER / case.requirements[0] / step / "report.json"  # its folder is called by what was asked
    return next(iter(alone), together if together.exists() else None)


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(f"evaluation: {text}", file=sys.stderr, flush=True)


def read_reports(folder: Path) -> list[Evaluated]:
    """Give what there is, in the order of the table."""
    found = [(case, find_report(case, folder)) for case in CASES]
    return [Evaluated(case, json.loads(path.read_text(encoding="utf-8"))) for case, path in found if path]


if __name__ == "__main__":
    main()
