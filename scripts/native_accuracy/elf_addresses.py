"""Offsets in ELF files, which strace and /proc/PID/maps tell, to the addresses that PyXhon tells."""

import functools
import struct

_HEAD_BYTES = 1 << 16
_LOAD = 1
_PAGE = 4096


@functools.cache
def _segments(path: str) -> tuple[tuple[int, int, int], ...]:
    """Give (offset in the file, address, size in the file) of each part that is loaded."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path is a text of strace's
            head = file.read(_HEAD_BYTES)
    except OSError:
        return ()
    if head[:5] != b"\x7fELF\x02":
        return ()
    start = struct.unpack_from("<Q", head, 32)[0]
    size, count = struct.unpack_from("<HH", head, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", head, start + number * size) for number in range(count)]
    return tuple((offset, address, length) for kind, _, offset, address, _, length, *_ in headers if kind == _LOAD)


def address_of(path: str, offset: int) -> int:
    """Give the address that an ELF file's own headers give to an offset; the offset itself where they do not."""
    for start, address, length in _segments(path):
        if start & -_PAGE <= offset < start + length:
            return offset - start + address
    return offset
