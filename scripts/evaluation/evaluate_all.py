"""Evaluates the packages one after the other, and writes docs/evaluation.md; `run` prepares all that it needs."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from environments import clean_environment, make_environment
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
    options = parser.parse_args()
    try:
        cases = chosen(options.package)
    except ValueError as error:
        parser.error(str(error))
    failed = [case.package for case in cases if not _has_report(case, options.folder)]
    if options.page:
        write_page(options.page, read_reports(options.folder))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _has_report(case: Case, folder: Path) -> bool:
    report = folder / f"{case.slug}.json"
    if report.exists():
        return True
    started = time.monotonic()
    status = trace(case, folder)
    say(f"{case.package}: status {status}, {time.monotonic() - started:.1f} s")
    return report.exists()


def trace(case: Case, folder: Path) -> int:
    """Trace the exercise in an environment of its own; gives the status."""
    try:
        python = make_environment(case)
    except (RuntimeError, FileNotFoundError) as error:
        say(str(error))
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"{case.slug}.json"
    command: list[str | Path] = [*PYXHON, "run", "-q", "--policy", case.policy, "--format", "json", "--report", report]
    traced = [*command, "-o", report.with_suffix(".pyxhon"), "--", python, case.exercise]
    with report.with_suffix(".log").open("w") as log:
        return subprocess.run(
            traced, env=clean_environment(), cwd=CHECKOUT, check=False, stdout=log, stderr=log
        ).returncode


def say(text: str) -> None:
    """Tell how far it is, on standard error."""
    print(f"evaluation: {text}", file=sys.stderr, flush=True)


def read_reports(folder: Path) -> list[Evaluated]:
    """Give what there is, in the order of the table."""
    paths = {case: folder / f"{case.slug}.json" for case in CASES}
    return [
        Evaluated(case, json.loads(path.read_text(encoding="utf-8"))) for case, path in paths.items() if path.exists()
    ]


if __name__ == "__main__":
    main()
