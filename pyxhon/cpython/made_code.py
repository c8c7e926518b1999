"""Sites where a code object has just been made: where the C functions that make them return.

These are `compile`, `marshal.loads`, `marshal.load` and `code.replace`, found by their names in PyMethodDef arrays, and
`types.CodeType`, found by PyCode_Type.tp_new (Include/cpython/object.h; one offset in CPython 3.8-3.15 with the GIL).
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from pyxhon.cpython.machine_code import (
    Code,
    Instruction,
    disassemble_function,
)
from pyxhon.cpython.methods import find_methods
from pyxhon.cpython.placement import place_before_return, places_before_return
from pyxhon.cpython.site import Site

MAKERS: Final = frozenset({"builtins.compile", "marshal.loads", "marshal.load", "code.replace"})
"""The methods whose results are looked at."""

_OFTEN: Final = frozenset({"builtins.compile", "marshal.loads"})  # there a stepped probe would be felt
_TYPE_NEW: Final = 312
_MOST_PARTS: Final = 8  # of one function: compilers move what seldom runs elsewhere
_MOST_BEFORE: Final = 24  # instructions before a return
_LARGEST_PART: Final = 1 << 13


def find_code_results(code: Code) -> tuple[list[Site], list[str]]:
    """Find where the makers return; give the sites, and notes on those without."""
    makers = {
        name: method.function
        for method in find_methods(code.image)
        for name in method.full_names
        if name in MAKERS and method.function is not None
    }
    kind = code.image.address_of("PyCode_Type")
    new = None if kind is None else code.image.pointer_at(kind + _TYPE_NEW)
    if new is not None and code.image.is_code(new):
        makers["types.CodeType"] = new
    found = {
        name: list(_sites_of(code, function, is_often=name in _OFTEN)) for name, function in sorted(makers.items())
    }
    without = sorted({*MAKERS, "types.CodeType"} - {name for name, sites in found.items() if sites})
    notes = [f"made code: no site in {', '.join(without)}"] if without else []
    return [site for sites in found.values() for site in sites], notes


def _sites_of(code: Code, function: int, *, is_often: bool) -> Iterator[Site]:
    parts = list(_parts_of(code, function))
    body = [each for part in parts for each in part]
    jumps: dict[int, list[Instruction]] = defaultdict(list)
    for jump in (each for each in body if each.is_jump and each.target is not None):
        jumps[jump.target or 0].append(jump)
    has_tables = any(each.is_jump and each.target is None for each in body)  # such jumps may lead anywhere
    sites: dict[int, Site] = {}
    for part in parts:
        for place, instruction in enumerate(part):
            if instruction.mnemonic != "ret":
                continue
            block = part[max(0, place - _MOST_BEFORE) : place + 1]
            places = place_before_return(block, jumps)
            if not places and is_often and not has_tables:
                is_known = code.jumps_into(body, block[0].address, instruction.address) is not None
                places = places_before_return(block, jumps) if is_known else []
            found = [Site("code_result", function, at.address, 0, at.is_emulated, register) for at, register in places]
            if not found or any(sites.get(site.address, site) != site for site in found):
                found = [
                    Site("code_result", function, instruction.address, 0, is_emulated=False, result_register="rax")
                ]
            sites |= {site.address: site for site in found}
    yield from sites.values()


def _parts_of(code: Code, function: int) -> Iterator[list[Instruction]]:
    """Give the instructions of a function: those around its address, and what it jumps to that is its own."""
    image = code.image
    first = image.function_range(function)
    left = [first]
    seen: set[tuple[int, int]] = set()
    while left and len(seen) < _MOST_PARTS:
        bounds = left.pop()
        if bounds is None or bounds in seen:
            continue
        seen.add(bounds)
        part = disassemble_function(image, bounds[0])
        outside = [
            each.target for each in part
            if each.is_jump and each.target is not None and not bounds[0] <= each.target < bounds[1]
        ]  # fmt: skip
        if bounds != first and not any(_is_within(target, first) for target in outside) and not _is_small(bounds):
            continue  # a function that is called at the end
        yield part
        left += [image.function_range(target) for target in outside]


def _is_within(address: int, bounds: tuple[int, int] | None) -> bool:
    return bounds is not None and bounds[0] <= address < bounds[1]


def _is_small(bounds: tuple[int, int]) -> bool:
    return bounds[1] - bounds[0] < _LARGEST_PART
