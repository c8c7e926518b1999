"""Calls: of C functions asked for by name, and which Python functions ran, how often and across which packages."""

from collections import Counter
from typing import Final

from rich.console import Console
from rich.text import Text

from pyxhon.report.describe import count_noun, describe_count, describe_place
from pyxhon.report.escape import escape
from pyxhon.report.model import Call, Callee, CallSample, FunctionUse, Location, Report
from pyxhon.report.text.lines import print_heading, print_line, print_more

CALL_LIMIT: Final = 20
PACKAGE_LIMIT: Final = 30
EDGE_LIMIT: Final = 10
BORDER_LIMIT: Final = 20
_REASON_LIMIT: Final = 3
_FEW: Final = 10  # a second: up to here a fraction is told
_NOBODY: Final = "no known package"


def print_calls(console: Console, report: Report) -> None:
    """Print how often C functions were called that were asked for by name, also those of no category."""
    totals: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for row in report.calls:
        if row.callee.line is None:
            totals[row.callee.function or "?"] += row.count or 0
            places[row.callee.function or "?"] += 1
    if not totals:
        return
    print_heading(console, f"Calls of C functions ({totals.total()})")
    for name, count in totals.most_common(CALL_LIMIT):
        line = Text(f"{escape(name, 60)} {describe_count(count)} from {count_noun(places[name], 'place')}")
        print_line(console, line, indent=2)
    print_more(console, len(totals) - CALL_LIMIT, indent=2)


def print_functions(console: Console, report: Report) -> None:
    """Print how much of each package ran, the hottest calls, and who called whom across packages."""
    if not report.functions:
        return
    edges = [row for row in report.calls if row.callee.line is not None]
    is_counted = any(row.count is not None for row in edges)
    had_run = len({row.callee for row, more in zip(report.calls, report.call_details, strict=False) if more.had_run})
    before = f", {had_run} before the trace began" if had_run else ""
    print_heading(console, f"Functions that ran ({sum(row.ran for row in report.functions)}{before})")
    versions = {row.name: row.version for row in report.packages}
    for use in report.functions[:PACKAGE_LIMIT]:
        print_line(console, _describe_use(use, versions.get(use.package or "")), indent=2)
    print_more(console, len(report.functions) - PACKAGE_LIMIT, indent=2)
    if report.calls_sampled is not None:
        print_line(console, Text(_describe_sample(report.calls_sampled, edges), style="yellow"), indent=2)
    if is_counted:
        _print_hottest(console, edges, report.calls_sampled)
    _print_borders(console, edges, is_counted=is_counted)


def _describe_use(use: FunctionUse, version: str | None) -> Text:
    line = Text(_name_package(use.package) + (f" {escape(version, 24)}" if version else ""), style="bold")
    if use.defined is None:
        line.append(f": {count_noun(use.ran, 'function')}", style="")
    else:
        others = use.ran - use.ran_of_defined
        more = f" and {others} of other files" if others else ""
        line.append(f": {use.ran_of_defined} of {use.defined} functions{more}", style="")
    line.append(f", {count_noun(use.files, 'file')}" if use.files else "", style="")
    if use.unread:
        known = list(use.unread.items())[:_REASON_LIMIT]
        reasons = "; ".join(escape(reason, 60) + (f" ({count})" if len(known) > 1 else "") for reason, count in known)
        line.append(f" ({sum(use.unread.values())} not read: {reasons})", style="dim")
    return line


def _describe_sample(sample: CallSample, edges: list[Call]) -> str:
    total = sum(row.count or 0 for row in edges)
    observed_s = sample.observed_ns / 1e9
    rate = f", {_describe_rate(total, sample)}" if observed_s > 0 else ""
    return (
        f"Counts are of {sample.share * 100:.0f} % of the time (sampled): {observed_s:.1f} of "
        f"{sample.total_ns / 1e9:.1f} s in {count_noun(sample.windows, 'window')}{rate}"
    )


def _describe_rate(count: int, sample: CallSample) -> str:
    if sample.observed_ns <= 0:
        return "?/s"
    rate = count * 1e9 / sample.observed_ns
    return f"{rate:.0f}/s" if rate >= _FEW else f"{rate:.2g}/s"


def _print_hottest(console: Console, edges: list[Call], sample: CallSample | None) -> None:
    counted = sorted((row for row in edges if row.count), key=lambda row: -(row.count or 0))
    print_line(console, Text(f"Hottest calls ({len(counted)} between two functions)", style="bold"), indent=2)
    for row in counted[:EDGE_LIMIT]:
        count = describe_count(row.count or 0) + (
            "" if sample is None else f" {_describe_rate(row.count or 0, sample)}"
        )
        line = Text(f"{count} {_describe_function(row.callee)}")
        line.append(f" by {_describe_caller(row.caller)}", style="dim")
        print_line(console, line, indent=4)
    print_more(console, len(counted) - EDGE_LIMIT, indent=4)


def _describe_function(function: Callee) -> str:
    place = describe_place(Location(function.file, function.line, None), 40)
    return f"{escape(function.function or '?', 40)} {place}"


def _describe_caller(caller: Callee | None) -> str:
    if caller is None:
        return "no Python function"
    return f"{escape(caller.function or '?', 40)} of {_name_package(caller.package)}"


def _print_borders(console: Console, edges: list[Call], *, is_counted: bool) -> None:
    functions: Counter[tuple[str | None, str | None]] = Counter()
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for row in edges:
        if row.caller is not None and row.caller.package != row.callee.package:
            border = row.caller.package, row.callee.package
            functions[border] += 1
            counts[border] += row.count or 0
    if not functions:
        return
    what = "" if is_counted else ", by the first caller of each function"
    print_line(console, Text(f"Calls between packages{what}", style="bold"), indent=2)
    order = counts if is_counted else functions
    for border, _ in order.most_common(BORDER_LIMIT):
        count = f", {describe_count(counts[border])}" if is_counted else ""
        names = " > ".join(_name_package(name) for name in border)
        print_line(console, Text(f"{names}: {count_noun(functions[border], 'edge')}{count}"), indent=4)
    print_more(console, len(functions) - BORDER_LIMIT, indent=4)


def _name_package(name: str | None) -> str:
    return _NOBODY if name is None else escape(name, 40)
