"""Holds the report's owners of each evaluated package against those that an audit hook inside the process finds."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from environments import clean_environment, make_environment
from evaluated_packages import CASES, Case, chosen
from evaluation_page import replace_part, table
from owner_oracle import Owned, hooked_processes, known_events, owned_by_hook, owned_by_report

from pyxhon.policy.parse import load_categories

CHECKOUT = Path(__file__).resolve().parents[2]
HOOK = CHECKOUT / "tests/programs/audit_log"
_TRACED_S = 300


@dataclass(frozen=True, slots=True)
class Compared:
    """How the owners of one package's program agree."""

    package: str
    version: str
    same: int  # places: event, file and line, that both owe to the same package
    by_dll: list[str]  # places that the report owes to a DLL which called Python
    missing: list[str]  # what only the hook has
    extra: list[str]  # what only the report has
    owners: int  # packages that acted


def compare(case: Case, folder: Path) -> Compared:
    """Run a package's exercise once, with the hook inside and traced. Raises RuntimeError when it cannot be done."""
    python = make_environment(case)
    log, report = folder / "audit.log", folder / "report.json"
    tracing: list[str | Path] = [sys.executable, "-m", "pyxhon", "run", "-q", "--exit-code", "command"]
    traced: list[str | Path] = ["/usr/bin/env", f"PYTHONPATH={HOOK}", python, case.exercise]
    done = subprocess.run(
        [*tracing, "--interpreter", python, "--format", "json", "--report", report, "--", *traced],
        env=clean_environment() | {"AUDIT_LOG": str(log), "PYTHONPATH": str(CHECKOUT)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_TRACED_S,
    )
    if done.returncode:
        raise RuntimeError(f"{case.package}: status {done.returncode}: {done.stderr.strip()[-2000:]}")
    site_packages = next(python.parent.parent.glob("lib/python3*/site-packages"))
    return hold_against(case, json.loads(report.read_text(encoding="utf-8")), log, site_packages)


def hold_against(case: Case, report: dict[str, Any], log: Path, site_packages: Path) -> Compared:
    """Give what agrees and what does not."""
    events = known_events(load_categories())
    theirs, initialising = owned_by_hook(log, events, site_packages)
    hooked = hooked_processes(log)
    acts = {**report, "behaviours": [each for each in report["behaviours"] if _is_hooked(each, hooked)]}
    ours = {one for one in owned_by_report(acts, events) if HOOK.as_posix() not in one.file}
    missing, extra = theirs - ours, ours - theirs - initialising
    # What a DLL does by calling Python's functions is the DLL's: the hook only sees who called the DLL.
    dlls = {each["package"] for each in report["behaviours"] if each["kind"] == "audit" and each["object"]}
    called = {_place(one) for one in extra if one.package in dlls} & {_place(one) for one in missing}
    return Compared(
        package=case.package,
        version=case.version,
        same=len(theirs & ours),
        by_dll=sorted(map(_told, (one for one in extra if _place(one) in called))),
        missing=sorted(_told(one) for one in missing if _place(one) not in called),
        extra=sorted(_told(one) for one in extra if _place(one) not in called),
        owners=len({one.package for one in theirs}),
    )


def _is_hooked(behaviour: dict[str, Any], processes: set[int]) -> bool:
    """Tell whether the hook was there: it comes with sitecustomize, after lines of .pth files have run."""
    is_path_file = any(frame["function"] == "addpackage" for frame in behaviour["python_stack"])
    return behaviour["pid"] in processes and not is_path_file


def _place(one: Owned) -> tuple[str, str, int]:
    return one.event, one.file, one.line


def _told(one: Owned) -> str:
    return f"{one.package}: {one.event} at {one.file}:{one.line}"


def write_table(page: Path, results: list[Compared]) -> None:
    """Write what came out between the markers of the page."""
    rows = [
        (one.package, one.version, one.owners, one.same, len(one.by_dll), len(one.missing), len(one.extra))
        for one in results
    ]
    columns = ("package", "version", "owners", "same", "a DLL's", "hook alone", "report alone")
    wrong = sum(bool(one.missing or one.extra) for one in results)
    told = f"{len(results)} of {len(CASES)} packages compared, {sum(one.same for one in results)} places the same; "
    told += f"{wrong or 'none'} with a difference."
    text = page.read_text(encoding="utf-8")
    page.write_text(replace_part(text, "owners", f"{table(columns, rows)}\n\n{told}"), encoding="utf-8")


def main() -> None:
    """Compare the packages one after the other; results that the folder has are not made again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", nargs="*", help="which (default: all)")
    parser.add_argument("--folder", type=Path, required=True, help="where the results stay, one file for each package")
    parser.add_argument("--page", type=Path, help="write the table between the markers of this page")
    parser.add_argument("--no-run", action="store_true", help="only write the table of the results that are there")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        cases = chosen(options.package)
    except ValueError as error:
        parser.error(str(error))
    failed = [] if options.no_run else [case.package for case in cases if not _has_result(case, options.folder)]
    if options.page:
        files = [options.folder / f"{case.slug}.json" for case in CASES]
        write_table(options.page, [Compared(**json.loads(file.read_text())) for file in files if file.exists()])
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _has_result(case: Case, folder: Path) -> bool:
    result = folder / f"{case.slug}.json"
    if result.exists():
        return True
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="owners-") as temporary:
        try:
            compared = compare(case, Path(temporary))
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"{case.package}: {error}", flush=True)
            return False
    result.write_text(json.dumps(asdict(compared), indent=1), encoding="utf-8")
    print(
        f"{case.package}: {compared.same} the same, {len(compared.by_dll)} by a DLL, {len(compared.missing)} missing, "
        f"{len(compared.extra)} extra, {time.monotonic() - started:.1f} s",
        flush=True,
    )
    return True


if __name__ == "__main__":
    main()
