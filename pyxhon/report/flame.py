"""Calls for flame graphs: stacks of functions as far as they are known, for the formats that show them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from pyxhon.errors import TraceError
from pyxhon.join import Edge, Function, Step, ThreadFlow, join_edges, read_functions, read_steps
from pyxhon.report.describe import describe_path
from pyxhon.report.escape import escape
from pyxhon.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class Flame:
    """The calls of a trace; `edges` are those that were counted, empty where each call is in the trace."""

    reader: TraceReader
    functions: tuple[Function, ...]
    places: dict[int, int]  # code object → index of its function
    edges: tuple[Edge, ...]
    span_ns: tuple[int, int]
    has_exits: bool

    def edge_stacks(self) -> Iterator[tuple[list[int], int]]:
        """Give caller and callee of each edge, outermost first, with how often it was called."""
        index = {function: number for number, function in enumerate(self.functions)}
        for edge in self.edges:
            ends = (edge.caller, edge.callee) if edge.caller is not None else (edge.callee,)
            yield [index[end] for end in ends], edge.starts or 0

    def threads(self) -> Iterator[tuple[ThreadFlow, Iterator[Step]]]:
        """Give each thread with its steps; they must be taken before the next thread is."""
        return read_steps(self.reader)


def read_flame(reader: TraceReader) -> Flame:
    """Read which calls there are. Raises TraceError when none were counted or traced."""
    known = read_functions(reader)
    functions = tuple(dict.fromkeys(known.values()))
    index = {function: number for number, function in enumerate(functions)}
    places = {code: index[function] for code, function in known.items()}
    span_ns = reader.call_flow_span()
    edges = () if span_ns else tuple(edge for edge in join_edges(reader) if edge.starts)
    if not span_ns and not edges:
        raise TraceError("no calls were counted or traced", "record with --calls count or --calls trace")
    return Flame(reader, functions, places, edges, span_ns or (0, 0), bool(reader.processes_with_exits()))


def name_function(function: Function) -> str:
    """Name a function as flame graphs do: what it is called and where it begins."""
    file = "?" if function.file is None else describe_path(function.file)
    return f"{escape(function.name or '?', 120)} ({file}:{function.line})"


class StackTree:
    """Weights of stacks, each stack a node below that of its caller."""

    def __init__(self) -> None:
        self._parents = [-1]
        self._functions = [-1]
        self._weights = [0]
        self._children: dict[tuple[int, int], int] = {}

    def child(self, node: int, function: int) -> int:
        """Give the node of a function called at a node; 0 is the root."""
        found = self._children.get((node, function))
        if found is None:
            found = self._children[node, function] = len(self._parents)
            self._parents.append(node)
            self._functions.append(function)
            self._weights.append(0)
        return found

    def parent(self, node: int) -> int:
        """Give the node of the caller."""
        return self._parents[node]

    def add(self, node: int, weight: int) -> None:
        """Add weight to a stack."""
        self._weights[node] += weight

    def stacks(self) -> Iterator[tuple[list[int], int]]:
        """Give the stacks, outermost function first, with their weights."""
        for node, weight in itertools.islice(enumerate(self._weights), 1, None):
            stack = []
            above = node
            while above > 0:
                stack.append(self._functions[above])
                above = self._parents[above]
            yield stack[::-1], weight
