"""Calls: of C functions asked for by name, and which Python functions ran, how often and across which packages."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.text import Text

from pyxhon.report.describe import count_noun, describe_arguments, describe_count, describe_place, telling_arguments
from pyxhon.report.escape import escape
from pyxhon.report.model import Call, CallDetail, Callee, CallSample, FunctionUse, Location, Report
from pyxhon.report.text.lines import cap, print_heading, print_line, print_more

CALL_LIMIT: Final = 20
PACKAGE_LIMIT: Final = 8
EDGE_LIMIT: Final = 10
BORDER_LIMIT: Final = 5
_VARIANT_LIMIT: Final = 3
_REASON_LIMIT: Final = 3
_NAME_COLUMNS: Final = 60
_FILE_COLUMNS: Final = 40
_LEAST_FILE_COLUMNS: Final = 14
_LINE_COLUMNS: Final = 6  # of a place, the colon included
_BESIDE_ARGUMENTS: Final = 14  # the indent and the count before them
_FEW: Final = 10  # a second: up to here a fraction is told
_NOBODY: Final = "no known package"


@dataclass(slots=True)
class _Named:
    """The calls of one function that was asked for; by arguments as they are shown."""

    count: int = 0
    places: dict[tuple[str | None, int | None], None] = field(default_factory=dict)
    variants: Counter[str] = field(default_factory=Counter)


def print_calls(console: Console, report: Report) -> None:
    """Print the calls of functions that were asked for by name, also those of no category."""
    named: dict[str, _Named] = {}
    for row, more in zip(report.calls, report.call_details, strict=True):
        if more.name is not None:
            _note(named.setdefault(more.name, _Named()), row, more, console.width)
    if not named:
        return
    print_heading(console, f"Calls of functions asked for by name ({sum(each.count for each in named.values())})")
    for name, each in sorted(named.items(), key=lambda item: -item[1].count)[: cap(console, CALL_LIMIT)]:
        _print_named(console, name, each)
    print_more(console, len(named) - cap(console, CALL_LIMIT), indent=2)


def _note(named: _Named, row: Call, more: CallDetail, columns: int) -> None:
    for each in more.arguments:
        shown = telling_arguments("call", more.name or "", each.args)
        named.count += each.count
        named.places[row.caller.file if row.caller else None, each.line] = None
        named.variants[describe_arguments(shown, columns - _BESIDE_ARGUMENTS)] += each.count


def _print_named(console: Console, name: str, named: _Named) -> None:
    """Print one function on a line, with its arguments where these were always the same and fit."""
    [place, *others] = named.places
    start = f"{describe_count(named.count)} {escape(name, _NAME_COLUMNS)}"
    room = _room_of_file(console, len(start) + len("   from "))
    where = f"{len(named.places)} places" if others else describe_place(Location(*place, None), room)
    only = next(iter(named.variants)) if len(named.variants) == 1 else ""
    is_whole = len(named.variants) == 1 and len(start) + len(only) + len(where) + len("   from ") + 1 <= console.width
    line = Text(f"{start} {only}".rstrip() if is_whole else start)
    print_line(console, line.append(f" from {where}", style="dim"), indent=2)
    if is_whole:
        return
    for shown, count in named.variants.most_common(cap(console, _VARIANT_LIMIT)):
        print_line(console, Text(f"{describe_count(count)} {shown or 'no arguments'}"), indent=4)
    print_more(console, len(named.variants) - cap(console, _VARIANT_LIMIT), indent=4)


def print_functions(console: Console, report: Report) -> None:
    """Print how much of each package ran, the hottest calls, and who called whom across packages."""
    if not report.functions:
        return
    pairs = [pair for pair in zip(report.calls, report.call_details, strict=True) if pair[1].kind == "python"]
    edges = [row for row, _ in pairs]
    is_counted = any(more.resumptions is not None for _, more in pairs)
    had_run = len({row.callee for row, more in pairs if more.had_run})
    before = f", {had_run} before the trace began" if had_run else ""
    print_heading(console, f"Functions that ran ({sum(row.ran for row in report.functions)}{before})")
    versions = {row.name: row.version for row in report.packages}
    uses = [row for row in report.functions if row.ran]
    for use in uses[: cap(console, PACKAGE_LIMIT)]:
        print_line(console, _describe_use(use, versions.get(use.package or "")), indent=2)
    print_more(console, len(uses) - cap(console, PACKAGE_LIMIT), indent=2)
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
    for row in counted[: cap(console, EDGE_LIMIT)]:
        count = describe_count(row.count or 0) + (
            "" if sample is None else f" {_describe_rate(row.count or 0, sample)}"
        )
        start, end = f"{count} {escape(row.callee.function or '?', 40)} ", f" by {_describe_caller(row.caller)}"
        room = _room_of_file(console, 4 + len(start) + len(end))
        place = describe_place(Location(row.callee.file, row.callee.line, None), room)
        line = Text(start + place).append(end, style="dim")
        print_line(console, line, indent=4)
    print_more(console, len(counted) - cap(console, EDGE_LIMIT), indent=4)


def _room_of_file(console: Console, used: int) -> int:
    """Give how much of a file's path may be shown, so that the line is not folded where that can be."""
    return max(min(console.width - used - _LINE_COLUMNS, _FILE_COLUMNS), _LEAST_FILE_COLUMNS)


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
    for border, _ in order.most_common(cap(console, BORDER_LIMIT)):
        count = f", {describe_count(counts[border])}" if is_counted else ""
        names = " > ".join(_name_package(name) for name in border)
        print_line(console, Text(f"{names}: {count_noun(functions[border], 'edge')}{count}"), indent=4)
    print_more(console, len(functions) - cap(console, BORDER_LIMIT), indent=4)


def _name_package(name: str | None) -> str:
    return _NOBODY if name is None else escape(name, 40)
