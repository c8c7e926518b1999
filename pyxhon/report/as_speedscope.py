"""Calls in the file format of speedscope (https://www.speedscope.app/file-format-schema.json, version 1.23)."""

import json
from collections.abc import Iterator
from typing import TextIO

from pyxhon import __version__
from pyxhon.join import Function, Step, ThreadFlow
from pyxhon.report.escape import escape, escape_path
from pyxhon.report.flame import Flame, name_function, read_flame
from pyxhon.trace.reader import TraceReader

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def write_speedscope(reader: TraceReader, out: TextIO) -> None:
    """Write one object: traced calls as one profile of events for each thread, counted ones as weighted stacks."""
    flame = read_flame(reader)
    frames = [_frame(function) for function in flame.functions]
    head = {"$schema": _SCHEMA, "exporter": f"pyxhon@{__version__}", "name": escape(reader.path.name, 80)}
    out.write(json.dumps(head)[:-1])
    out.write(f', "shared": {json.dumps({"frames": frames})}, "profiles": [')
    if flame.edges:
        json.dump(_sampled(flame), out)
    else:
        pids = {row.id: row.pid for row in reader.processes()}
        for number, (thread, steps) in enumerate(flame.threads()):
            out.write(",\n" if number else "\n")
            _write_evented(flame, _name_thread(thread, pids), steps, out)
    out.write("]}\n")


def _frame(function: Function) -> dict[str, object]:
    frame: dict[str, object] = {"name": name_function(function), "line": function.line}
    return frame if function.file is None else {**frame, "file": escape_path(function.file)}


def _sampled(flame: Flame) -> dict[str, object]:
    stacks, weights = [], []
    for stack, weight in flame.edge_stacks():
        stacks.append(stack)
        weights.append(weight)
    name = "calls by caller and function"
    observed = flame.reader.meta().get("calls_observed")
    if isinstance(observed, dict) and isinstance(observed.get("share"), int | float):
        name += f", of {observed['share'] * 100:.0f} % of the time"
    return {
        "type": "sampled",
        "name": name,
        "unit": "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": stacks,
        "weights": weights,
    }


def _name_thread(thread: ThreadFlow, pids: dict[int, int]) -> str:
    note = "" if thread.has_exits else ", ends of functions inferred"
    return f"pid {pids.get(thread.process, 0)}, thread {thread.tid}{note}"


def _write_evented(flame: Flame, name: str, steps: Iterator[Step], out: TextIO) -> None:
    """Write one thread; its events go out one by one, for there may be millions."""
    first_ns, last_ns = flame.span_ns
    head = {"type": "evented", "name": name, "unit": "nanoseconds", "startValue": 0, "endValue": last_ns - first_ns}
    out.write(f'{json.dumps(head)[:-1]}, "events": [')
    for number, step in enumerate(steps):
        kind = "O" if step.is_entry else "C"
        frame, time_ns = flame.places[step.code], step.time_ns - first_ns
        out.write(f'{"," if number else ""}{{"type": "{kind}", "frame": {frame}, "at": {time_ns}}}')
    out.write("]}")
