"""`pyxhon diff`: two files, traces or JSON reports, read, compared and told."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pyxhon.diff.compare import diff_reports
from pyxhon.diff.model import Diff
from pyxhon.diff.output import write_diff
from pyxhon.errors import OutputError, ReportError
from pyxhon.outputs import check_outputs
from pyxhon.report.build import exclude_standard_library
from pyxhon.report.from_json import looks_like_json
from pyxhon.report.model import Report
from pyxhon.reporting import make_report, read_judged
from pyxhon.rules import Rules, load_rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import open_trace

_EXCEEDS: Final = 3
_INCOMPLETE: Final = 4


def diff_files(first: Path, second: Path, options: TraceOptions, *, fails_on_new: bool) -> int:
    """Compare two files as the options say, write what differs, and give the exit status."""
    rules = load_rules(options)
    check_outputs(options)
    _check_not_overwritten(options.report_path, (first, second))
    with _without_collections():
        reports = [_read(path, rules) for path in (first, second)]
        if options.exclude_stdlib:
            reports = [exclude_standard_library(report) for report in reports]
        diff = diff_reports(reports[0], reports[1], rules.tables, (str(first), str(second)))
    write_diff(diff, options.report_format, options.report_path)
    return exit_status(diff, fails_on_new=fails_on_new)


def exit_status(diff: Diff, *, fails_on_new: bool) -> int:
    """Give 3 when the second side does more than it may, 4 when it is not known whether it does, else 0."""
    if diff.new_violations:
        return _EXCEEDS
    if fails_on_new and any(is_new(each.change, each.changes) for each in diff.differences):
        return _EXCEEDS
    return 0 if diff.b.complete or not (diff.is_judged or fails_on_new) else _INCOMPLETE


def is_new(change: str, changes: dict[str, list[str]]) -> bool:
    """Tell whether the second side has something that the first has not, or has it beneath Python."""
    return change == "appeared" or "level" in changes


@contextmanager
def _without_collections() -> Iterator[None]:
    """Let the garbage collector rest, which would go through millions of rows time and again; none refers back."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(path: Path, rules: Rules) -> Report:
    """Read one side; a JSON report without a policy keeps the verdicts it was made with."""
    try:
        is_json = looks_like_json(path)
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror}", "name a trace or a JSON report") from None
    if not is_json:
        with open_trace(path) as reader:
            reader.check()
            return make_report(reader, rules)
    return read_judged(path, rules)


def _check_not_overwritten(report_path: Path | None, inputs: tuple[Path, ...]) -> None:
    for path in inputs if report_path is not None and report_path.exists() else ():
        if path.exists() and report_path is not None and path.samefile(report_path):
            raise OutputError(f"cannot write --report {report_path}: it is what is compared", "name another file")
