"""What the loader runs by itself: functions called when a DLL is loaded and unloaded."""

import re
import struct
from dataclasses import dataclass

from pyxhon.dossier.budget import Budget
from pyxhon.target import elf_tables as tables
from pyxhon.target.elf import ElfImage

_MAX_LISTED = 32
_MAX_ARRAY_BYTES = 1 << 20
_FIRST_MARK = (1 << 64) - 1
# _init of glibc's crti.o: calls __gmon_start__ where there is one.
_EMPTY_INIT = re.compile(
    rb"(?:\xf3\x0f\x1e\xfa)?\x48\x83\xec\x08\x48\x8b\x05(?P<slot>....)\x48\x85\xc0"
    rb"(?:\x74\x02\xff\xd0|\x74\x05\xe8(?P<stub>....))\x48\x83\xc4\x08\xc3",
    re.DOTALL,
)
_STUB = re.compile(rb"(?:\xf3\x0f\x1e\xfa)?\xf2?\xff\x25(?P<slot>....)", re.DOTALL)
# frame_dummy of GCC's crtbegin.o: jumps to register_tm_clones, which calls _ITM_registerTMCloneTable if that is there.
_FRAME_DUMMY = re.compile(rb"(?:\xf3\x0f\x1e\xfa)?(?:\xe9(?P<far>....)|\xeb(?P<near>.))", re.DOTALL)
_REGISTER_CLONES = re.compile(
    rb"\x48\x8d\x3d....\x48\x8d\x35....\x48\x29\xfe\x48\x89\xf0\x48\xc1\xee\x3f\x48\xc1\xf8\x03\x48\x01\xc6\x48\xd1\xfe"
    rb"\x74\x14\x48\x8b\x05(?P<slot>....)\x48\x85\xc0\x74\x08\xff\xe0",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Calls:
    """How many functions the loader calls, the first of them, and how many of these GCC or glibc put there."""

    count: int | None
    first: tuple[int, ...]
    of_compiler: int


def constructors(image: ElfImage, budget: Budget) -> Calls:
    """Give what runs when the file is loaded: DT_PREINIT_ARRAY, DT_INIT, .ctors and DT_INIT_ARRAY."""
    arrays = ((tables.DT_PREINIT_ARRAY, tables.DT_PREINIT_ARRAYSZ), (tables.DT_INIT_ARRAY, tables.DT_INIT_ARRAYSZ))
    single = image.dynamic_value(tables.DT_INIT)
    return _calls(image, single, [_old_style(image, ".ctors"), *(_array(image, *tags) for tags in arrays)], budget)


def destructors(image: ElfImage, budget: Budget) -> Calls:
    """Give what runs when the file is unloaded: DT_FINI_ARRAY, .dtors and DT_FINI."""
    single = image.dynamic_value(tables.DT_FINI)
    array = _array(image, tables.DT_FINI_ARRAY, tables.DT_FINI_ARRAYSZ)
    return _calls(image, single, [_old_style(image, ".dtors"), array], budget)


def _calls(image: ElfImage, single: int | None, arrays: list[range | None], budget: Budget) -> Calls:
    """Give the function that stands alone and those whose pointers stand in arrays."""
    first = [single] if single else []
    for sites in arrays:
        for site in (sites or ())[: _MAX_LISTED - len(first)]:
            target = image.pointer_at(site) if budget.begin() else None
            first.append(target or 0)
    known = [sites for sites in arrays if sites is not None]
    count = (1 if single else 0) + sum(map(len, known)) if len(known) == len(arrays) else None
    return Calls(count, tuple(first), sum(_is_of_compiler(image, each) for each in first if budget.begin()))


def _array(image: ElfImage, address_tag: int, size_tag: int) -> range | None:
    """Give where the pointers of an array stand; None when nobody knows, for it does not fit."""
    address, size = image.dynamic_value(address_tag), image.dynamic_value(size_tag)
    if not address or not size:
        return range(0)
    is_there = size <= _MAX_ARRAY_BYTES and image.segment_of(address, size) is not None
    return range(address, address + size - 7, 8) if is_there else None


def _old_style(image: ElfImage, name: str) -> range:
    """Give where the pointers of a section stand between its marks: before .init_array, crtbegin.o called these."""
    section = image.section(name)
    if section is None or not 0 < section.size <= _MAX_ARRAY_BYTES:
        return range(0)
    sites = range(section.address, section.address + section.size - 7, 8)
    while sites and image.read_word(sites[0]) == _FIRST_MARK:
        sites = sites[1:]
    while sites and image.read_word(sites[-1]) == 0 and image.pointer_at(sites[-1]) in (0, None):
        sites = sites[:-1]
    return sites


def _is_of_compiler(image: ElfImage, address: int) -> bool:
    """Tell whether a function is, byte by byte, one that GCC and glibc link into every file, and does nothing."""
    code = image.read_upto(address, 32)
    if found := _EMPTY_INIT.match(code):
        return _is_empty_init(image, address, found)
    jump = _FRAME_DUMMY.match(code)
    if jump is None:
        return False
    is_far = jump["far"] is not None
    distance = struct.unpack("<i", jump["far"])[0] if is_far else struct.unpack("<b", jump["near"])[0]
    target = address + jump.end() + int(distance)
    found = _REGISTER_CLONES.match(image.read_upto(target, 64))
    return found is not None and _slot_is(image, target, found, "_ITM_registerTMCloneTable")


def _is_empty_init(image: ElfImage, address: int, found: "re.Match[bytes]") -> bool:
    if found["stub"] is not None:  # older linkers: the call goes through the PLT
        target = address + found.end("stub") + struct.unpack("<i", found["stub"])[0]
        stub = _STUB.match(image.read_upto(target, 16))
        if stub is None or not _slot_is(image, target, stub, "__gmon_start__"):
            return False
    return _slot_is(image, address, found, "__gmon_start__")


def _slot_is(image: ElfImage, address: int, found: "re.Match[bytes]", name: str) -> bool:
    """Tell whether the pointer that the code loads is one that the loader binds to this name."""
    slot = address + found.end("slot") + struct.unpack("<i", found["slot"])[0]
    return image.symbol_name_at(int(slot)) == name
