"""Sites of the audit signal: the functions through which every audit event (PEP 578) passes.

The method, and its proof on nine builds, is in docs/signals.md.
"""

import re
import struct
from collections.abc import Iterator
from itertools import combinations, islice

from pyxhon.cpython.machine_code import (
    Code,
    Instruction,
    disassemble,
    disassemble_function,
    find_words_in_code,
    is_stub,
)
from pyxhon.cpython.placement import place_at_entry
from pyxhon.cpython.site import Site
from pyxhon.target.elf import ElfImage
from pyxhon.target.markers import read_markers

_METH_FASTCALL = 0x80
_FUNNEL_BYTES = 320
_PROLOGUE_BYTES = 110
_LEAST_DISPLACEMENT = 0x200
_MAX_CLONES = 64
_MAX_STRINGS = 64
_VARARGS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_FIELD = re.compile(r"qword ptr \[(r(?!ip|sp|bp)\w+) \+ (0x[0-9a-f]+)\]")


def find_audit_sites(code: Code, version: tuple[int, int]) -> tuple[list[Site], list[str]]:
    """Find all sites of the audit signal; give them, and notes on what could not be had."""
    image = code.image
    public = image.address_of("PySys_Audit")
    if public is None:
        return [], ["audit: PySys_Audit is not in the symbol table"]
    sites, notes = [], []
    if version < (3, 9):  # there is no other function that raises events
        sites.append(_site(code, "audit_public", public))
    else:
        funnel = find_funnel(image, public)
        if funnel is None:
            notes.append("audit: the call of sys_audit_tstate in PySys_Audit was not found")
        else:
            sites.append(_site(code, "audit_funnel", funnel))
            for clone in find_clones(image, funnel):
                kind = "audit_public" if clone == public else "audit_clone"
                sites.append(_site(code, kind, clone))
    notes += _compare_with_markers(image, sites)
    builtin = find_sys_audit(image)
    if builtin is None:
        notes.append("audit: the sys.audit builtin was not found: events raised by Python code are lost")
    else:
        sites.append(_site(code, "sys_audit", builtin))
    return sites, notes


def find_funnel(image: ElfImage, public: int) -> int | None:
    """Find `sys_audit_tstate`: the last function of the file's own that PySys_Audit calls directly."""
    for instruction in reversed(disassemble_function(image, public)):
        target = instruction.target if instruction.is_call else None
        if target is None or is_stub(image, target) or not image.is_code(target):
            continue
        if not any(image.dynamic_table.indices_of_value(target)):
            return target
    return None


def find_clones(image: ElfImage, funnel: int) -> list[int]:
    """Find the copies of `_PySys_Audit` into which link-time optimisation inlined the funnel.

    A copy takes a variable number of arguments (`test al, al` in its prologue) and refers to both lists of
    audit hooks, whose displacements are among those that the funnel's code shows.
    """
    holders = {word: _functions_with(image, word) for word in _displacements(image, funnel)}
    both: set[int] = set()
    for one, other in combinations(holders.values(), 2):
        both |= one & other
    both.discard(funnel)
    return [start for start in sorted(both) if _is_varargs(image, start)][:_MAX_CLONES]


def find_sys_audit(image: ElfImage) -> int | None:
    """Find the sys.audit builtin: PyMethodDef {"audit", function, METH_FASTCALL, doc}."""
    for before in islice(image.find_bytes(b"\0audit\0", image.read_only), _MAX_STRINGS):
        for entry in image.pointer_sites(before + 1):
            flags = image.read(entry + 16, 4)
            function = image.pointer_at(entry + 8)
            if flags is None or function is None or not image.is_code(function):
                continue
            if struct.unpack("<i", flags)[0] == _METH_FASTCALL:
                return function
    return None


def _site(code: Code, kind: str, function: int) -> Site:
    kept = {"audit_funnel": _VARARGS[:4], "sys_audit": _VARARGS[:3]}.get(kind, _VARARGS)
    place = place_at_entry(code, function, kept)
    return Site(kind, function, place.address, place.stack_adjust, place.is_emulated)


def _displacements(image: ElfImage, funnel: int) -> list[int]:
    """List the displacements of pointers that the funnel reads or compares: the hook lists are among them."""
    found: dict[int, None] = {}
    for instruction in disassemble(image, funnel, _FUNNEL_BYTES):
        field = _FIELD.search(instruction.operands)
        if field is None or not _reads_field(instruction):
            continue
        displacement = int(field[2], 16)
        if displacement > _LEAST_DISPLACEMENT:
            found[displacement] = None
    return list(found)


def _reads_field(instruction: Instruction) -> bool:
    if instruction.mnemonic == "cmp":
        return True
    return instruction.mnemonic == "mov" and not instruction.operands.startswith("qword ptr")


def _functions_with(image: ElfImage, word: int) -> set[int]:
    ranges = (image.function_range(address) for address in find_words_in_code(image, word))
    return {bounds[0] for bounds in ranges if bounds is not None}


def _is_varargs(image: ElfImage, start: int) -> bool:
    prologue = disassemble(image, start, _PROLOGUE_BYTES)
    return any(i.mnemonic == "test" and i.operands == "al, al" for i in prologue)


def _compare_with_markers(image: ElfImage, sites: list[Site]) -> Iterator[str]:
    """Say whether there are as many sites as `python:audit` markers: the compiler copied both alike."""
    markers = [m for m in read_markers(image) if (m.provider, m.name) == ("python", "audit")]
    if markers and len(markers) != len(sites):
        yield (
            f"audit: {len(sites)} functions raise events where the file has {len(markers)} "
            "python:audit markers: some events may be missed"
        )
    elif markers:
        yield f"audit: {len(sites)} functions, as many as python:audit markers"
