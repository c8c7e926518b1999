import ctypes
import mmap
import os

import pytest

from pyxhon.target.process import page_reader, read_memory

PAGE = mmap.PAGESIZE


@pytest.fixture
def start():
    """The address of three pages of which the last cannot be read."""
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    address = libc.mmap(None, ctypes.c_size_t(3 * PAGE), 3, 0x22, -1, ctypes.c_long(0))  # private, of no file
    ctypes.memmove(address, bytes(range(256)) * (2 * PAGE // 256), 2 * PAGE)
    assert libc.mprotect(ctypes.c_void_p(address + 2 * PAGE), PAGE, 0) == 0
    yield address
    libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(3 * PAGE))


@pytest.mark.parametrize(
    ("offset", "size"),
    [(0, 1), (5, 300), (PAGE - 3, 6), (PAGE - 8, 8), (0, 2 * PAGE), (2 * PAGE - 1, 1), (7, 0), (7, -1), (0, 1 << 20)],
)
def test_reading_by_pages_gives_what_reading_gives(start, offset, size):
    read = page_reader(os.getpid())

    assert read(start + offset, size) == read_memory(os.getpid(), start + offset, size)


@pytest.mark.parametrize("offset", [2 * PAGE, 2 * PAGE - 1])
def test_what_is_not_wholly_readable_is_nothing(start, offset):
    assert page_reader(os.getpid())(start + offset, 2) is None


@pytest.mark.parametrize("address", [0, -1, 1 << 47, (1 << 64) - 1, 1 << 70])
def test_an_address_that_none_can_be_gives_nothing(address):
    assert page_reader(os.getpid())(address, 8) is None


def test_a_page_is_read_once(start):
    read = page_reader(os.getpid())
    first = read(start, 4)

    ctypes.memset(start, 0xFF, 4)

    assert read(start, 4) == first
