"""Stages 5 to 7 in a row: join, judge, report; the same for a live trace and an old one."""

from pathlib import Path
from typing import Final

from pyxhon import __version__
from pyxhon.collecting import rare_collection
from pyxhon.errors import ReportError
from pyxhon.join import Joined, Owner, join
from pyxhon.outputs import check_outputs
from pyxhon.policy.folders import find_visited
from pyxhon.policy.judge import Judged, judge, summarize
from pyxhon.policy.sequence_finding import FoundSequence, Places, blame, find_sequences
from pyxhon.report.build import LISTED_WHEN_LOADED, Judgement, build_report, exclude_standard_library, exit_status
from pyxhon.report.build_code import build_listing
from pyxhon.report.from_json import looks_like_json, read_report
from pyxhon.report.model import Report
from pyxhon.report.output import FLAME_GRAPHS, write_code, write_flame_graph, write_full_text, write_report
from pyxhon.report.rejudge import rejudge
from pyxhon.rules import Rules, load_rules
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import TraceReader, open_trace

CHANGES_OF_DIRECTORY: Final = frozenset({"os.chdir", "os.fchdir"})
"""Acts after which it is not known from where relative paths start."""


def report_trace(reader: TraceReader, rules: Rules, options: TraceOptions) -> int:
    """Report on a trace as the options say, and give the exit status."""
    with rare_collection():
        return _report(reader, rules, options)


def _report(reader: TraceReader, rules: Rules, options: TraceOptions) -> int:
    report = make_report(reader, rules)
    if options.report_format in FLAME_GRAPHS:
        write_flame_graph(reader, options.report_format, options.report_path)
        return exit_status(report)
    return tell_report(report, options)


def tell_report(report: Report, options: TraceOptions) -> int:
    """Write a report as the options say, and give the exit status."""
    status = exit_status(report)
    if options.exclude_stdlib:
        report = exclude_standard_library(report)
    if options.is_full:
        write_full_text(report, options.report_path)
    else:
        write_report(report, options.report_format, options.report_path)
    return status


def make_report(reader: TraceReader, rules: Rules) -> Report:
    """Make the report of a trace."""
    joined = join(reader, None, rules.tables)
    judged = judge_joined(joined, rules, reader)
    places = find_places(joined, reader)
    found = find_ordered(joined, rules, reader, places)
    packages = blame(summarize(judged, rules.policy, _list_loaded(reader)), found) if rules.policy else ()
    return build_report(reader, joined, Judgement(judged, packages, found, places), __version__)


def report_file(trace: Path, options: TraceOptions) -> int:
    """Report on a trace file, or on a report that was written as JSON; needs no process and no root."""
    rules = load_rules(options)
    check_outputs(options)
    if _looks_like_report(trace):
        if options.report_format in FLAME_GRAPHS:
            raise ReportError(f"a report has no calls to make {options.report_format} of", "give the trace")
        return tell_report(read_judged(trace, rules), options)
    with open_trace(trace) as reader:
        reader.check()
        return report_trace(reader, rules, options)


def _looks_like_report(path: Path) -> bool:
    try:
        return looks_like_json(path)
    except OSError:
        return False  # whoever opens it as a trace says why


def read_judged(path: Path, rules: Rules) -> Report:
    """Read a JSON report, judged anew by the policy; without one it keeps the verdicts that it has."""
    report = read_report(path)
    return report if rules.policy is None else rejudge(report, rules.policy, rules.watched)


def report_code(trace: Path, prefix: str, options: TraceOptions) -> int:
    """Show one code object of a trace, by the beginning of its hash."""
    rules = load_rules(options)
    check_outputs(options)
    with open_trace(trace) as reader:
        reader.check()
        judged = judge_joined(join(reader, None, rules.tables), rules, reader)
        listing = build_listing(reader, judged, prefix, __version__)
    write_code(listing, options.report_format, options.report_path)
    return 0


def _list_loaded(reader: TraceReader) -> list[Owner]:
    files = reader.files().values()
    owners = (Owner(row.package, row.version, row.origin) for row in files if row.origin in LISTED_WHEN_LOADED)
    return list(dict.fromkeys(owners))


def judge_joined(joined: Joined, rules: Rules, reader: TraceReader) -> tuple[Judged, ...]:
    """Judge what was joined; without a policy nothing is allowed or a violation.

    What has no category is no sensitive act, unless the policy denies it by name.
    """
    if rules.policy is None:
        return tuple(Judged(row, "unjudged", None, "") for row in joined.behaviours)
    behaviours = (*joined.behaviours, *joined.uncategorised)
    judged = judge(behaviours, rules.policy, find_directories(joined, reader))
    return tuple(row for row in judged if row.behaviour.category is not None or row.verdict == "violation")


def find_ordered(
    joined: Joined, rules: Rules, reader: TraceReader, places: Places | None = None
) -> tuple[FoundSequence, ...]:
    """Look for sequences among all that was joined, also among acts of no category."""
    behaviours = (*joined.behaviours, *joined.uncategorised)
    return find_sequences(behaviours, rules.watched, rules.tables, places or find_places(joined, reader))


def find_places(joined: Joined, reader: TraceReader) -> Places:
    """Give where relative paths of each process start, or may."""
    known = find_directories(joined, reader)
    return Places(known, find_visited(reader.processes(), (*joined.behaviours, *joined.uncategorised), known))


def find_directories(joined: Joined, reader: TraceReader) -> dict[int, str]:
    """Give the working directories of processes that never changed theirs: relative paths start there.

    A process that was forked by one that did is not known to be where the trace says that it began.
    """
    acts = (*joined.behaviours, *joined.uncategorised)
    moved = {row.process for row in acts if row.name in CHANGES_OF_DIRECTORY}
    directories = {}
    for row in reader.processes():  # parents come before their children
        if row.origin == "fork" and row.parent in moved:
            moved.add(row.id)
        elif row.working_directory and row.id not in moved:
            directories[row.id] = row.working_directory
    return directories
