"""Turns what is known of an interpreter into what the probes read."""

import dataclasses
from typing import Final

from pyxhon import wire
from pyxhon.controls import ABSENT, FRAME_WINDOW, CodePart, KernelLayout
from pyxhon.cpython.layout import Layout
from pyxhon.cpython.opcodes import ENTRIES
from pyxhon.cpython.sites import Sites

_NEVER: Final = 256  # more than any owner
_ALL_ONES: Final = (1 << 64) - 1
_POINTER_BYTES: Final = 8
# glibc nptl/descr.h, struct pthread, x86-64: specific_1stblock and specific, the same in 2.28-2.42
_PTHREAD_FIRST_BLOCK, _PTHREAD_SPECIFIC = 0x310, 0x510
_SYMBOLS: Final = {
    "none_object": "_Py_NoneStruct",
    "bool_type": "PyBool_Type",
    "code_type": "PyCode_Type",
    "float_type": "PyFloat_Type",
    "unicode_type": "PyUnicode_Type",
    "long_type": "PyLong_Type",
    "tuple_type": "PyTuple_Type",
}


def kernel_layout(layout: Layout, sites: Sites) -> KernelLayout:
    """Give the layout of one interpreter build for the probes; fields of one name are the same offset."""
    names = {field.name for field in dataclasses.fields(KernelLayout)}
    shared = {name: _offset(getattr(layout, name)) for name in names if hasattr(layout, name)}
    addresses = {name: sites.symbols.get(symbol, 0) for name, symbol in _SYMBOLS.items()}
    places = _frame_places(layout) | _code_places(layout) | _thread_state_places(layout, sites)
    returns = (*sites.inner_import_returns, _ALL_ONES, _ALL_ONES)
    parts = [wire.encode(part) for part in _code_parts(layout)]
    fixed = {
        "read_only_start": sites.read_only_range[0],
        "read_only_end": sites.read_only_range[1],
        "inner_import_return": returns[0],
        "inner_import_return2": returns[1],
        "code_is_freed_seen": int(any(site.kind == "code_dealloc" for site in sites.sites)),
        "code_instrumentation_version": _offset(layout.code_instrumentation_version),
        "resume_mask": 7 if layout.version >= (3, 15) else 3,
        "resume_opcodes": _pack_opcodes(layout),
        "long_has_tag": int(layout.long_tag is not None),
        "pthread_first_block": _PTHREAD_FIRST_BLOCK,
        "pthread_specific": _PTHREAD_SPECIFIC,
        "code_part_count": len(parts),
        "reserved": 0,
    }
    return KernelLayout(**(shared | addresses | places | fixed), code_parts=b"".join(parts))


def _frame_places(layout: Layout) -> dict[str, int]:
    start = layout.frame_block_start
    has_owner = layout.frame_owner is not None and layout.frame_owner_skip_from is not None
    is_pointer = layout.frame_instruction_size == _POINTER_BYTES
    return {
        "frame_code": layout.frame_code - start,
        "frame_previous": layout.frame_previous - start,
        "frame_instruction": layout.frame_instruction - start,
        # from 3.11 on frames lie one after the other (Python/pystate.c, _PyThreadState_PushFrame)
        "frame_window": FRAME_WINDOW - _POINTER_BYTES if is_pointer else 0,
        "frame_owner": (layout.frame_owner or 0) - start if has_owner else 0,
        "frame_is_entry": layout.frame_is_entry - start if layout.frame_is_entry is not None else 0,
        "frame_entry_mask": 0xFF if layout.frame_is_entry is not None else 0,
        "owner_skip_from": (layout.frame_owner_skip_from or 0) if has_owner else _NEVER,
        "instruction_mask": _ALL_ONES if is_pointer else 0,
    }


def _code_places(layout: Layout) -> dict[str, int]:
    has_qualified_name = layout.code_qualname is not None
    first_traceable = layout.code_first_traceable
    return {
        "code_strings": layout.code_filename,
        "code_string_count": 4 if has_qualified_name else 3,
        "code_name_index": 2 if has_qualified_name else 1,
        "code_bytecode": layout.code_bytecode or 0,
        # where there is none, what is read there is not used (resolve.py)
        "code_first_traceable": layout.code_first_line if first_traceable is None else first_traceable,
    }


def _code_parts(layout: Layout) -> list[CodePart]:
    """Give what a code object consists of, most wanted first."""
    bytecode, data, items = layout.code_bytecode, layout.bytes_data, layout.tuple_items
    if bytecode is not None:  # it ends in its instructions, which ob_size counts
        parts = [_part(0, bytecode, 2)]
    else:
        parts = [_part(0, layout.code_size, 0), _part(layout.code_bytes, data, 1)]
    tuples = (layout.code_names, layout.code_constants, layout.code_local_names, layout.code_free_names)
    parts += [_part(place, items, 8, has_objects=1) for place in (*tuples, layout.code_cell_names)]
    parts += [_part(place, data, 1) for place in (layout.code_local_kinds, layout.code_exception_table)]
    if layout.monitoring_lines is not None and layout.monitoring_opcodes is not None:
        place = layout.code_monitoring
        head, each = layout.monitoring_line_data or 0, 2  # opcode and, up to 3.13, the distance to the next line
        parts += [
            _part(place, max(layout.monitoring_lines, layout.monitoring_opcodes) + _POINTER_BYTES, 0),
            _part(place, head, each, inner=layout.monitoring_lines, is_counted_by_code=1),
            _part(place, 0, 1, inner=layout.monitoring_opcodes, is_counted_by_code=1),
        ]
    return [part for part in parts if part is not None]


def _part(place: int | None, head: int, each: int, **more: int) -> CodePart | None:
    """Give a part at a pointer of a code object; None where this version has none."""
    if place is None:
        return None
    return CodePart(place, head, each, **{"has_objects": 0, "inner": ABSENT, "is_counted_by_code": 0, **more})


def _thread_state_places(layout: Layout, sites: Sites) -> dict[str, int]:
    runtime, key, current = sites.symbols.get("_PyRuntime"), layout.runtime_tss_key, layout.runtime_current_thread
    offset = sites.tls_thread_state
    return {
        "current_thread": 0 if runtime is None or current is None else runtime + current,
        "tss_key": 0 if runtime is None or key is None else runtime + key,
        "has_tls": int(offset is not None),
        "tls_offset": (offset or 0) & _ALL_ONES,
    }


def _pack_opcodes(layout: Layout) -> int:
    """Give the forms of RESUME, a byte each; 0 where there is none."""
    numbers = [layout.opcodes.number_of(name) or 0 for name in ENTRIES] if layout.opcodes else []
    return int.from_bytes(bytes(sorted(numbers, reverse=True)[:4]), "little")


def _offset(value: int | None) -> int:
    return ABSENT if value is None else value
