"""Whether probes in the bodies of opcodes tell of each executed instruction, exactly and in order.

It compares what they told of a program with what the interpreter told of the same program, run again.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from pyxhon.cache import prune_cached, read_cached, write_cached
from pyxhon.cpython.body_sites import BodySites
from pyxhon.cpython.calibration_run import workload_text
from pyxhon.cpython.sites_cache import digest_image
from pyxhon.errors import CalibrationError
from pyxhon.target.elf import ElfImage

# What the interpreter's own tracing does not tell of: how a frame begins, before it is whole (3.11, DO_TRACING; 3.12,
# co_firsttraceable), in 3.15 all that a generator does before it is one. NOT_TAKEN is passed over unless it is told ...
_UNTOLD: Final = frozenset({"RESUME", "COPY_FREE_VARS", "MAKE_CELL", "RETURN_GENERATOR", "END_FOR", "NOT_TAKEN"})
# ... and what follows the two last of them: a traced loop over a generator does not come by its end.
_UNTOLD_AFTER: Final = ("RETURN_GENERATOR", "END_FOR")
_UNTOLD_TOO: Final = "POP_TOP"
_UNIT_BYTES: Final = 2

_PREFIX: Final = "instructions-"
_MAX_REMEMBERED: Final = 64
_COUNT: Final = re.compile(rb"[1-9][0-9]{0,8}")
_JUDGES: Final = ("instruction_calibration", "calibration_run", "executed", "instruction_set", "body_sites")

Told = tuple[int, int, str]
"""Code object, offset, opcode."""


def judge_instructions(told: Sequence[Told], seen: Sequence[tuple[int, int]], names: Mapping[int, str]) -> int:
    """Give how many instructions prove it, or raise CalibrationError with the first difference.

    `told` is what the probes told of, `seen` (code object, offset) what the interpreter did.
    """
    untold = set(_untold_places(told))
    mine = [(code, offset) for code, offset, _ in told if (code, offset) not in untold]
    theirs = [place for place in seen if place not in untold]
    if not theirs:
        raise CalibrationError("the calibration's workload executed nothing")
    if mine == theirs:
        return len(mine)
    pairs = enumerate(zip(mine, theirs, strict=False))
    first = next((at for at, (one, other) in pairs if one != other), min(len(mine), len(theirs)))
    opcodes = {(code, offset): opcode for code, offset, opcode in told}
    saw, did = (_describe(places, first, names, opcodes) for places in (mine, theirs))
    counts = f"{len(mine)} instructions told of {len(theirs)}"
    raise CalibrationError(f"{counts}; the first difference is at {first}: {saw}, where the interpreter executed {did}")


def calibrate_instructions_cached(
    image: ElfImage, found: BodySites, calibrate: Callable[[], int], *, by: str, is_believed: bool
) -> int:
    """Give how many instructions have proven these sites of a file, else calibrate, as `calibrate_cached` does."""
    digest = digest_image(image, (found, by, _judges_digest()))
    name = f"{_PREFIX}{image.build_id or 'none'}-{digest}.json"
    content = read_cached(name)
    if content is not None and _COUNT.fullmatch(content):
        return int(content)
    count = calibrate()
    if is_believed:
        write_cached(name, str(count).encode())
        prune_cached(_PREFIX, _MAX_REMEMBERED)
    return count


@cache
def _judges_digest() -> str:
    digest = hashlib.sha256(workload_text().encode())
    for name in _JUDGES:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()


def _untold_places(told: Sequence[Told]) -> Iterator[tuple[int, int]]:
    ends = {(code, offset) for code, offset, opcode in told if opcode in _UNTOLD_AFTER}
    begins = {code: offset for code, offset, opcode in told if opcode == _UNTOLD_AFTER[0]}
    for code, offset, opcode in told:
        if (
            opcode in _UNTOLD
            or offset < begins.get(code, 0)
            or (opcode == _UNTOLD_TOO and (code, offset - _UNIT_BYTES) in ends)
        ):
            yield code, offset


def _describe(
    places: Sequence[tuple[int, int]], at: int, names: Mapping[int, str], opcodes: Mapping[tuple[int, int], str]
) -> str:
    if at >= len(places):
        return "nothing more"
    code, offset = places[at]
    return f"{opcodes.get((code, offset), '?')} at {offset} of {names.get(code, '?')}"
