"""Whether a code object has run: running it changes it, on CPython 3.11 and from 3.13 on.

3.11: co_warmup starts at -8 and counts up with every RESUME and every JUMP_BACKWARD, until it is 0 and the code is
quickened (_PyCode_Warmup, Include/internal/pycore_code.h): one execution already shows.

3.13 and later: RESUME replaces itself with RESUME_CHECK when it runs for the first time, the JIT later with its own
forms (_QUICKEN_RESUME, Python/bytecodes.c). Two things get in the way. RESUME stays as it is while the thread runs
a trace or profile function. And monitoring (sys.settrace and sys.setprofile use it too) puts INSTRUMENTED_RESUME into
code when that runs, or when somebody asks for events of this one code object; when monitoring ends, RESUME may come
back in code that ran. What monitoring has touched and what does not clearly show that it ran, is not known.

Where the RESUME of the body is, CPython itself keeps (_co_firsttraceable): cells and generators are set up before it.

Before 3.11, and on 3.12, running leaves nothing behind that can be relied on.
"""

import functools
import struct
from collections.abc import Callable
from dataclasses import dataclass

from pyxhon.cpython.layout import Layout
from pyxhon.cpython.pages import Pages

Evidence = Callable[[Pages, int], bool | None]
"""Says of the code object at an address whether it has run; None: not known."""

_INITIAL_WARMUP = -8  # QUICKENING_INITIAL_WARMUP_VALUE
_CODE_UNIT = 2
_MAX_UNITS = 1 << 20
_CHECKS = ("RESUME_CHECK", "RESUME_CHECK_JIT")
_AT_GENERATOR_EXPRESSION_START = 4  # an argument of RESUME, 3.15 (RESUME_AT_GEN_EXPR_START, pycore_opcode_utils.h)
_MOST_UNITS_BEFORE = 16


@dataclass(frozen=True, slots=True)
class _Forms:
    """The opcodes that a function's body may begin with: `quickened` once it has run; `resumes` are RESUME's own."""

    plain: int
    instrumented: int | None
    quickened: frozenset[int]
    resumes: frozenset[int]


def find_evidence(layout: Layout) -> Evidence | None:
    """Give how this CPython shows what has run; None where it does not."""
    if layout.code_warmup is not None:
        return functools.partial(_has_warmed_up, layout.code_warmup)
    if layout.opcodes is None or layout.code_first_traceable is None or layout.code_monitoring is None:
        return None
    number_of = layout.opcodes.number_of
    plain = number_of("RESUME")
    checks = {number for name in _CHECKS if (number := number_of(name)) is not None}
    if plain is None or not checks:
        return None
    executor = number_of("ENTER_EXECUTOR")
    quickened = frozenset(checks if executor is None else {*checks, executor})
    forms = _Forms(plain, number_of("INSTRUMENTED_RESUME"), quickened, frozenset({plain, *checks}))
    return functools.partial(_is_quickened, layout, forms)


def _has_warmed_up(offset: int, pages: Pages, address: int) -> bool | None:
    block = pages.block(address + offset, 2)
    warmup = None if block is None else struct.unpack("<h", block)[0]
    return warmup != _INITIAL_WARMUP if warmup is not None and _INITIAL_WARMUP <= warmup <= 0 else None


def _is_quickened(layout: Layout, forms: _Forms, pages: Pages, address: int) -> bool | None:
    block = pages.block(address + (layout.code_first_traceable or 0), 4)
    index = struct.unpack("<i", block)[0] if block is not None else -1
    if not 0 <= index < _MAX_UNITS:
        return None
    entry = address + (layout.code_bytecode or 0) + index * _CODE_UNIT
    unit = pages.block(entry, _CODE_UNIT)
    opcode = None if unit is None else unit[0]
    if opcode in forms.quickened:
        return True
    if opcode == forms.instrumented and not _is_entered_twice(forms, pages, entry, index):
        return True if _wants_every_event(layout, pages, address) else None
    return False if opcode == forms.plain and pages.word(address + (layout.code_monitoring or 0)) == 0 else None


def _is_entered_twice(forms: _Forms, pages: Pages, entry: int, index: int) -> bool:
    """Tell whether another RESUME runs when a generator expression is made, 3.15: it would have brought monitoring."""
    size = min(index, _MOST_UNITS_BEFORE) * _CODE_UNIT
    before = pages.block(entry - size, size) if size else b""
    units = [] if before is None else zip(before[::2], before[1::2], strict=True)
    return any(unit == (resume, _AT_GENERATOR_EXPRESSION_START) for unit in units for resume in forms.resumes)


def _wants_every_event(layout: Layout, pages: Pages, address: int) -> bool:
    """Tell whether code is monitored like all other code, and nobody asked for events of this code object alone."""
    monitoring = pages.word(address + (layout.code_monitoring or 0))
    if not monitoring:
        return False
    local = pages.block(monitoring + (layout.monitoring_local_events or 0), layout.local_events_size or 1)
    return local is not None and not any(local)
