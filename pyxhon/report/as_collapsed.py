"""Calls as collapsed stacks, the form that flame graph tools read: `outer;inner;innermost weight`."""

from collections.abc import Iterator
from typing import TextIO

from pyxhon.report.flame import Flame, StackTree, name_function, read_flame
from pyxhon.trace.reader import TraceReader


def write_collapsed(reader: TraceReader, out: TextIO) -> None:
    """Write one line for each stack.

    The weight of counted calls is how often a function called another; of traced ones the microseconds that the
    innermost function took itself, or, where no exits were seen, how often it was entered.
    """
    flame = read_flame(reader)
    names = [name_function(function).replace(";", ",") for function in flame.functions]
    for stack, weight in flame.edge_stacks() if flame.edges else _weigh_stacks(flame):
        if weight:
            out.write(f"{';'.join(names[number] for number in stack)} {weight}\n")


def _weigh_stacks(flame: Flame) -> Iterator[tuple[list[int], int]]:
    tree = StackTree()
    for _, steps in flame.threads():
        node, time_ns = 0, 0
        for step in steps:
            if flame.has_exits:
                tree.add(node, step.time_ns - time_ns)
            time_ns = step.time_ns
            if not step.is_entry:
                node = tree.parent(node)
                continue
            node = tree.child(node, flame.places[step.code])
            if step.is_called and not flame.has_exits:
                tree.add(node, 1)
    unit = 1000 if flame.has_exits else 1
    return ((stack, round(weight / unit)) for stack, weight in tree.stacks())
