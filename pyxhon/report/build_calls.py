"""Builds what is told of calls: the call graph, how much of each package ran, and of which share of time it is."""

import dataclasses
from dataclasses import dataclass
from typing import Final

from pyxhon.categories import FFI_CALL
from pyxhon.join import Edge, Frame, Function, Joined, add_told_calls, join_edges, join_uses
from pyxhon.python_functions import is_python_name
from pyxhon.report import model
from pyxhon.trace.reader import TraceReader

STANDARD_LIBRARY: Final = "stdlib"


@dataclass(frozen=True, slots=True)
class CallGraph:
    """What the report has of calls."""

    calls: list[model.Call]
    details: list[model.CallDetail]
    functions: list[model.FunctionUse]
    sampled: model.CallSample | None
    ran: tuple[Edge, ...] = ()  # what they were made of


def build_call_graph(reader: TraceReader, joined: Joined) -> CallGraph:
    """Give the calls of C functions that were probed by name, then the Python functions that ran."""
    ran = join_edges(reader)
    uses = join_uses(ran, reader.sources())
    of_c = _calls_of_c(joined)
    edges = add_told_calls(reader, ran)
    calls = [call for call, _ in of_c]
    calls += [model.Call(_end(edge.caller), _callee(edge.callee), edge.starts) for edge in edges]
    details = [detail for _, detail in of_c] + [_detail(edge) for edge in edges]
    functions = [
        model.FunctionUse(use.package, use.ran, use.defined, use.ran_of_defined, use.files, dict(use.unread))
        for use in sorted(uses, key=lambda use: (use.package is None, use.package == STANDARD_LIBRARY, use.package))
    ]
    return CallGraph(calls, details, functions, _build_sample(reader), ran)


def _calls_of_c(joined: Joined) -> list[tuple[model.Call, model.CallDetail]]:
    """Give each place and function once."""
    places: dict[tuple[Frame | None, str | None, str], list[model.CallArguments]] = {}
    for row in (*joined.behaviours, *joined.uncategorised):
        is_asked_for = row.name != FFI_CALL and not is_python_name(row.name)
        if "call" in row.signals and is_asked_for:  # alone, or beside the audit event that it raised
            place = (row.location, row.owner.name if row.location else None, row.name)
            line = row.location.line if row.location else None
            places.setdefault(place, []).append(model.CallArguments(row.arguments, line, row.count))
    return [
        (
            model.Call(
                None if frame is None else model.Callee(frame.file, frame.function, frame.line, package),
                model.Callee(None, name, None, None),
                sum(each.count for each in arguments),
            ),
            model.CallDetail("c", None, None, had_run=False, name=name, arguments=arguments),
        )
        for (frame, package, name), arguments in places.items()
    ]


def _end(function: Function | None) -> model.Callee | None:
    return None if function is None else _callee(function)


def _callee(function: Function) -> model.Callee:
    return model.Callee(function.file, function.name, function.line, function.package)


def _detail(edge: Edge) -> model.CallDetail:
    return model.CallDetail(
        "python",
        edge.resumptions,
        len(edge.threads) or None,
        edge.had_run,
        edge.told[0].name if edge.told else None,
        [model.CallArguments(told.arguments, told.line, told.count) for told in edge.told],
    )


def _build_sample(reader: TraceReader) -> model.CallSample | None:
    """Give what the recording says of its windows; None when all calls were counted."""
    found: object = reader.meta().get("calls_observed")
    if not isinstance(found, dict):
        return None
    try:
        return model.CallSample(
            float(found["share"]), int(found["windows"]), int(found["observed_ns"]), int(found["total_ns"])
        )
    except (KeyError, TypeError, ValueError):
        return None


def exclude_standard_library_calls(report: model.Report) -> model.Report:
    """Leave out what the standard library called within itself, or from C, but nothing that was asked for by name."""
    kept = [
        place
        for place, (call, more) in enumerate(zip(report.calls, report.call_details, strict=True))
        if more.name is not None or not _is_inside(call)
    ]
    return dataclasses.replace(
        report,
        calls=[report.calls[place] for place in kept],
        call_details=[report.call_details[place] for place in kept],
        functions=[row for row in report.functions if row.package != STANDARD_LIBRARY],
    )


def _is_inside(call: model.Call) -> bool:
    caller = STANDARD_LIBRARY if call.caller is None else call.caller.package
    return call.callee.package == STANDARD_LIBRARY and caller == STANDARD_LIBRARY
