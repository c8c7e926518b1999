"""Calls of Python functions that were asked for by name, as edges: who called, with which arguments, how often."""

from collections.abc import Iterable

from pyxhon.join.arguments import canonical
from pyxhon.join.edges import Edge, Function, Told, functions_of
from pyxhon.join.python_calls import show_python_call
from pyxhon.trace.reader import TraceReader
from pyxhon.trace.rows import EventRow, FrameRow


def add_told_calls(reader: TraceReader, edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Give the edges with the calls that were told, which are edges of their own where nothing else saw them.

    What was counted stays as it was counted: the same calls are in that.
    """
    known = {(edge.caller, edge.callee): edge for edge in edges}
    functions = functions_of(reader, reader.told_codes())
    seen: dict[tuple[Function | None, Function, str, str, int | None], Told] = {}
    for event in reader.told_calls():
        callee, caller, line = _ends(reader, event, functions)
        edge = known.setdefault((caller, callee), Edge(caller, callee))
        arguments = show_python_call(event.arguments)
        key = (caller, callee, event.name, canonical(arguments), line)
        if key not in seen:
            seen[key] = Told(event.name, arguments, line, 0)
            edge.told.append(seen[key])
        seen[key].count += event.count
    for edge in known.values():
        if edge.told and edge.starts is None:
            edge.starts = sum(told.count for told in edge.told)
    return tuple(known.values())


def _ends(
    reader: TraceReader, event: EventRow, functions: dict[int, Function]
) -> tuple[Function, Function | None, int | None]:
    """Give the function called, its caller, and the caller's line."""
    frames = reader.stack(event.python_stack)[:2] if event.python_stack is not None else ()
    callee = _function(frames[0], functions) if frames else None
    if callee is None:
        callee = Function(None, event.name.partition(":")[2], None, None, 0)
    outer = frames[1] if len(frames) > 1 else None
    return callee, _function(outer, functions) if outer else None, outer.line if outer else None


def _function(frame: FrameRow, functions: dict[int, Function]) -> Function | None:
    return functions.get(frame.code) if frame.code is not None else None
