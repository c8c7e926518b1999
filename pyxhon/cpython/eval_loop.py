"""The machine code of CPython's evaluation loop, which compilers part in two: what they hold for cold has no symbol.

From the function `_PyEval_EvalFrameDefault`, which is exported, direct jumps lead into the inside of its other part,
and back from there; jumps between functions lead to their starts. Debian's 3.14 has nearly the whole loop in that part.
"""

import functools
import re
import struct
from collections import Counter
from collections.abc import Callable

from pyxhon.target.cfi_entries import CfiError, Fde
from pyxhon.target.cfi_index import open_index
from pyxhon.target.elf import ElfImage
from pyxhon.target.native_code import NativeCode
from pyxhon.target.native_frames import NativeFrame

EVAL_FUNCTION = "_PyEval_EvalFrameDefault"

_JUMP = re.compile(rb"(?:\xe9|\x0f[\x80-\x8f])(?=(.{4}))", re.DOTALL)  # jmp rel32, jcc rel32
_MAX_FUNCTION_BYTES = 1 << 20
_FEWEST_JUMPS = 3  # bytes that look like jumps by accident hardly lead into one function as often


class EvalLoops:
    """Tells which native frames run the loop; looks at each file once."""

    def __init__(self) -> None:
        self._parts: dict[NativeCode, frozenset[int]] = {}

    def is_eval(self, frame: NativeFrame) -> bool:
        """Tell whether a frame of an interpreter's file belongs to its evaluation loop."""
        code = None if frame.object is None else frame.object.code
        if code is None:
            return False
        if (frame.symbol or "").startswith(EVAL_FUNCTION):  # where there are symbols: also "….cold"
            return True
        if code not in self._parts:
            self._parts[code] = find_eval_functions(code.image)
        return frame.function_start in self._parts[code]


def find_eval_functions(image: ElfImage) -> frozenset[int]:
    """Give where the parts of the loop start, as linked; empty without symbol or unwind tables."""
    address = image.address_of(EVAL_FUNCTION)
    index = open_index(image)
    if address is None or index is None:
        return frozenset() if address is None else frozenset({address})

    @functools.cache
    def find(inside: int) -> Fde | None:
        try:
            return index.find(inside)
        except CfiError:
            return None

    main = find(address)
    if main is None:
        return frozenset({address})
    parts = {main.start}
    for part, count in _jumped_into(image, main, find).items():
        if count >= _FEWEST_JUMPS and _jumped_into(image, part, find)[main] >= _FEWEST_JUMPS:
            parts.add(part.start)
    return frozenset(parts)


def _jumped_into(image: ElfImage, function: Fde, find: Callable[[int], Fde | None]) -> Counter[Fde]:
    """Count the jumps of a function into the inside of others."""
    size = min(function.end - function.start, _MAX_FUNCTION_BYTES)
    code = image.read(function.start, size) or b""
    found: Counter[Fde] = Counter()
    for match in _JUMP.finditer(code):
        target = function.start + match.end() + 4 + struct.unpack("<i", match[1])[0]
        if function.start <= target < function.end:
            continue
        other = find(target) if target > 0 else None
        if other is not None and other.start != target:
            found[other] += 1
    return found
