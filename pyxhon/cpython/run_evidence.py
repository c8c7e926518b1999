"""Whether a code object has run: running it changes it, on CPython 3.11 and from 3.13 on.

3.11: co_warmup starts at -8 and counts up with every RESUME and every JUMP_BACKWARD, until it is 0 and the code is
quickened (_PyCode_Warmup, Include/internal/pycore_code.h): one execution already shows.

3.13 and later: RESUME replaces itself with RESUME_CHECK when it runs for the first time, the JIT later with its own
forms (_QUICKEN_RESUME, Python/bytecodes.c). Two things get in the way. RESUME stays as it is while the thread runs
a trace or profile function. And monitoring (sys.settrace and sys.setprofile use it too) puts INSTRUMENTED_RESUME into
code when that runs, or when somebody asks for events of this one code object; when monitoring ends, RESUME may come
back in code that ran. What monitoring has touched and what does not clearly show that it ran, is not known.

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
_AT_FUNCTION_START = 0  # arguments of RESUME (pycore_opcode_utils.h)
_AT_GENERATOR_EXPRESSION_START = 4  # 3.15: runs when one is made; the RESUME of its body comes later
_MOST_UNITS_BETWEEN = 12


@dataclass(frozen=True, slots=True)
class _Forms:
    """The opcodes that a function's body may begin with, and the one that makes a generator of it."""

    plain: int
    instrumented: int | None
    checks: frozenset[int]
    executor: int | None
    generator: int | None

    def is_entry(self, opcode: int) -> bool:
        """Tell whether an opcode is one of them."""
        return opcode in (self.plain, self.instrumented, self.executor) or opcode in self.checks


def find_evidence(layout: Layout) -> Evidence | None:
    """Give how this CPython shows what has run; None where it does not."""
    if layout.code_warmup is not None:
        return functools.partial(_has_warmed_up, layout.code_warmup)
    opcodes = layout.opcodes
    if opcodes is None or layout.code_first_traceable is None or layout.code_monitoring is None:
        return None
    plain = opcodes.number_of("RESUME")
    if plain is None or opcodes.number_of(_CHECKS[0]) is None:
        return None
    checks = (opcodes.number_of(name) for name in _CHECKS)
    forms = _Forms(
        plain,
        opcodes.number_of("INSTRUMENTED_RESUME"),
        frozenset(number for number in checks if number is not None),
        opcodes.number_of("ENTER_EXECUTOR"),
        opcodes.number_of("RETURN_GENERATOR"),
    )
    return functools.partial(_is_quickened, layout, forms)


def _has_warmed_up(offset: int, pages: Pages, address: int) -> bool | None:
    block = pages.block(address + offset, 2)
    warmup = None if block is None else struct.unpack("<h", block)[0]
    return warmup != _INITIAL_WARMUP if warmup is not None and _INITIAL_WARMUP <= warmup <= 0 else None


def _is_quickened(layout: Layout, forms: _Forms, pages: Pages, address: int) -> bool | None:
    opcode = _entry_opcode(layout, forms, pages, address)
    if opcode is None or not forms.is_entry(opcode):
        return None
    if opcode in forms.checks or opcode == forms.executor:
        return True
    monitoring = pages.word(address + (layout.code_monitoring or 0))
    if not monitoring:
        return False if monitoring == 0 and opcode == forms.plain else None
    if opcode == forms.plain:
        return None
    local = pages.block(monitoring + (layout.monitoring_local_events or 0), layout.local_events_size or 1)
    return True if local is not None and not any(local) else None


def _entry_opcode(layout: Layout, forms: _Forms, pages: Pages, address: int) -> int | None:
    """Give the opcode where the body starts; CPython itself keeps where the first RESUME is."""
    block = pages.block(address + (layout.code_first_traceable or 0), 4)
    index = struct.unpack("<i", block)[0] if block is not None else -1
    if not 0 <= index < _MAX_UNITS:
        return None
    start = address + (layout.code_bytecode or 0) + index * _CODE_UNIT
    unit = pages.block(start, _CODE_UNIT)
    if unit is None:
        return None
    if unit[1] != _AT_GENERATOR_EXPRESSION_START or unit[0] not in (forms.plain, *forms.checks):
        return unit[0]
    return _opcode_after_generator(forms, pages.block(start, _MOST_UNITS_BETWEEN * _CODE_UNIT))


def _opcode_after_generator(forms: _Forms, code: bytes | None) -> int | None:
    """Give the opcode of the RESUME that follows RETURN_GENERATOR and POP_TOP; caches lie in between."""
    units = [] if code is None else list(zip(code[::2], code[1::2], strict=True))
    for (opcode, _), (resume, argument) in zip(units, units[2:], strict=False):
        if opcode == forms.generator and argument == _AT_FUNCTION_START and forms.is_entry(resume):
            return resume
    return None
