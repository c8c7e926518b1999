"""Evaluates the packages one after the other, and writes docs/evaluation.md; `run` prepares all that it needs."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from environments import clean_environment, find_python, make_environment
from evaluated_packages import CASES, Case, chosen
from evaluation_page import Evaluated, write_page

CHECKOUT = Path(__file__).resolve().parents[2]
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
    options = parser.parse_args()
    try:
        cases = chosen(options.package)
    except ValueError as error:
        parser.error(str(error))
    way = trace if options.no_sandbox else evaluate
    folder = options.folder / ("traced" if options.no_sandbox else "evaluated")
    failed = [case.package for case in cases if not _has_report(case, folder, way)]
    if options.page:
        how = "by `pyxhon run`, without a sandbox" if options.no_sandbox else "by `pyxhon evaluate`, in its sandbox"
        write_page(options.page, read_reports(folder), how)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _has_report(case: Case, folder: Path, way: Callable[[Case, Path], int]) -> bool:
    if find_report(case, folder) is None:
        started = time.monotonic()
        status = way(case, folder)
        say(f"{case.package}: status {status}, {time.monotonic() - started:.1f} s")
    return find_report(case, folder) is not None


def evaluate(case: Case, folder: Path) -> int:
    """Evaluate one package in a sandbox; gives the status of `pyxhon evaluate`."""
    output = folder / case.slug
    output.mkdir(parents=True, exist_ok=True)
    package, *beside = case.requirements
    with tempfile.TemporaryDirectory(prefix="evaluation-") as temporary:
        constraints = Path(temporary) / "constraints.txt"
        constraints.write_text("".join(f"{one}\n" for one in beside))
        for path in (Path(temporary), constraints):
            path.chmod(0o755)  # pip reads it as another user
        command: list[str | Path] = [*PYXHON, "evaluate", "-q", package, "--exercise", case.exercise]
        command += ["--python", find_python(case.python), "--policy", case.policy, "-o", output]
        command += ["--format", "markdown", "--report", output / "matrix.md"]
        environment = clean_environment() | ({"PIP_CONSTRAINT": str(constraints)} if beside else {})
        with (output / "log.txt").open("w") as log:
            done = subprocess.run(command, env=environment, cwd=CHECKOUT, check=False, stdout=log, stderr=log)
    return done.returncode


def trace(case: Case, folder: Path) -> int:
    """Trace the exercise in an environment that is kept; gives its own status, and leaves no report where it failed."""
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
    return next(iter(sorted((folder / case.slug).glob(f"*/{step}/report.json"))), None)


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(f"evaluation: {text}", file=sys.stderr, flush=True)


def read_reports(folder: Path) -> list[Evaluated]:
    """Give what there is, in the order of the table."""
    found = [(case, find_report(case, folder)) for case in CASES]
    return [Evaluated(case, json.loads(path.read_text(encoding="utf-8"))) for case, path in found if path]


if __name__ == "__main__":
    main()
