"""Stages 5 to 7 in a row: join, judge, report; the same for a live trace and an old one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyxhon import __version__
from pyxhon.categories import CategoryTables
from pyxhon.errors import OutputError
from pyxhon.join import Joined, Owner, join
from pyxhon.policy.judge import Judged, judge, summarize
from pyxhon.policy.model import Policy
from pyxhon.policy.parse import load_categories, load_policies
from pyxhon.report.build import LISTED_WHEN_LOADED, Judgement, build_report, exclude_standard_library, exit_status
from pyxhon.report.output import check_writable, write_report
from pyxhon.session_options import TraceOptions
from pyxhon.trace.reader import TraceReader, open_trace

_CHANGES_OF_DIRECTORY: Final = frozenset({"os.chdir", "os.fchdir"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What behaviours are sorted and judged by; no policy: nothing is judged."""

    tables: CategoryTables
    policy: Policy | None


def load_rules(options: TraceOptions) -> Rules:
    """Read the categories and the policies asked for. Raises PolicyError; so call it before tracing."""
    policy = load_policies(options.policy_paths) if options.policy_paths else None
    return Rules(load_categories(), policy)


def check_outputs(options: TraceOptions) -> None:
    """Raise OutputError when what the user named cannot be written; so call it before tracing."""
    named = {"-o": options.output, "--report": options.report_path}
    paths = {option: _resolve(path, option) for option, path in named.items() if path is not None}
    if len(set(paths.values())) < len(paths):
        raise OutputError(f"trace and report cannot both be {options.output}", "name two files")
    for option, path in paths.items():
        check_writable(path, option)


def _resolve(path: Path, option: str) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # no working directory any more; a loop of links
        reason = error.strerror if isinstance(error, OSError) else "its links lead back to themselves"
        raise OutputError(f"cannot write {option} {path}: {reason}", "name another file") from error


def report_trace(reader: TraceReader, rules: Rules, options: TraceOptions) -> int:
    """Report on a trace as the options say, and give the exit status."""
    joined = join(reader, None, rules.tables)
    judged = judge_joined(joined, rules, reader)
    packages = summarize(judged, rules.policy, _list_loaded(reader)) if rules.policy else ()
    report = build_report(reader, joined, Judgement(judged, packages), __version__)
    status = exit_status(report)
    if options.exclude_stdlib:
        report = exclude_standard_library(report)
    write_report(report, options.report_format, options.report_path)
    return status


def report_file(trace: Path, options: TraceOptions) -> int:
    """Report on a trace file; needs no process and no root."""
    rules = load_rules(options)
    check_outputs(options)
    with open_trace(trace) as reader:
        reader.check()
        return report_trace(reader, rules, options)


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


def find_directories(joined: Joined, reader: TraceReader) -> dict[int, str]:
    """Give the working directories of processes that never changed theirs: relative paths start there.

    A process that was forked by one that did is not known to be where the trace says that it began.
    """
    acts = (*joined.behaviours, *joined.uncategorised)
    moved = {row.process for row in acts if row.name in _CHANGES_OF_DIRECTORY}
    directories = {}
    for row in reader.processes():  # parents come before their children
        if row.origin == "fork" and row.parent in moved:
            moved.add(row.id)
        elif row.working_directory and row.id not in moved:
            directories[row.id] = row.working_directory
    return directories
